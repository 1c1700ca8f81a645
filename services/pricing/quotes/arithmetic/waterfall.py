"""List to invoice to pocket price to pocket margin, each step named. Every step is rounded to the minor unit as it is taken,
so the steps add to what is printed.

On-invoice discounts multiply: each is taken off what the one before left. What is given off the invoice is a share of the invoice
amount, and so is the cost to serve, which lowers the margin and not what the customer pays.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal
from uuid import UUID

from libs.common import money

Kind = Literal["on_invoice", "off_invoice", "cost_to_serve"]
OVERRIDE = "Negotiated price"
SURCHARGE = "Above list"


@dataclass(frozen=True, slots=True)
class Deduction:
    """`share` in [0, 1]: of what is left for a discount on the invoice, of the invoice amount for the others.

    `promotion_id` names the promotion that takes it off; it is on the invoice.
    """

    name: str
    kind: Kind
    share: Decimal
    promotion_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Priced:
    """A line with everything that is taken off it. `list_price` and `cost` are of one, None where unknown."""

    quantity: Decimal
    unit_price: Decimal
    deductions: tuple[Deduction, ...] = ()
    list_price: Decimal | None = None
    cost: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """An amount that is taken off (negative: put on), by a promotion where it names one."""

    name: str
    kind: Kind
    amount: Decimal
    promotion_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Waterfall:
    """list - on-invoice steps = invoice; invoice - off-invoice steps = paid; paid - cost to serve = pocket; pocket - cost = margin.

    `list_amount` is None where a list price is unknown: the steps then begin at the price that was quoted. `cost_amount` and `margin`
    are None where a cost is unknown.
    """

    list_amount: Decimal | None
    steps: tuple[Step, ...]
    invoice: Decimal
    paid: Decimal
    pocket: Decimal
    cost_amount: Decimal | None

    @property
    def margin(self) -> Decimal | None:
        return None if self.cost_amount is None else self.pocket - self.cost_amount

    @property
    def margin_share(self) -> Decimal | None:
        """(pocket - cost) / pocket; None where the cost is unknown or nothing is left to divide by."""
        if self.margin is None or self.pocket <= 0:
            return None
        return self.margin / self.pocket


def discount_of(deductions: Iterable[Deduction]) -> Decimal:
    """What all discounts on the invoice come to together, as one share."""
    left = Decimal(1)
    for each in deductions:
        if each.kind == "on_invoice":
            left *= 1 - each.share
    return 1 - left


def of_line(line: Priced, currency: str) -> Waterfall:
    """The waterfall of one line. What is left after each discount is rounded from the exact price, so the last is the invoice amount."""
    quoted = line.quantity * line.unit_price
    invoice = money.quantise(quoted * (1 - discount_of(line.deductions)), currency)
    listed = None if line.list_price is None else money.quantise(line.quantity * line.list_price, currency)
    steps: list[Step] = []
    at = money.quantise(quoted, currency)
    if listed is not None and listed != at:
        steps.append(Step(OVERRIDE if listed > at else SURCHARGE, "on_invoice", listed - at))
    exact = quoted
    for each in line.deductions:
        if each.kind == "on_invoice":
            exact *= 1 - each.share
            after = money.quantise(exact, currency)
            steps.append(Step(each.name, "on_invoice", at - after, each.promotion_id))
            at = after
    taken: dict[Kind, Decimal] = {"off_invoice": Decimal(), "cost_to_serve": Decimal()}
    for kind in taken:
        for each in line.deductions:
            if each.kind == kind:
                amount = money.quantise(invoice * each.share, currency)
                steps.append(Step(each.name, kind, amount))
                taken[kind] += amount
    paid = invoice - taken["off_invoice"]
    cost = None if line.cost is None else money.quantise(line.quantity * line.cost, currency)
    return Waterfall(listed, tuple(steps), invoice, paid, paid - taken["cost_to_serve"], cost)


def of_quote(lines: Sequence[Waterfall]) -> Waterfall:
    """The sum of the lines; steps of one name, kind and promotion are one step. A quote with one unknown list price or cost has none."""
    listed = [line.list_amount for line in lines]
    costs = [line.cost_amount for line in lines]
    steps: dict[tuple[Kind, str, UUID | None], Decimal] = {}
    for kind in ("on_invoice", "off_invoice", "cost_to_serve"):
        for line in lines:
            for step in line.steps:
                if step.kind == kind:
                    key = (step.kind, step.name, step.promotion_id)
                    steps[key] = steps.get(key, Decimal()) + step.amount
    return Waterfall(
        None if any(each is None for each in listed) else money.total(each for each in listed if each is not None),
        tuple(Step(name, kind, amount, promoted_by) for (kind, name, promoted_by), amount in steps.items()),
        money.total(line.invoice for line in lines),
        money.total(line.paid for line in lines),
        money.total(line.pocket for line in lines),
        None if any(each is None for each in costs) else money.total(each for each in costs if each is not None),
    )
