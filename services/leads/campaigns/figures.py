"""What a campaign's leads and money make together. Pure; money to the cent, shares to a hundredth of a percent."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

Amounts = Mapping[str, Decimal]
"""By ISO currency."""
_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Figures:
    """Costs per lead, accepted and won, and returns on cost; each None where it is not defined, `why` says why."""

    currency: str | None
    per_lead: Decimal | None
    per_accepted: Decimal | None
    per_won: Decimal | None
    roi: Decimal | None
    weighted_roi: Decimal | None
    why: str | None


def figures(*, leads: int, accepted: int, won_deals: int, cost: Amounts, won: Amounts, weighted: Amounts) -> Figures:
    """Return is (won - cost) / cost, weighted (won + weighted open - cost) / cost, in the currency of the cost.

    Without cost, or with a cost of 0, nothing is divided. Money in several currencies is not added up: there are no rates
    here.
    """
    spent = {currency: amount for currency, amount in cost.items() if amount}
    if not spent:
        return _without("no cost is known" if not cost else "the cost is 0")
    if len(spent) > 1:
        return _without(f"cost in {', '.join(sorted(spent))}: currencies are not added up")
    ((currency, amount),) = spent.items()
    other = sorted({each for each in (*won, *weighted) if each != currency and (won.get(each) or weighted.get(each))})
    roi = weighted_roi = None
    if not other:
        gained = won.get(currency, Decimal())
        roi = _share(gained - amount, amount)
        weighted_roi = _share(gained + weighted.get(currency, Decimal()) - amount, amount)
    return Figures(
        currency=currency,
        per_lead=_each(amount, leads),
        per_accepted=_each(amount, accepted),
        per_won=_each(amount, won_deals),
        roi=roi,
        weighted_roi=weighted_roi,
        why=f"deals in {', '.join(other)} are not set against cost in {currency}" if other else None,
    )


def _without(why: str) -> Figures:
    return Figures(None, None, None, None, None, None, why)


def _each(amount: Decimal, count: int) -> Decimal | None:
    return (amount / count).quantize(_CENT, ROUND_HALF_UP) if count else None


def _share(part: Decimal, whole: Decimal) -> Decimal:
    return (part / whole).quantize(Decimal("0.0001"), ROUND_HALF_UP)
