"""Splits as they come in and go out."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from libs.common.web.schemas import In, Out

Kind = Literal["revenue", "overlay"]


class ShareIn(In):
    """How much of a deal somebody is credited with, in (0, 1]: 0.6 is 60 %."""

    person_id: UUID
    share: Annotated[Decimal, Field(gt=0, le=1, decimal_places=6, allow_inf_nan=False)]


class SplitIn(In):
    """All shares of a kind, whole. Revenue shares add to 1 exactly; none at all give everything to the owner again.

    `at`: from when it holds. Left out it is now, and of a closed deal the day of its closing.
    """

    kind: Kind = "revenue"
    shares: Annotated[tuple[ShareIn, ...], Field(max_length=50)] = ()
    at: AwareDatetime | None = None


class CreditOut(Out):
    """`person_id` null: nobody's yet. `amount` null: the deal has none."""

    person_id: UUID | None
    share: Decimal
    amount: Decimal | None


class SaidOut(Out):
    """A statement, for the history of the splits."""

    entry_id: UUID
    version: int
    kind: Kind
    shares: list[ShareIn]
    at: datetime
    author: str
    recorded_at: datetime


class SplitsOut(Out):
    """Who is credited. `revenue` adds to the deal's amount to the cent; `overlay` stands beside it and adds to nothing.

    `version`: of everything that was said of the deal; send it as If-Match to overwrite nothing unseen. `is_stated`: false where all is
    the owner's since nobody said otherwise. `crm_problem`: why what the CRM tells does not stand.
    """

    deal_id: UUID
    version: int
    as_of: datetime
    known_at: datetime
    owner_id: UUID | None
    amount: Decimal | None
    currency: str | None
    is_stated: bool
    revenue: list[CreditOut]
    overlay: list[CreditOut]
    said: list[SaidOut]
    crm_problem: str | None


class PersonOut(Out):
    """What somebody is credited with in one currency. `own`: of deals that they own; `from_others`: of other people's deals.

    `person_id` null: deals without an owner, allocated to nobody. `overlay` is beside `amount` and in no total.
    """

    person_id: UUID | None
    currency: str | None
    deals: int
    amount: Decimal
    own: Decimal
    from_others: Decimal
    unpriced: int
    overlay: Decimal


class WholeOut(Out):
    """All deals of a currency: the amounts of people and of nobody add to `amount`."""

    currency: str | None
    deals: int
    amount: Decimal
    unpriced: int


class CreditedOut(Out):
    """Deals within scope by whom they are credited to."""

    as_of: datetime
    known_at: datetime
    state: Literal["open", "won"]
    closes_from: date | None
    closes_until: date | None
    people: list[PersonOut]
    whole: list[WholeOut]
