"""How much of what won deals brought is price: their invoice amounts against the list prices of the quotes behind them. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from uuid import UUID

from services.forecast.quoted.models import Quoted


@dataclass(frozen=True, slots=True)
class Priced:
    """Won deals of a period whose quote tells list prices, what they brought in minor units, and that at list prices."""

    deals: int
    brought: int
    listed: Fraction

    @property
    def realisation(self) -> Fraction | None:
        """What of the list price was invoiced; None without any such deal."""
        return Fraction(self.brought) / self.listed if self.listed else None


def priced(won: Mapping[UUID, int], quotes: Mapping[UUID, Quoted]) -> Priced:
    """`won`: what each deal brought. At list prices a deal brings that x list / net of its quote, whatever the quote's currency."""
    brought, listed, deals = 0, Fraction(), 0
    for deal, amount in won.items():
        quote = quotes.get(deal)
        if quote is None or quote.listed is None or quote.listed <= 0 or quote.net <= 0:
            continue
        deals += 1
        brought += amount
        listed += amount * Fraction(quote.listed) / Fraction(quote.net)
    return Priced(deals, brought, listed)


def price(before: Priced, after: Priced) -> int | None:
    """What the later deals brought more than at the earlier period's price realisation, in minor units.

    That is the selling-price variance: actual less standard price, at the quantities sold (Horngren, Datar and Rajan, Cost Accounting,
    chapter 7). None unless of both periods some deal is known.
    """
    if before.realisation is None or after.realisation is None:
        return None
    return round(after.brought - before.realisation * after.listed)
