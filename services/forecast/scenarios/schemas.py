"""Scenarios as they are saved, listed and compared. Money is in the reading's currency, to the cent."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from libs.common.events.crm import DealType, ValueBasis
from libs.common.web.schemas import In, Out
from services.forecast.outlook.schemas import DealOut, LandingOut
from services.forecast.outlook.written import MOST, Kind
from services.forecast.rollup.schemas import OrgOut, PeriodOut, Reading

Standing = Literal["none", "open", "won", "lost", "removed", "elsewhere", "unknown", "hidden"]
"""How the deal of a supposition stands: `none` if it is of no deal, `elsewhere` open but not in what the scenario is of,
`unknown` not known at that instant, `hidden` outside the reader's scope."""


class ScenarioIn(In):
    """What is saved: `suppose` as `what-if` takes it. Without `org` it is the caller's own unit."""

    name: Annotated[str, Field(min_length=1, max_length=80)]
    period: Annotated[str, Field(max_length=20)]
    org: UUID | None = None
    deal_type: DealType | None = None
    value_basis: ValueBasis | None = None
    suppose: Annotated[list[Annotated[str, Field(max_length=200)]], Field(min_length=1, max_length=MOST)]


class SaidOut(Out):
    """A supposition. Of a deal that the reader may not see nothing but its kind is told (`standing` is `hidden`)."""

    kind: Kind
    suppose: str | None
    deal: DealOut | None
    standing: Standing


class ScenarioOut(Out):
    """A scenario as its newest version has it. `author` saved it; `ended_by` withdrew it at `ended_at`.

    `period_end` is the last day. `stale`: suppositions of deals that are no longer open; `hidden`: of deals outside the
    reader's scope. Neither is taken into account when the scenario is compared.
    """

    scenario_id: UUID
    version: int
    name: str
    author: str
    saved_at: datetime
    org: OrgOut
    period: str
    period_start: date
    period_end: date
    deal_type: str | None
    value_basis: str | None
    suppositions: list[SaidOut]
    stale: int
    hidden: int
    state: Literal["saved", "withdrawn"]
    ended_by: str | None
    ended_at: datetime | None


class ScenariosOut(Out):
    items: list[ScenarioOut]


class ChangeOut(SaidOut):
    """A supposition with what it changes once all before it hold; null where it was not taken into account."""

    change: Decimal | None


class ComparedScenarioOut(Out):
    """A scenario beside others: the projection as it is plus all changes is `landing.parts.projection`, to the cent."""

    scenario_id: UUID
    version: int
    name: str
    author: str
    saved_at: datetime
    landing: LandingOut
    change: Decimal
    changes: list[ChangeOut]


class ComparisonReading(Reading):
    """Scenarios of one question side by side, all seen from the same two instants."""

    period: PeriodOut
    deal_type: str | None
    value_basis: str | None
    as_is: LandingOut
    scenarios: list[ComparedScenarioOut]
