"""What happened to deals, and the organisation that owns them. Every event carries the full state."""

from datetime import date, datetime
from decimal import Decimal
from typing import ClassVar, Literal
from uuid import UUID

from libs.common.events.base import EventData, Payload
from libs.common.events.crm import Category, Comparison, DealType, EditedField, Probability, State, ValueBasis
from libs.common.messaging.topics import DEAL_EVENTS, Topic

Gate = Literal["not_applicable", "waiting", "passed", "overridden"]


class DealState(EventData):
    """One entry of a deal's timeline.

    Entries are ordered by `(valid_from, version)`; the greatest is the deal as it stands. A correction of the past is a new
    version with an old `valid_from`.
    """

    TOPIC: ClassVar[Topic] = DEAL_EVENTS

    deal_id: UUID
    version: int
    valid_from: datetime
    source_recorded_at: datetime | None = None
    reconstructed: bool = False
    unobserved_since: datetime | None = None
    """The CRM told of a change at this instant whose state nobody saw: what held from here until `valid_from` is unknown.

    Of this entry alone; null where the path from the entry before is known. See `crm.deal.changed.v1`."""
    changed_by: UUID | None = None
    """Who made the change in the CRM by which this entry began, as its key of users. Of this entry alone; null: nobody told."""
    connection: str | None = None
    external_id: str | None = None
    name: str = ""
    state: State = "open"
    pipeline: str = "default"
    stage: str = ""
    stage_entered_at: datetime
    stage_probability: Probability | None = None
    category: Category | None = None
    category_by_person: bool = False
    gate: Gate = "not_applicable"
    amount: Decimal | None = None
    currency: str | None = None
    amount_from: Literal["crm", "quote", "lead"] = "crm"
    quote_id: UUID | None = None
    close_date: date | None = None
    close_date_provisional: bool = False
    closed_on: date | None = None
    created_at: datetime
    owner_id: UUID | None = None
    account_id: UUID | None = None
    lead_id: UUID | None = None
    region: str | None = None
    market: str | None = None
    segment: str | None = None
    product: str | None = None
    source: str | None = None
    deal_type: DealType = "unmapped"
    value_basis: ValueBasis = "one_off"
    term_months: int | None = None
    loss_reason: str | None = None
    next_step: str | None = None
    next_step_known: bool = False
    """Whether the CRM tells next steps: without, `next_step` is unknown and not missing."""
    last_activity_at: datetime | None = None
    activity_known: bool = False
    """Whether the CRM tells activities: without, `last_activity_at` is unknown and not never."""
    economic_buyer_until: datetime | None = None
    """Until when what is known of an economic buyer, claimed at least, counts as fresh; null: nothing is known, or it was taken back."""
    threads_until: tuple[datetime, ...] | None = None
    """Until when each thread lives, a contact touched both ways within 90 days, the longest first and at most ten: at an instant
    there are as many threads as end at it or later. Null: no touchpoint of the deal was ever told, so their number is unknown."""
    pushes: int = 0
    provisional: bool = False
    absorbed_into: UUID | None = None
    removed: bool = False
    delivery_received_at: datetime | None = None
    """Arrival at our door of the delivery that caused this entry, for latency and provenance."""


class DealOpened(DealState):
    """A pursuit began: the first entry of a timeline."""

    TYPE: ClassVar[str] = "deals.deal.opened.v1"


class DealChanged(DealState):
    """Something about an open or closed deal changed."""

    TYPE: ClassVar[str] = "deals.deal.changed.v1"


class DealWon(DealState):
    TYPE: ClassVar[str] = "deals.deal.won.v1"


class DealLost(DealState):
    TYPE: ClassVar[str] = "deals.deal.lost.v1"


class DealReopened(DealState):
    TYPE: ClassVar[str] = "deals.deal.reopened.v1"


class DealRemoved(DealState):
    """Deleted or merged away in the CRM, or absorbed by the opportunity it stood for. It may come back."""

    TYPE: ClassVar[str] = "deals.deal.removed.v1"


class DealCorrected(DealState):
    """An entry of the past was inserted or rewritten because something arrived late."""

    TYPE: ClassVar[str] = "deals.deal.corrected.v1"


class UnitChanged(EventData):
    """A unit of the organisation (company, region, team). `parent_id` is null for the root only."""

    TYPE: ClassVar[str] = "deals.unit.changed.v1"
    TOPIC: ClassVar[Topic] = DEAL_EVENTS

    unit_id: UUID
    version: int
    valid_from: datetime
    parent_id: UUID | None = None
    name: str
    kind: Literal["company", "region", "team", "unassigned"]
    lead_id: UUID | None = None
    """Who leads it, as a person of the organisation; null: nobody was named."""
    removed: bool = False


class PersonPlaced(EventData):
    """A person belongs to a unit from `valid_from` on."""

    TYPE: ClassVar[str] = "deals.person.placed.v1"
    TOPIC: ClassVar[Topic] = DEAL_EVENTS

    person_id: UUID
    version: int
    valid_from: datetime
    unit_id: UUID
    manager_id: UUID | None = None
    is_active: bool = True


class AccountChanged(EventData):
    """An account after a change."""

    TYPE: ClassVar[str] = "deals.account.changed.v1"
    TOPIC: ClassVar[Topic] = DEAL_EVENTS

    account_id: UUID
    version: int
    valid_from: datetime
    name: str = ""
    region: str | None = None
    market: str | None = None
    segment: str | None = None
    tier: str | None = None
    parent_id: UUID | None = None
    absorbed_into: UUID | None = None
    removed: bool = False


class ContactChanged(EventData):
    """Somebody who works for an account, without name, mail and phone. `erased`: their person data is gone for good."""

    TYPE: ClassVar[str] = "deals.contact.changed.v1"
    TOPIC: ClassVar[Topic] = DEAL_EVENTS

    contact_id: UUID
    entry_id: UUID
    at: datetime
    account_id: UUID
    seniority: str | None = None
    department: str | None = None
    active: bool = True
    erased: bool = False


class ContactRoleChanged(EventData):
    """A contact holds a buying role in a deal from `at` on, or no longer does."""

    TYPE: ClassVar[str] = "deals.contact.role_changed.v1"
    TOPIC: ClassVar[Topic] = DEAL_EVENTS

    deal_id: UUID
    contact_id: UUID
    entry_id: UUID
    role: str
    holds: bool
    at: datetime


class TouchpointNoted(EventData):
    """Somebody of ours and contacts spoke, or it turned out that they did not (`withdrawn`). Of several the greatest
    `(stated_at, entry_id)` stands.
    """

    TYPE: ClassVar[str] = "deals.touchpoint.noted.v1"
    TOPIC: ClassVar[Topic] = DEAL_EVENTS

    touchpoint_id: UUID
    entry_id: UUID
    stated_at: datetime
    at: datetime
    kind: Literal["call", "mail", "meeting"]
    direction: Literal["ours", "theirs", "both"]
    deal_id: UUID | None = None
    account_id: UUID | None = None
    contacts: tuple[UUID, ...] = ()
    ours: tuple[UUID, ...] = ()
    withdrawn: bool = False


class CommitmentChanged(EventData):
    """A promise was made, moved, evidenced, kept, broken or withdrawn. Its words stay with it."""

    TYPE: ClassVar[str] = "deals.commitment.changed.v1"
    TOPIC: ClassVar[Topic] = DEAL_EVENTS

    commitment_id: UUID
    entry_id: UUID
    kind: Literal["made", "moved", "evidenced", "kept", "broken", "withdrawn"]
    at: datetime
    deal_id: UUID | None = None
    account_id: UUID | None = None
    side: Literal["ours", "theirs"]
    owner_id: UUID
    due: date | None = None


class EditWanted(EventData):
    """Somebody wants another value in a field that the deal's CRM owns. Values are text as in the API; null is none.

    `bases`: what the CRM may hold for the edit to be written: what the author saw, and what edits before this one wanted. It
    supersedes those: of the edits of one field of a deal the one with the greatest `sequence` stands.
    """

    TYPE: ClassVar[str] = "deals.edit.wanted.v1"
    TOPIC: ClassVar[Topic] = DEAL_EVENTS

    edit_id: UUID
    sequence: int
    deal_id: UUID
    connection: str
    external_id: str
    field: EditedField
    wanted: str | None = None
    bases: tuple[str | None, ...] = ()
    currency: str | None = None
    pipeline: str | None = None
    wanted_at: datetime


class DealsCompared(Comparison):
    """A comparison of a connection's deals with its CRM, handed on to those who only listen to deals."""

    TYPE: ClassVar[str] = "deals.deal.compared.v1"
    TOPIC: ClassVar[Topic] = DEAL_EVENTS


class ClosePlanMoved(EventData):
    """When a deal will be done by its close plan: told at every change of the plan and once a day, as the days go by.

    The greatest `version` is how it stands. Days are those of half (`p50_on`) and of four in five cases (`p80_on`); with no task
    left both are the last day on which one was done.
    """

    TYPE: ClassVar[str] = "deals.close_plan.moved.v1"
    TOPIC: ClassVar[Topic] = DEAL_EVENTS

    deal_id: UUID
    version: int
    as_of: date
    open_tasks: int
    p50_on: date | None = None
    p80_on: date | None = None


class DealSignal(EventData):
    """What is said of one signal on one deal. Of several the greatest `version` stands, whatever the order in which they come."""

    TOPIC: ClassVar[Topic] = DEAL_EVENTS

    deal_id: UUID
    signal: str
    version: int
    at: datetime
    refit_id: UUID
    """The refit by which the signal was on, or no longer was."""


class DealSignalRaised(DealSignal):
    """An open deal has a signal that was measured to change how often deals are won."""

    TYPE: ClassVar[str] = "deals.signal.raised.v1"

    lift: float
    """Share won within 90 days with the signal less without it, in [-1, 1]."""
    low: float
    high: float


class DealSignalCleared(DealSignal):
    """The deal no longer has it, is no longer open, or the signal was turned off."""

    TYPE: ClassVar[str] = "deals.signal.cleared.v1"


class CoverAmount(Payload):
    """Open money of an account in one currency, and how much of it hangs on thin, silent or lapsed relationships.

    `at_risk` and, of it, `lapsed` (an executive is overdue by more than half a cadence) are of deals that close in this quarter or the
    next; null while nobody tells touchpoints.
    """

    currency: str
    open: Decimal
    at_risk: Decimal | None = None
    lapsed: Decimal | None = None


class CoverCounted(EventData):
    """How an account is covered: told anew whenever it has changed, as days go by too. The greatest version stands.

    `has_executive`: one of our executives looks after one of theirs. Without open deals `amounts` is empty.
    """

    TYPE: ClassVar[str] = "deals.cover.counted.v1"
    TOPIC: ClassVar[Topic] = DEAL_EVENTS

    account_id: UUID
    version: int
    counted_at: datetime
    has_executive: bool
    amounts: tuple[CoverAmount, ...] = ()
