"""Decisions as a table."""

from services.forecast.readings.export import rows_table
from services.forecast.readings.table import Table
from services.forecast.reviews.schemas import DecidedRow, DecisionsOut


def decisions_table(found: DecisionsOut) -> Table:
    """A line per decision, the newest first."""
    return rows_table("decisions", DecidedRow, found.items)
