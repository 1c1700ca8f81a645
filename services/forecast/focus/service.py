"""The deals on which an hour of attention is worth most in a period, from the same projection as every other number."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import money
from libs.common.web.auth import Principal, sees_costs
from services.forecast.attainment import service as attainment
from services.forecast.attainment.service import Asking, Lacking
from services.forecast.focus import impact, repository, statements, whitespace
from services.forecast.focus.impact import TERMS, Assumptions, Impact, Shares
from services.forecast.focus.schemas import AssumptionsOut, FocusOut, FocusReading, TermOut, Whose
from services.forecast.focus.whitespace import Opened, Stated
from services.forecast.history.columns import Columns, Index
from services.forecast.outlook import service as outlook
from services.forecast.outlook.service import Projected
from services.forecast.projection.steps import Flags, Floats
from services.forecast.quoted import service as quoted
from services.forecast.quoted.models import Quoted
from services.forecast.readings.service import envelope, period_out
from services.forecast.rollup.cells import NOBODY

METRIC: Final = "focus-1"
LISTED: Final = 500
"""Deals that fit and are told, one by one."""
MISSED: Final = 5


@dataclass(frozen=True, slots=True)
class Weighed:
    """The open deals of a reading, weighed and put in order. `rows`: of each deal's newest entry in the columns.

    `brings`: the amount that is expected of each if it is won; `margin`: the share of it that is margin, nan where that is unknown.
    """

    columns: Columns
    rows: Index
    chance: Floats
    brings: Floats
    margin: Floats
    worth: Floats
    hours: Floats
    is_said: Flags
    opens: Opened
    impact: Impact
    order: Sequence[int]
    fits: Flags


@dataclass(frozen=True, slots=True)
class About:
    """What people say of deals, of the tiers of accounts, and of products at these."""

    said: Mapping[UUID, Mapping[str, Any]]
    tiers: Mapping[UUID, str]
    whitespace: Sequence[Stated]


async def read(
    session: AsyncSession, asking: Asking, *, hours: Decimal, whose: Whose, principal: Principal
) -> FocusReading:
    """Which deals fill the hours best, what came next, and why. Raises what readings raise."""
    lacking = await attainment.lacking(session, asking, principal=principal)
    found = await outlook.projected(session, lacking.question, target=None, principal=principal)
    assumed, told = await statements.assumptions(session)
    accounts = [UUID(each) for each in _accounts(found) if each]
    about = About(
        said=await repository.said_of(session, principal=principal),
        tiers=await repository.tiers(session, accounts, principal=principal),
        whitespace=await repository.whitespace(session, accounts, principal=principal),
    )
    asked = found.asked
    quotes = await quoted.of_open(session, as_of=asked.as_of, known_at=asked.known_at, principal=principal)
    weighed = await asyncio.to_thread(_weigh, found, lacking, assumed, about, quotes, float(hours), whose)
    return await _told(session, found, lacking, weighed, told, quotes, hours=hours, whose=whose, principal=principal)


def _accounts(found: Projected) -> list[str | None]:
    if found.outlook is None:
        return []
    rows = found.learnt.last[found.outlook.standing.deal]
    codes = np.unique(found.learnt.columns.account[rows])
    texts = found.learnt.columns.words["account"].texts
    return [texts[code] for code in codes.tolist()]


def _weigh(
    found: Projected,
    lacking: Lacking,
    assumed: Assumptions,
    about: About,
    quotes: Mapping[UUID, Quoted],
    budget: float,
    whose: Whose,
) -> Weighed | None:
    if found.outlook is None:
        return None
    columns, standing = found.learnt.columns, found.outlook.standing
    rows = found.learnt.last[standing.deal]
    chance, brings = found.outlook.deals.chance, found.outlook.deals.mean
    deals = [UUID(each) for each in columns.texts("deal", rows)]
    word = {
        name: np.array([_number(about.said, deal, name) for deal in deals], dtype=float)
        for name in ("hours", "reference", "displacement")
    }
    tiers = about.tiers
    gaps = _by_code(columns, "owner", lambda owner: lacking.people.get(owner or NOBODY, lacking.whole))
    counts = _by_code(columns, "account", lambda one: assumed.tiers.get(tiers[one]) if one in tiers else None)
    is_said = ~np.isnan(word["hours"])
    hours = np.where(is_said, word["hours"], float(assumed.hours))
    opens = whitespace.opened(columns, found.learnt.last, rows, about.whitespace)
    shares = Shares(
        plan_gap=impact.closing(brings, gaps[columns.owner[rows]]),
        account_tier=counts[columns.account[rows]],
        whitespace=opens.share,
        reference=word["reference"],
        displacement=word["displacement"],
    )
    margin = np.array([_margin(quotes.get(deal)) for deal in deals], dtype=float)
    worth = impact.worth(brings, margin)
    made = impact.impact(chance, worth, hours, shares, assumed)
    of = columns.owner[rows] if whose == "each" else np.zeros(len(rows), dtype=np.int32)
    order, fits = impact.fitted(made.by_the_hour, hours, of, budget)
    return Weighed(columns, rows, chance, brings, margin, worth, hours, is_said, opens, made, order, fits)


def _margin(quote: Quoted | None) -> float:
    share = None if quote is None else quote.margin_of_net
    return float("nan") if share is None else float(share)


def _number(said: Mapping[UUID, Mapping[str, Any]], deal: UUID, name: str) -> float:
    value = said[deal][name] if deal in said else None
    return float("nan") if value is None else float(value)


def _by_code(columns: Columns, name: str, worth: Any) -> Floats:
    """A number per code of a column of ids, nan where there is none."""
    found = [worth(UUID(text) if text else None) for text in columns.words[name].texts]
    return np.array([float("nan") if each is None else float(each) for each in found])


async def _told(
    session: AsyncSession,
    found: Projected,
    lacking: Lacking,
    weighed: Weighed | None,
    told: AssumptionsOut,
    quotes: Mapping[UUID, Quoted],
    *,
    hours: Decimal,
    whose: Whose,
    principal: Principal,
) -> FocusReading:
    asked, currency = found.asked, found.asked.rates.base
    chosen: list[FocusOut] = []
    missed: list[FocusOut] = []
    fits = np.zeros(0, dtype=bool) if weighed is None else weighed.fits
    if weighed is not None:
        within = [at for at in weighed.order if weighed.fits[at]]
        beyond = [at for at in weighed.order if not weighed.fits[at] and weighed.impact.by_the_hour[at] > 0]
        chosen = await _deals(session, found, weighed, within[:LISTED], told, quotes)
        missed = await _deals(session, found, weighed, beyond[:MISSED], told, quotes)
    return FocusReading(
        **{**await envelope(session, asked), "metric_version": METRIC},
        metric=METRIC,
        period=period_out(asked.period, asked.business_date.day),
        deal_type=asked.filters.deal_type,
        value_basis=asked.filters.value_basis or "",
        is_over=found.outlook is None,
        hours=hours,
        whose=whose,
        assumptions=told,
        target="none"
        if lacking.whole is None and not any(each is not None for each in lacking.people.values())
        else "set",
        open=len(fits),
        fitting=int(fits.sum()),
        used=_hours(0.0 if weighed is None else float(weighed.hours[fits].sum())),
        gain=_money(0.0 if weighed is None else float(weighed.impact.gain[fits].sum()), currency),
        gain_of_all=_money(0.0 if weighed is None else float(weighed.impact.gain.sum()), currency),
        without_margin=0 if weighed is None else int(np.isnan(weighed.margin).sum()),
        costs_shown=sees_costs(principal),
        deals=chosen,
        missed=missed,
        settings=found.learnt.model.settings.digest,
    )


async def _deals(
    session: AsyncSession,
    found: Projected,
    weighed: Weighed,
    wanted: Sequence[int],
    told: AssumptionsOut,
    quotes: Mapping[UUID, Quoted],
) -> list[FocusOut]:
    if found.outlook is None:
        return []
    stored = await outlook.entries(session, found.learnt, found.outlook.standing.deal[wanted])
    places = {at: rank for rank, at in enumerate(weighed.order, start=1)}
    asked = found.asked

    def below(quote: Quoted | None) -> Decimal | None:
        if quote is None or quote.below_floor is None:
            return None
        return asked.rates.convert(quote.below_floor, quote.currency, asked.business_date.day)

    return [
        _deal(weighed, at, places[at], entry, told, below(quotes.get(entry["deal_id"])), asked.rates.base)
        for at, entry in zip(wanted, stored, strict=True)
    ]


def _deal(
    weighed: Weighed,
    at: int,
    rank: int,
    entry: Mapping[str, Any],
    told: AssumptionsOut,
    below: Decimal | None,
    currency: str,
) -> FocusOut:
    worth = weighed.impact
    terms = [
        TermOut(
            term=term,
            weight=told.weights[term],
            share=_known(worth.points[term][at] / told.weights[term]) if told.weights[term] else None,
            points=_known(worth.points[term][at]),
        )
        for term in TERMS
    ]
    return FocusOut(
        rank=rank,
        fits=bool(weighed.fits[at]),
        deal_id=entry["deal_id"],
        name=entry["name"],
        stage=entry["stage"],
        close_date=entry["close_date"],
        owner_id=entry["owner_id"],
        account_id=entry["account_id"],
        chance=round(float(weighed.chance[at]), 6),
        worth=_money(float(weighed.worth[at]), currency),
        worth_is="amount" if np.isnan(weighed.margin[at]) else "margin",
        amount=_money(float(weighed.brings[at]), currency),
        margin_share=_known(weighed.margin[at]),
        below_floor=below,
        uplift=round(float(worth.uplift[at]), 6),
        financial=_money(float(worth.financial[at]), currency),
        terms=terms,
        whitespace_said=weighed.opens.said(at),
        strategic=round(float(worth.strategic[at]), 4),
        known=round(float(worth.known[at])),
        gain=_money(float(worth.gain[at]), currency),
        hours=_hours(float(weighed.hours[at])),
        hours_are="said" if weighed.is_said[at] else "assumed",
        by_the_hour=_money(float(worth.by_the_hour[at]), currency),
    )


def _known(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 4)


def _hours(value: float) -> Decimal:
    return Decimal(f"{value:.2f}".rstrip("0").rstrip("."))


def _money(value: float, currency: str) -> Decimal:
    return money.quantise(Decimal(repr(value)), currency)
