"""How far a deal's fold has come: all that the next input needs to know of the earlier ones."""

from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from libs.common.events.crm import Category, CrmDealChanged
from libs.common.events.leads import Verdict
from libs.common.events.pricing import QuoteState
from services.deals.relationship import Reach


@dataclass(frozen=True, slots=True, kw_only=True)
class Pursuit:
    """The CRM's side: the last living record and what its predecessors left behind."""

    record: CrmDealChanged
    """The last record that was not a tombstone."""
    tombstone: bool = False
    merged_into: UUID | None = None
    created_at: datetime
    stage_entered_at: datetime
    category: Category | None = None
    category_by_person: bool = False
    lapsed: Category | None = None
    """The CRM's category at the last close: seen again after a reopen it is a leftover, not a person's word."""
    date_was_past: bool = False
    pushes: int = 0
    closed_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """The whole state. `at` is the greatest instant of any input so far, effective or not."""

    at: datetime | None = None
    pursuit: Pursuit | None = None
    verdicts: dict[UUID, Verdict] = field(default_factory=dict)
    quotes: dict[UUID, QuoteState] = field(default_factory=dict)
    converted_from: UUID | None = None
    """The lead whose conversion names this deal; it counts where the CRM's record names no lead."""
    merged: dict[UUID, UUID] = field(default_factory=dict)
    """Lead to the one that stands for it: its verdict is that one's."""
    economic_buyer_until: datetime | None = None
    """Until when the statements about an economic buyer that stand so far count as fresh; None without any."""
    reached: dict[UUID, Reach] | None = None
    """When each contact was last spoken with in either direction; None where no touchpoint of the deal was ever told."""
    gate_overridden: bool = False
    """What the last person to decide about the gate said; it stands whatever the lead's verdict, and shows while that waits."""
