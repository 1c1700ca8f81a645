"""What is said of a period, and what comes back. Money is a decimal string in `currency`; unknown is null, never 0."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from libs.common.events.crm import DealType, ValueBasis
from libs.common.web.schemas import In, Out
from services.forecast.calls.staleness import Reason
from services.forecast.calls.steps import NodeKind
from services.forecast.rollup.schemas import PeriodOut, Reading

Money = Annotated[Decimal, Field(max_digits=20, allow_inf_nan=False)]
Note = Annotated[str, Field(min_length=1, max_length=4000)]
Verdict = Literal["in", "out", "upside"]
ImportKind = Literal["calls", "quotas", "adjustments"]


class About(In):
    """Node, period and population. `org` is a unit, `owner` a person's own deals; without both it is the caller's own node.

    Without `deal_type` all types are meant; without `value_basis` the one in which this organisation calls.
    """

    org: UUID | None = None
    owner: UUID | None = None
    period: Annotated[str, Field(max_length=20)]
    deal_type: DealType | None = None
    value_basis: ValueBasis | None = None
    currency: Annotated[str, Field(min_length=3, max_length=3)] | None = None


class SubmissionIn(About):
    """A landing for the whole period, closed included. `rollup` without an amount takes what the children make."""

    mode: Literal["own", "rollup"] = "own"
    amount: Money | None = None
    best: Money | None = None
    worst: Money | None = None
    notes: Note | None = None


class JudgementIn(In):
    """A manager's word on a deal for their own call; the CRM stays as it is. Without amount or date the deal's own hold."""

    deal_id: UUID
    verdict: Verdict
    amount: Money | None = None
    close_date: date | None = None
    note: Note | None = None


class AdjustmentIn(About):
    """So much is added to a node's number (less, when negative) until it expires."""

    delta: Money
    reason: Note
    expires_at: AwareDatetime


class SeatIn(In):
    person_id: UUID


class SeatOut(Out):
    """Which person of the organisation an account is."""

    subject: str
    person_id: UUID


class NodeOut(Out):
    """`unit`, or `person` (their own deals; `label` is null, names are in the people directory)."""

    kind: NodeKind
    id: UUID
    label: str | None
    unit_kind: str | None


class PeriodRef(Out):
    """A period as it was named; `end` is its last day."""

    key: str
    start: date
    end: date


class Composition(Out):
    """What the call is made of: `parts_amount` (children's numbers, or closed won + the deals judged in) + `plug` = amount.

    `from_crm` of `of` children had no call and stand at the CRM's closed + commit.
    """

    parts: Literal["children", "judged"]
    parts_amount: Decimal
    plug: Decimal
    from_crm: int | None
    of: int | None


class Base(Out):
    """The CRM's numbers when the call was made."""

    closed_won: Decimal
    commit: Decimal
    weighted: Decimal


class StalenessOut(Out):
    """`base_moved_by`: share by which closed won + commit moved since; null when one of both is unknown."""

    is_stale: bool
    reasons: list[Reason]
    age_days: int
    base_moved_by: Decimal | None


class SubmissionOut(Out):
    """A call. `to_go` = amount - closed won now; it and `staleness` are null for a call that was superseded."""

    submission_id: UUID
    person: str
    node: NodeOut
    period: PeriodRef
    deal_type: str | None
    value_basis: str
    currency: str
    mode: Literal["own", "rollup"]
    amount: Decimal
    best: Decimal | None
    worst: Decimal | None
    notes: str | None
    composition: Composition | None
    base: Base | None
    to_go: Decimal | None
    staleness: StalenessOut | None
    is_current: bool
    from_above: bool
    imported: bool
    made_at: datetime
    recorded_at: datetime


class SubmissionPageOut(Out):
    items: list[SubmissionOut]
    next_cursor: str | None


class JudgementOut(Out):
    """The newest word of a person on a deal beside what the CRM says. `counts`: in, and the deal is still open."""

    judgement_id: UUID
    person: str
    deal_id: UUID
    deal_name: str
    owner_id: UUID | None
    verdict: Verdict
    amount: Decimal | None
    currency: str
    close_date: date | None
    note: str | None
    made_at: datetime
    crm_line: str | None
    crm_amount: Decimal | None
    crm_close_date: date | None
    crm_category: str | None
    counts: bool


class JudgementsOut(Out):
    """`counted`: the sum of the amounts of those that count."""

    counted: Decimal
    items: list[JudgementOut]


class AdjustmentOut(Out):
    """`base_landing`: the node's number before it, when it was made. `version` is 1, and 2 once it was withdrawn."""

    adjustment_id: UUID
    version: int
    node: NodeOut
    period: PeriodRef
    deal_type: str | None
    value_basis: str
    currency: str
    delta: Decimal
    reason: str
    expires_at: datetime
    base_landing: Decimal | None
    state: Literal["in_force", "withdrawn", "expired"]
    made_by: str
    made_at: datetime
    ended_at: datetime | None
    ended_by: str | None
    imported: bool


class AdjustmentsOut(Out):
    items: list[AdjustmentOut]


class StepsOut(Out):
    """The landing stage by stage: each is the one before, changed by the next who spoke."""

    closed_won: Decimal
    crm: Decimal
    reps: Decimal
    managers: Decimal
    adjusted: Decimal


class CallNodeOut(Out):
    """A node of the call. `call` is its own; `children_amount` is what the nodes below make, of which `children_from_crm` of
    `children_of` calls are missing and stand at the CRM's closed + commit. `plug` = own call - children_amount.

    The `managers` and `adjusted` of the children add up to `children_amount` and, without an own call, to the node's. `landing` =
    closed won + weighted, as everywhere: the number without anybody's word.
    """

    node: NodeOut
    call: SubmissionOut | None
    other_calls: list[SubmissionOut]
    children_amount: Decimal | None
    children_from_crm: int
    children_of: int
    from_crm: int
    of: int
    plug: Decimal | None
    to_go: Decimal
    adjustment: Decimal
    adjustments: list[AdjustmentOut]
    quota: Decimal | None
    weighted: Decimal
    landing: Decimal
    steps: StepsOut


class CallsReading(Reading):
    """A node's call with the nodes right below it. `caller`: the person of the organisation who asks, if known."""

    period: PeriodOut
    deal_type: str | None
    value_basis: str
    caller: UUID | None
    node: CallNodeOut
    children: list[CallNodeOut]


class Going(In):
    """A person who is supposed to move from a unit to another."""

    person_id: UUID
    from_unit_id: UUID
    to_unit_id: UUID


class MovesIn(In):
    """The supposed moves."""

    moves: Annotated[list[Going], Field(min_length=1, max_length=5000)]


class MovedQuota(Out):
    """A person's quota, which goes with them."""

    person_id: UUID
    from_unit_id: UUID
    to_unit_id: UUID
    amount: Decimal
    currency: str


class MovedCall(Out):
    """The call that stands at a person, which goes with them."""

    person_id: UUID
    from_unit_id: UUID
    to_unit_id: UUID
    amount: Decimal
    currency: str
    called_by: str


class UnitKept(Out):
    """The own quota and call of a unit that somebody leaves or joins: both stay as they are until somebody says otherwise."""

    unit_id: UUID
    quota: Decimal | None
    quota_currency: str | None
    call: Decimal | None
    call_currency: str | None


class MovedPeriod(Out):
    """What moves of a quarter."""

    period: PeriodRef
    quotas: list[MovedQuota]
    calls: list[MovedCall]
    units: list[UnitKept]


class MovesOut(Out):
    """What would move of the current and the next quarter, of all deal types together and in the organisation's value basis."""

    value_basis: str
    periods: list[MovedPeriod]


class RefusedRow(Out):
    """A line of a CSV file that was not taken over, the column at fault, and why. The header is line 1."""

    line: int
    column: str | None
    reason: str


class ImportOut(Out):
    """What became of the rows: `accepted` are new, `known` were there already; a dry run writes none of them."""

    kind: ImportKind
    dry_run: bool
    rows: int
    accepted: int
    known: int
    refused: list[RefusedRow]
