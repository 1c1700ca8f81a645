"""A quote against a policy: what is beyond a limit, by the worst line and by the whole, and the level that follows.

Prices are compared as amounts of the currency, after rounding and after all that is taken off on and off the invoice, so no stack of
discounts slips under a floor. A line below its floor asks for a person at least, whatever the rules say.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Literal

from libs.common import money
from services.pricing.policies.judging.document import HIGHEST, Measure, Policy

Found = Measure | Literal["below_minimum", "over_budget"]


@dataclass(frozen=True, slots=True)
class LineFacts:
    """Amounts of a line; `listed`, `cost`, `floor` and `minimum` (shares of the list price) are None where unknown."""

    label: str
    family: str | None
    listed: Decimal | None
    paid: Decimal
    pocket: Decimal
    cost: Decimal | None
    floor: Decimal | None = None
    minimum: Decimal | None = None


@dataclass(frozen=True, slots=True)
class QuoteFacts:
    """`budget_left` is what remains of the exception budget of the reason that was named; None when none was."""

    lines: tuple[LineFacts, ...]
    currency: str
    market: str | None = None
    segment: str | None = None
    payment_days: int | None = None
    term_months: int | None = None
    budget_left: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """What is beyond a limit: of which line ("quote" for the whole), by how much, and the level it asks for."""

    measure: Found
    subject: str
    value: Decimal | None
    limit: Decimal | None
    level: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """`shortfall` is Σ (floor - price) x quantity, in the currency's minor unit; above 0 an exception must be named and recorded."""

    level: int
    findings: tuple[Finding, ...]
    shortfall: Decimal

    @property
    def needs_reason(self) -> bool:
        return self.shortfall > 0


def judge(policy: Policy, facts: QuoteFacts) -> Verdict:
    """Findings with a level above 0, the gravest first."""
    found: list[Finding] = []
    shortfall = Decimal()
    for number, line in enumerate(facts.lines, 1):
        label = f"{number}: {line.label}"
        short = below_floor(line, facts.currency)
        if short > 0:
            shortfall += short
            found.append(_under(policy, line, label))
        for rule in policy.rules:
            if rule.scope == "line" and rule.fits(facts.market, facts.segment, line.family):
                value = _of_lines(rule.measure, [line], facts)
                level, limit = rule.level_of(value)
                found.append(Finding(rule.measure, label, value, limit, level))
    for rule in policy.rules:
        if rule.scope == "quote" and rule.fits(facts.market, facts.segment, None):
            value = _of_lines(rule.measure, facts.lines, facts)
            level, limit = rule.level_of(value)
            found.append(Finding(rule.measure, "quote", value, limit, level))
    if shortfall > 0 and facts.budget_left is not None and shortfall > facts.budget_left:
        left = max(facts.budget_left, Decimal())
        found.append(Finding("over_budget", "quote", shortfall, left, policy.over_budget_level))
    standing = _worst_of_each(found)
    return Verdict(max((each.level for each in standing), default=0), standing, shortfall)


def below_floor(line: LineFacts, currency: str) -> Decimal:
    """How much is missing to the floor, rounded up to the minor unit; 0 at the floor and where it is unknown."""
    if line.floor is None or line.listed is None:
        return Decimal()
    missing = line.floor * line.listed - line.paid
    if missing <= 0:
        return Decimal()
    return missing.quantize(Decimal(1).scaleb(-money.exponent(currency)), ROUND_CEILING)


def _under(policy: Policy, line: LineFacts, label: str) -> Finding:
    """The finding that a line is below its floor, or below the policy's least price, which is for the highest level."""
    listed, floor = line.listed or Decimal(), line.floor or Decimal()
    if line.minimum is not None and line.paid < line.minimum * listed:
        return Finding("below_minimum", label, line.paid / listed, line.minimum, HIGHEST)
    return Finding("below_floor", label, 1 - line.paid / (floor * listed), floor, max(1, policy.below_floor_level))


def _of_lines(measure: Measure, lines: Sequence[LineFacts], facts: QuoteFacts) -> Decimal | None:
    if measure == "payment_days":
        return None if facts.payment_days is None else Decimal(facts.payment_days)
    if measure == "term_months":
        return None if facts.term_months is None else Decimal(facts.term_months)
    if measure == "margin":
        costs = [line.cost for line in lines if line.cost is not None]
        pocket = sum((line.pocket for line in lines), Decimal())
        return None if len(costs) < len(lines) or pocket <= 0 else (pocket - sum(costs, Decimal())) / pocket
    listed = [line.listed for line in lines if line.listed is not None]
    paid, whole = sum((line.paid for line in lines), Decimal()), sum(listed, Decimal())
    if len(listed) < len(lines) or whole <= 0:
        return None
    if measure == "discount":
        return 1 - paid / whole
    floors = [line.floor * line.listed for line in lines if line.floor is not None and line.listed is not None]
    least = sum(floors, Decimal())
    return None if len(floors) < len(lines) or least <= 0 else max(Decimal(), 1 - paid / least)


def _worst_of_each(found: Sequence[Finding]) -> tuple[Finding, ...]:
    worst: dict[tuple[str, str], Finding] = {}
    for each in found:
        known = worst.get((each.measure, each.subject))
        if each.level > 0 and (known is None or known.level < each.level):
            worst[each.measure, each.subject] = each
    return tuple(sorted(worst.values(), key=lambda each: (-each.level, each.subject == "quote", each.subject)))
