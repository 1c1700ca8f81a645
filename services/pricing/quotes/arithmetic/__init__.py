"""Exact totals of a quote. Pure."""

from services.pricing.quotes.arithmetic.totals import PricedLine, Totals, totals

__all__ = ["PricedLine", "Totals", "totals"]
