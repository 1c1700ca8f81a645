"""What CRMs keep beside their deals, in objects of their own, published by the gateway. Every payload is whole."""

from datetime import datetime
from decimal import Decimal
from typing import ClassVar, Literal
from uuid import UUID

from libs.common.events.base import Payload
from libs.common.events.crm import CrmRecord


class CrmBeside(CrmRecord):
    """One part of what stands beside a deal, all of it. Its `clock` is of when the CRM was asked, always after that of an earlier answer.

    `since`: from when it holds. That is the newest change which the CRM notes on what is there, if it lies after the answer before;
    else, as something was taken away without a trace, the time of the question.
    """

    deal_id: UUID
    since: datetime | None = None
    problem: str | None = None
    """Why nothing can be made of what the CRM has; then the rest is empty."""

    @property
    def says_nothing(self) -> bool:
        """Whether the CRM has nothing of it."""
        return self.problem is None and not self.told

    @property
    def told(self) -> tuple[object, ...]:
        """What the CRM has."""
        return ()


class ToldLine(Payload):
    """A product line. `amount` is after discounts; null where the CRM tells neither it nor quantity and price."""

    product: str
    amount: Decimal | None = None
    quantity: Decimal | None = None
    price: Decimal | None = None
    term_months: int | None = None


class CrmDealLinesChanged(CrmBeside):
    """The product lines of a deal."""

    TYPE: ClassVar[str] = "crm.deal_lines.changed.v1"

    currency: str | None = None
    """Null: that of the deal."""
    lines: tuple[ToldLine, ...] = ()

    @property
    def told(self) -> tuple[object, ...]:
        return self.lines


class ToldShare(Payload):
    """What somebody is credited with, 1 for all of it; `overlay` stands beside the amount."""

    person_id: UUID
    share: Decimal
    overlay: bool = False


class CrmDealSplitsChanged(CrmBeside):
    """Who is credited with a deal, as the CRM says; its shares may fail to make a whole."""

    TYPE: ClassVar[str] = "crm.deal_splits.changed.v1"

    shares: tuple[ToldShare, ...] = ()

    @property
    def told(self) -> tuple[object, ...]:
        return self.shares


class CrmDealCompetitorsChanged(CrmBeside):
    """Who else offers, by name."""

    TYPE: ClassVar[str] = "crm.deal_competitors.changed.v1"

    names: tuple[str, ...] = ()

    @property
    def told(self) -> tuple[object, ...]:
        return self.names


class CrmActivityChanged(CrmRecord):
    """A call, mail or meeting that a CRM keeps: who, when and which way, never what was said. Not `done`: planned, cancelled or missed."""

    TYPE: ClassVar[str] = "crm.activity.changed.v1"

    activity_id: UUID
    kind: Literal["call", "mail", "meeting"] = "meeting"
    direction: Literal["ours", "theirs", "both"] = "both"
    at: datetime | None = None
    done: bool = True
    deal_ids: tuple[UUID, ...] = ()
    account_ids: tuple[UUID, ...] = ()
    contact_ids: tuple[UUID, ...] = ()
    our_ids: tuple[UUID, ...] = ()
