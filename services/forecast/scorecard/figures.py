"""What was left of a month's wins: their pocket price beside the list price, and their margin. Pure.

Each is known of the deals whose quote tells it; how much of the bookings that is stands beside it.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Final
from uuid import UUID

from services.forecast.quoted.models import Quoted
from services.forecast.scorecard.cutting import share, summed
from services.forecast.scorecard.document import Unknown, Win
from services.forecast.scorecard.sections import Valued

Convert = Callable[[Decimal, str, date], Decimal | None]
"""An amount of a currency in the document's, at the rate of a day; None without a rate."""
MARGIN: Final = ("margin", "Margin")
REALISATION: Final = ("price_realisation", "Price realisation")
WHY_NOT: Final = {
    "margin": "No deal of the month has an approved or accepted quote whose cost is known: give the products a cost, and quote for deals.",
    "price_realisation": "No deal of the month has an approved or accepted quote whose list prices are known: quote for deals by the catalogue.",
}


def valued(wins: Sequence[Win], quotes: Mapping[UUID, Quoted], convert: Convert) -> tuple[list[Valued], list[Unknown]]:
    """Margin and price realisation of a month, and of which of them nothing is known."""
    margins: list[tuple[Win, Decimal, Decimal]] = []
    realised: list[tuple[Win, Decimal, Decimal]] = []
    for win in wins:
        quote = quotes.get(win.deal_id)
        if quote is None or quote.pocket is None or win.amount_base is None:
            continue
        pocket = convert(quote.pocket, quote.currency, win.booked_on)
        margin = None if quote.margin is None else convert(quote.margin, quote.currency, win.booked_on)
        listed = None if quote.listed is None else convert(quote.listed, quote.currency, win.booked_on)
        if pocket is not None and margin is not None:
            margins.append((win, margin, pocket))
        if pocket is not None and listed is not None:
            realised.append((win, pocket, listed))
    whole = summed(wins)
    found, unknown = [], []
    for (line, label), rows in ((REALISATION, realised), (MARGIN, margins)):
        if rows:
            found.append(_summed(line, label, rows, whole))
        else:
            unknown.append(Unknown(line=line, label=label, reason=WHY_NOT[line]))
    return found, unknown


def _summed(line: str, label: str, rows: Sequence[tuple[Win, Decimal, Decimal]], bookings: Decimal) -> Valued:
    part = sum((each for _, each, _ in rows), Decimal())
    whole = sum((each for _, _, each in rows), Decimal())
    mine = summed(row[0] for row in rows)
    return Valued(
        line=line,
        label=label,
        part=part,
        whole=whole,
        share=share(part, whole),
        deals=len(rows),
        bookings=mine,
        covered=share(mine, bookings),
    )
