"""What a scorecard says, section by section. Pure.

A signed document is kept as text and shown from itself alone, so these shapes never change for a `format` that was signed: what is
new gets another format. Every line has a name, which questions refer to. Money is in the document's currency; unknown is null.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Final, Literal
from uuid import UUID

from libs.common.web.schemas import Out
from services.forecast.scorecard.sections import Campaigns, Covered, Valued

FORMAT: Final = "scorecard-2"
"""`scorecard-1` had no decisions, margin, price realisation, campaigns or executive cover: nobody had told any."""

Status = Literal["matched", "differing", "missing_in_finance", "missing_in_crm", "elsewhere"]
Differs = Literal["deal", "amount", "currency", "date"]


class Booked(Out):
    """Closed to the end of the month, beside what was wanted and the same time a year before."""

    line: str
    label: str
    closed: Decimal
    target: Decimal | None
    target_source: str | None
    attainment: Decimal | None
    gap: Decimal | None
    last_year: Decimal | None
    growth: Decimal | None


class Part(Out):
    """A part of the month's bookings. The parts of a cut add up to the month. `share` is null unless the month is above 0.

    `target`: what plans in force want of it; `credited`: what is closed of what they credit to it, which is less than `closed` where
    a plan divides only some units by it; `attainment` = credited / target.
    """

    line: str
    label: str | None
    closed: Decimal
    count: int
    share: Decimal | None
    target: Decimal | None
    credited: Decimal | None
    attainment: Decimal | None


class Cut(Out):
    """The month's bookings by one dimension, greatest first. `no_target`: why parts have no target."""

    by: Literal["market", "product", "deal_type"]
    parts: list[Part]
    no_target: str | None


class Landing(Out):
    """What a quarter will bring, with its range of 80 % and the chance of reaching its target."""

    line: str
    label: str
    is_over: bool
    closed: Decimal
    projection: Decimal
    low: Decimal
    high: Decimal
    target: Decimal | None
    chance: float | None


class Ahead(Out):
    """A quarter to come: open pipeline beside what its target needs; without a target that is unknown, with the `reason`."""

    line: str
    label: str
    open: Decimal
    target: Decimal | None
    required_open: Decimal | None
    coverage: float | None
    reason: str | None


class Rate(Out):
    """A win rate by count with its interval of 95 %, or why there is none."""

    line: str
    label: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    reason: str | None


class Concentration(Out):
    """How much of the month stands on few. `share` is null unless the month is above 0."""

    line: str
    label: str
    name: str | None
    amount: Decimal
    share: Decimal | None


class Unknown(Out):
    """What a scorecard should say and nobody has told."""

    line: str
    label: str
    reason: str


class Said(Out):
    """A past quarter: what came, our number on a day of it with its range of 80 %, and the naive one: the quarter a year before."""

    line: str
    label: str
    came: Decimal
    day: int
    ours: Decimal
    low: Decimal
    high: Decimal
    hit: bool
    naive: Decimal | None


class Tied(Out):
    """A deal beside finance's orders for it. `difference` = finance - crm, in the document's currency.

    `elsewhere`: an order of this month for a deal that counts in another, `counts_in`; it is in neither total.
    """

    status: Status
    differs: list[Differs]
    deal_id: UUID | None
    name: str | None
    reference: str | None
    booked_on: date | None
    crm_amount: Decimal | None
    crm_currency: str | None
    crm: Decimal | None
    orders: list[str]
    ordered_on: date | None
    finance_amount: Decimal | None
    finance_currency: str | None
    finance: Decimal | None
    difference: Decimal | None
    counts_in: str | None


class TieOut(Out):
    """The month's deals of every value basis against finance's orders: `crm` + differences = `finance`, to the cent.

    `unmatched` is the sum of the differences without their signs. Null figures: finance has given no orders of the month.
    `without_rate`: amounts that have no rate and are left out of the sums.
    """

    line: str
    is_given: bool
    crm: Decimal
    finance: Decimal | None
    unmatched: Decimal | None
    matched: int
    differing: int
    missing_in_crm: int
    missing_in_finance: int
    elsewhere: int
    without_rate: int
    lines: list[Tied]


class Win(Out):
    """A deal that counts in the month, as it stood. `amount_base` is in the document's currency; null without amount or rate."""

    deal_id: UUID
    name: str
    connection: str | None
    external_id: str | None
    account_id: UUID | None
    booked_on: date
    counted_why: str
    market: str | None
    product: str | None
    deal_type: str
    value_basis: str
    amount: Decimal | None
    currency: str | None
    amount_base: Decimal | None


class DealRestated(Out):
    """A deal that counts otherwise than was signed. Null: it did not count, or does not any more, or has no amount."""

    deal_id: UUID
    name: str
    signed: Decimal | None
    now: Decimal | None
    change: Decimal


class Restated(Out):
    """An earlier month whose bookings are no longer what was signed: `signed` + `change` = `now`, by deal and to the cent."""

    line: str
    period: str
    label: str
    version: int
    signed: Decimal
    now: Decimal
    change: Decimal
    deals: list[DealRestated]


class Decided(Out):
    """A decision about a plan, and how it turned out by the time the month was closed; null before its check date."""

    line: str
    review_id: UUID
    plan: str
    cause: str
    choice: Literal["proceed", "adjust", "new_plan"]
    option: str
    rationale: str
    owner: str
    decided_by: str
    decided_at: datetime
    check_on: date
    measure: str
    node: str
    low: Decimal | None
    high: Decimal | None
    outcome: Literal["hit", "missed", "unknown"] | None
    came: Decimal | None
    reason: str | None
    evidence_digest: str


class Closing(Out):
    """Finance's closing of the month."""

    closed_at: datetime
    closed_by: str
    reason: str


class Contents(Out):
    """The whole scorecard. Every figure is read at `as_of` and `known_at`; the tie-out with the orders known at `orders_known_at`.

    `wins` of the value basis add up to the month's bookings; `other_bases` counts those of others, which are in no figure but the
    tie-out. `versions`: of the metrics that were read.
    """

    format: Literal["scorecard-2"]
    unit_id: UUID
    unit: str
    period: str
    label: str
    start: date
    last_day: date
    as_of: datetime
    known_at: datetime
    closing: Closing | None
    currency: str
    value_basis: str
    completeness: float | None
    orders_known_at: datetime | None
    versions: list[str]
    bookings: list[Booked]
    cuts: list[Cut]
    landing: Landing
    ahead: list[Ahead]
    win_rates: list[Rate]
    concentration: list[Concentration]
    valued: list[Valued]
    cover: Covered | None
    campaigns: Campaigns | None
    unknown: list[Unknown]
    said: list[Said]
    why_nothing_said: str | None
    tie_out: TieOut
    restated: list[Restated]
    months_compared: int
    decisions: list[Decided]
    no_decisions: str | None
    wins: list[Win]
    unpriced: int
    other_bases: int
