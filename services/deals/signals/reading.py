"""What is told of signals: the list with lift and money, one signal with its deals, and why one deal is at risk."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock, money
from libs.common.organisation import scope_parameters
from libs.common.signals import SIGNALS, Signal
from libs.common.web.auth import ROLES, Principal, require
from libs.common.web.errors import NotFound
from services.deals.ledger import reading as ledger
from services.deals.signals import loading, repository, service
from services.deals.signals.facts import Usual
from services.deals.signals.schemas import (
    DealSignalsOut,
    LiftOut,
    OnDealOut,
    RaisedOn,
    RefitOut,
    RiskOut,
    SignalDetailOut,
    SignalOut,
    SignalsOut,
)

REFITS_TOLD = 30
DEALS_TOLD = 200


class UnknownSignal(NotFound):
    """There is no signal of this key."""


async def signals(session: AsyncSession, *, principal: Principal) -> SignalsOut:
    """All signals with what was measured of each, and the money of open deals within scope that have it."""
    require(principal, *ROLES)
    newest = await repository.newest(session)
    found = await repository.findings(session, newest["refit_id"]) if newest else {}
    raised = await repository.raised(session, scope_parameters(principal)) if newest else []
    strongest: dict[UUID, RowMapping] = {}
    for row in raised:
        if row["signal"] in found and _lift(found, row) < 0:
            known = strongest.get(row["deal_id"])
            if known is None or _lift(found, row) < _lift(found, known):
                strongest[row["deal_id"]] = row
    return SignalsOut(
        as_of=clock.now(),
        refit_as_of=newest["as_of"] if newest else None,
        newest_landmark=newest["newest_landmark"] if newest else None,
        sampled_deals=newest["deals"] if newest else None,
        landmarks=newest["landmarks"] if newest else None,
        raised_deals=len({row["deal_id"] for row in raised}),
        at_risk=_risk(strongest.values(), found) if newest else None,
        items=[_signal(each, found, raised) for each in SIGNALS],
    )


async def signal(session: AsyncSession, key: str, *, principal: Principal) -> SignalDetailOut:
    """One signal with its last refits and the deals within scope on which it stands. Raises UnknownSignal."""
    told = await signals(session, principal=principal)
    found = next((each for each in told.items if each.key == key), None)
    if found is None:
        raise UnknownSignal(f"There is no signal {key!r}; see /v1/signals for those that there are.")
    refits = await repository.of_signal(session, key, limit=REFITS_TOLD)
    deals = await repository.deals(session, key, scope_parameters(principal), limit=DEALS_TOLD)
    return SignalDetailOut(
        signal=found,
        refits=[RefitOut(**_lifted(row), as_of=row["as_of"], newest_landmark=row["newest_landmark"]) for row in refits],
        deals=[RaisedOn(**{name: row[name] for name in row if name != "at"}, since=row["at"]) for row in deals],
    )


async def of_deal(session: AsyncSession, deal_id: UUID, *, principal: Principal) -> DealSignalsOut:
    """Why a deal is at risk: every signal, whether it holds now and what it was measured to mean. Raises UnknownDeal."""
    require(principal, *ROLES)
    await ledger.deal(session, deal_id, principal=principal)
    newest = await repository.newest(session)
    found = await repository.findings(session, newest["refit_id"]) if newest else {}
    usual = service.read(newest["usual"]) if newest else Usual()
    (deal,) = await loading.deals(session, [deal_id])
    holds = await service.holding(session, deal, usual, principal=principal)
    raised = await repository.raised(session, scope_parameters(principal), deal_id=deal_id)
    since = {row["signal"]: row["at"] for row in raised}
    lowering = [row for row in raised if row["signal"] in found and _lift(found, row) < 0]
    risk = _risk([min(lowering, key=lambda row: _lift(found, row))], found) if lowering else []
    return DealSignalsOut(
        deal_id=deal_id,
        as_of=clock.now(),
        refit_as_of=newest["as_of"] if newest else None,
        at_risk=risk[0] if risk else None,
        items=[
            OnDealOut(
                key=each.key,
                name=each.name,
                definition=each.definition,
                holds=holds[each.key],
                since=since.get(each.key),
                measured=_measured(found, each.key),
            )
            for each in SIGNALS
        ],
    )


def _signal(each: Signal, found: Mapping[str, RowMapping], raised: list[RowMapping]) -> SignalOut:
    own = [row for row in raised if row["signal"] == each.key]
    return SignalOut(
        key=each.key,
        name=each.name,
        definition=each.definition,
        needs=each.needs,
        measured=_measured(found, each.key),
        raised=len(own),
        at_risk=_risk([row for row in own if _lift(found, row) < 0], found),
    )


def _measured(found: Mapping[str, RowMapping], key: str) -> LiftOut | None:
    return LiftOut(**_lifted(found[key])) if key in found else None


def _lifted(row: RowMapping) -> dict[str, Any]:
    return {name: row[name] for name in LiftOut.model_fields}


def _lift(found: Mapping[str, RowMapping], row: RowMapping) -> float:
    """The lift of the signal that a row names; 0 where the newest refit had too little to say."""
    return float(found[row["signal"]]["lift"] or 0)


def _risk(rows: Iterable[RowMapping], found: Mapping[str, RowMapping]) -> list[RiskOut]:
    """Amounts times lift by currency, rounded by deal so that any list adds up; what a lift may raise is no risk."""
    sums: dict[str, list[Decimal]] = {}
    for row in rows:
        if row["amount"] is None or row["currency"] is None:
            continue
        finding, amount, currency = found[row["signal"]], row["amount"], row["currency"]
        shares = [finding["lift"] or 0, finding["high"] or 0, finding["low"] or 0]
        parts = [amount, *(_part(amount, -share, currency) for share in shares)]
        known = sums.get(currency, [Decimal(0)] * len(parts))
        sums[currency] = [each + part for each, part in zip(known, parts, strict=True)]
    return [
        RiskOut(currency=currency, open=each[0], at_risk=each[1], low=each[2], high=each[3])
        for currency, each in sorted(sums.items())
    ]


def _part(amount: Decimal, share: float, currency: str) -> Decimal:
    return money.quantise(amount * Decimal(repr(max(share, 0.0))), currency)
