"""What pricing tells of the quotes of deals, as the forecast's handlers get it."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from libs.common.events.pricing import QuoteWeighed
from tests.integration.forecast.given import AT, named, received


def quote_of(deal: str) -> Any:
    """The id of the quote that sets a deal's amount."""
    return named(f"quote of {deal}")


def weighed(
    deal: str, net: str, *, revision: int = 1, known: datetime = AT, currency: str = "EUR", **amounts: str
) -> Any:
    """`amounts`: list_amount, pocket_amount, cost_amount, below_floor; what is not given is unknown."""
    told = QuoteWeighed(
        quote_id=quote_of(deal),
        revision=revision,
        deal_id=named(deal),
        currency=currency,
        net_amount=Decimal(net),
        **{name: Decimal(amount) for name, amount in amounts.items()},
    )
    return received(told, told.quote_id, revision, at=known)
