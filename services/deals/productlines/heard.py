"""What a CRM's product lines say of a deal. Pure."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from libs.common import money
from services.deals.productlines.totals import amount_of
from services.deals.statements.heard import CannotStand, Said
from services.deals.statements.models import Held


def meaning(told: Mapping[str, Any], deal: Held | None, before: Mapping[str, Any]) -> Sequence[Said]:
    """All lines, each with its amount. Raises CannotStand without a currency, or where a line has no amount."""
    del before
    currency = told["currency"] or (deal.currency if deal else None)
    if currency is None:
        if not told["lines"]:
            return []
        raise CannotStand("The CRM's lines have no currency; set the currency in the connection's mapping.")
    return [Said("lines", {"currency": currency, "lines": [_line(each, currency) for each in told["lines"]]})]


def _line(told: Mapping[str, Any], currency: str) -> dict[str, Any]:
    amount, quantity, price = (
        None if told[name] is None else Decimal(told[name]) for name in ("amount", "quantity", "price")
    )
    if amount is None:
        if quantity is None or price is None:
            raise CannotStand(
                f"The CRM's line {told['product']} has no amount; give it one there, or a quantity and a price."
            )
        amount = amount_of(quantity, price, currency)
    return {
        "product": told["product"],
        "quantity": told["quantity"],
        "price": told["price"],
        "term_months": told["term_months"],
        "amount": str(money.quantise(amount, currency)),
    }
