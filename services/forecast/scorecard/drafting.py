"""A month's scorecard as it stands: what other capabilities say at one pair of instants, put together and given a digest.

The instants are those of finance's closing, so the same closed month is the same text for whoever asks and whenever, until finance
brings in an order of it or closes it anew.
"""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.calendar import FiscalCalendar, Period
from libs.common.ids import ROOT_UNIT
from libs.common.web.auth import Principal
from services.forecast.attainment import divided
from services.forecast.attainment.schemas import AttainmentReading
from services.forecast.config import settings_of
from services.forecast.outlook.service import METRIC as PROJECTION
from services.forecast.periods.states import Standing
from services.forecast.readings.canonical import canonical, digest
from services.forecast.scorecard import composing, decided, repository, sales, told
from services.forecast.scorecard.cutting import concentration, cut
from services.forecast.scorecard.document import FORMAT, Closing, Contents, Restated, TieOut, Win
from services.forecast.scorecard.restating import Signed, restated
from services.forecast.scorecard.sales import Instants, Sales
from services.forecast.scorecard.tieout import tie

METRIC: Final = "scorecard-2"
COMPARED: Final = 12
"""Signed months that are looked at for restatements: those of a year."""
AROUND: Final = timedelta(days=400)
"""How far from the month an order may lie that is for one of its deals."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A month's contents with their digest, and what is missing before they can be signed."""

    month: Period
    contents: dict[str, Any]
    digest: str
    why_not: str | None


async def drafted(session: AsyncSession, month: Period, standing: Standing, *, principal: Principal) -> Draft:
    """The scorecard of a month that is over. Raises what readings raise."""
    closed_at = standing.change.at if standing.state == "closed" and standing.change else None
    at = closed_at or clock.now()
    instants = Instants(at, at)
    contents = await _contents(session, month, standing, instants, principal=principal)
    why_not = None
    if closed_at is None:
        why_not = f"Finance has not closed {month.label}; it is signed after that."
    elif contents.known_at < closed_at or not await told.has_arrived(session, instants):
        why_not = f"Not all that was known when {month.label} was closed has arrived; try again shortly."
    shown = orjson.loads(canonical(contents.model_dump(mode="json")))
    return Draft(month, shown, digest(canonical(shown)), why_not)


async def _contents(
    session: AsyncSession, month: Period, standing: Standing, instants: Instants, *, principal: Principal
) -> Contents:
    calendar = settings_of(session).calendar
    sold = await sales.read(session, calendar.year(month.start), instants, principal=principal)
    quarter = await composing.attained(session, calendar.quarter(month.start).key, instants, principal=principal)
    counted = sold.by_month.get(month.key, [])
    wins = _ordered(win for win in counted if win.value_basis == quarter.value_basis)
    booked = await composing.bookings(session, month, quarter, instants, calendar, principal=principal)
    current = await _current(session, month, quarter, instants, calendar, principal=principal)
    following = calendar.quarter(calendar.quarter(month.start).end)
    periods = (following, calendar.quarter(following.end))
    rates, version = await composing.win_rates(
        session, (calendar.quarter(month.start), calendar.year(month.start)), quarter.value_basis, instants,
        principal=principal,
    )  # fmt: skip
    said, why_nothing_said = await composing.said(session, current.period.key, instants, principal=principal)
    wanted = await divided.wanted(
        session, month, value_basis=quarter.value_basis, as_of=sold.asked.as_of, known_at=sold.asked.known_at,
        principal=principal,
    )  # fmt: skip
    valued, unknown = await told.valued(session, wins, sold, instants, principal=principal)
    campaigns = await told.campaigns(session, month, sold, instants, principal=principal)
    if campaigns is None:
        unknown.append(told.NO_CAMPAIGNS)
    cover = await told.cover(session, month, sold, instants, principal=principal)
    if cover is None:
        unknown.append(told.NO_EXECUTIVE)
    tied, orders_known_at = await _tied(session, month, sold)
    restatements, compared = await _restated(session, month, sold, principal=principal)
    decisions = await decided.read(session, month, instants, principal=principal)
    change = standing.change if standing.state == "closed" else None
    return Contents(
        format=FORMAT,
        unit_id=ROOT_UNIT,
        unit=quarter.org.name,
        period=month.key,
        label=month.label,
        start=month.start,
        last_day=month.last_day,
        as_of=sold.asked.as_of,
        known_at=sold.asked.known_at,
        closing=Closing(closed_at=change.at, closed_by=change.by, reason=change.reason) if change else None,
        currency=quarter.currency,
        value_basis=quarter.value_basis,
        completeness=quarter.completeness,
        orders_known_at=orders_known_at,
        versions=[METRIC, quarter.metric, PROJECTION, version, quarter.metric_version],
        bookings=booked,
        cuts=[
            *(cut(wins, by, wanted[by]) for by in divided.DIMENSIONS),
            cut(wins, "deal_type", {}),
        ],
        landing=await composing.landing(session, current, instants, principal=principal),
        ahead=await composing.ahead(session, periods, instants, principal=principal),
        win_rates=rates,
        concentration=concentration(wins),
        valued=valued,
        cover=cover,
        campaigns=campaigns,
        unknown=unknown,
        said=said,
        why_nothing_said=why_nothing_said,
        tie_out=tied,
        restated=restatements,
        months_compared=compared,
        decisions=decisions,
        no_decisions=None if decisions else decided.NONE,
        wins=_ordered(counted),
        unpriced=sum(win.amount_base is None for win in wins),
        other_bases=len(counted) - len(wins),
    )


async def _current(
    session: AsyncSession,
    month: Period,
    quarter: AttainmentReading,
    instants: Instants,
    calendar: FiscalCalendar,
    *,
    principal: Principal,
) -> AttainmentReading:
    """The quarter that was under way once the month was over: after its third month the next one."""
    current = calendar.quarter(month.end)
    if current.key == quarter.period.key:
        return quarter
    return await composing.attained(session, current.key, instants, principal=principal)


async def _tied(session: AsyncSession, month: Period, sold: Sales) -> tuple[TieOut, Any]:
    """The tie-out with all orders that are known, and when the newest of those in it came."""
    orders, came = await repository.orders(session, month.start - AROUND, month.end + AROUND)
    others = [win for key, wins in sold.by_month.items() if key != month.key for win in wins]
    elsewhere = {win.deal_id: key for key, wins in sold.by_month.items() if key != month.key for win in wins}
    found = tie(orders, sold.by_month.get(month.key, []), elsewhere, others, month, sold.worth)
    return found, max((came[number] for line in found.lines for number in line.orders), default=None)


async def _restated(
    session: AsyncSession, month: Period, sold: Sales, *, principal: Principal
) -> tuple[list[Restated], int]:
    """What became of earlier months that were signed, of those whose deals were read, and how many were looked at."""
    rows = await repository.newest(session, since=sold.since, before=month.start, limit=COMPARED, principal=principal)
    found = []
    for row in rows:
        contents = orjson.loads(row["document"])["contents"]
        now = [win for win in sold.by_month.get(row["period_key"], []) if win.value_basis == contents["value_basis"]]
        if (change := restated(Signed.of(row["version"], contents), now)) is not None:
            found.append(change)
    return found, len(rows)


def _ordered(wins: Any) -> list[Win]:
    """Greatest first, so that the text does not depend on how they were read."""
    return sorted(wins, key=lambda win: (-(win.amount_base or Decimal(0)), str(win.deal_id)))
