"""What falls due in a period: how much, who speaks for it, and what the rest is expected to bring. Pure."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final, Literal
from uuid import UUID

import numpy as np

from libs.common import money
from libs.common.web.schemas import Out
from services.forecast.history.columns import day_of
from services.forecast.projection.engine import Model, Part
from services.forecast.projection.renewals import Due, Renewing
from services.forecast.projection.steps import Floats

SHOWN: Final = 10
"""Contracts that are itemised."""


class RateOut(Out):
    """The amount renewed over the amount due, with the range of 80 %: `learnt` from so many contracts, `prior` without any."""

    rate: float
    low: float
    high: float
    contracts: int
    label: Literal["prior", "learnt"]


class ContractOut(Out):
    """A contract that falls due without a renewal deal. `amount`: what of it no deal speaks for; `expected`: what that brings."""

    deal_id: UUID
    name: str | None
    ends_on: date
    amount: Decimal
    expected: Decimal


class DueOut(Out):
    """What falls due in the period: `spoken` for by renewal deals, open or closed, or `ended` before today without one, or `left`.

    The three add up to `amount`. `expected` is what `left` brings, by the rate of renewal and the days left; with open renewals it
    is the part `renewals`. The `largest` and `others` add up to it. `unknown`: won deals that recur, of which nobody can say when
    how much ends: without account, term or amount.
    """

    contracts: int
    amount: Decimal
    spoken: Decimal
    ended: Decimal
    left: Decimal
    expected: Decimal
    rate: RateOut
    largest: list[ContractOut]
    others: Decimal
    unknown: int


def largest(due: Due) -> list[int]:
    """The places of those that bring most."""
    found: list[int] = np.argsort(-_expected(due), kind="stable")[:SHOWN].tolist()
    return found


def told(
    model: Model,
    part: Part | None,
    due: Due,
    days: tuple[int, int],
    items: Sequence[tuple[int, Mapping[str, Any]]],
    currency: str,
) -> DueOut:
    """What falls due on some days, `due` of it still to come; `items`: places in it, each with what was last recorded of its deal."""
    known = model.contracts
    rows = np.arange(len(known)) if part is None else part.contracts(known)
    rows = rows[(known.end[rows] >= days[0]) & (known.end[rows] < days[1])]
    left = known.amount[rows] * known.left[rows]
    is_over = known.end[rows] < model.today
    sums = {"spoken": (known.amount[rows] - left).sum(), "ended": left[is_over].sum(), "left": left[~is_over].sum()}
    amounts = {name: _money(float(each), currency) for name, each in sums.items()}
    expected, brings = _money(due.mean, currency), _expected(due)
    listed = [
        ContractOut.model_validate(
            {
                "deal_id": entry["deal_id"],
                "name": entry["name"],
                "ends_on": day_of(int(known.end[due.rows[at]])),
                "amount": _money(float(due.amount[at]), currency),
                "expected": _money(float(brings[at]), currency),
            }
        )
        for at, entry in items
    ]
    return DueOut(
        contracts=len(rows),
        amount=sum(amounts.values(), Decimal()),
        **amounts,
        expected=expected,
        rate=_rate(model.lessons.renewing),
        largest=listed,
        others=expected - sum((each.expected for each in listed), Decimal()),
        unknown=int(np.count_nonzero(known.unknown if part is None else known.unknown & part.renewing)),
    )


def _expected(due: Due) -> Floats:
    found: Floats = due.deals.chance * due.deals.mean
    return found


def _rate(learnt: Renewing) -> RateOut:
    low, high = learnt.range
    return RateOut(
        rate=round(learnt.overall, 4),
        low=round(low, 4),
        high=round(high, 4),
        contracts=learnt.contracts,
        label="learnt" if learnt.contracts else "prior",
    )


def _money(value: float, currency: str) -> Decimal:
    return money.quantise(Decimal(repr(value)), currency)
