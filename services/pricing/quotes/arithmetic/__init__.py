"""Exact totals of a quote, and the way from list price to pocket margin. Pure."""

from services.pricing.quotes.arithmetic.totals import PricedLine, Totals, totals
from services.pricing.quotes.arithmetic.waterfall import (
    Deduction,
    Kind,
    Priced,
    Step,
    Waterfall,
    discount_of,
    of_line,
    of_quote,
)

__all__ = [
    "Deduction",
    "Kind",
    "Priced",
    "PricedLine",
    "Step",
    "Totals",
    "Waterfall",
    "discount_of",
    "of_line",
    "of_quote",
    "totals",
]
