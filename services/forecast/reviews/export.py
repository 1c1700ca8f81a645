"""Decisions and bridges as tables."""

from uuid import UUID

from services.forecast.readings.export import rows_table
from services.forecast.readings.table import Kind, Table
from services.forecast.reviews.document import Bridge, PricedBridge, SourcedBridge
from services.forecast.reviews.schemas import DecidedRow, DecisionsOut
from services.forecast.variance.export import WHENCE, lines


def decisions_table(found: DecisionsOut) -> Table:
    """A line per decision, the newest first."""
    return rows_table("decisions", DecidedRow, found.items)


def bridge_table(review_id: UUID, found: Bridge) -> Table:
    """The bridge as it was frozen; of a first format nothing is known of whose each driver was."""
    levels = [("before", found.before.booked), *((each.term, each.amount) for each in found.terms)]
    drivers = found.drivers_from if isinstance(found, SourcedBridge) else ()
    price = found.price.amount if isinstance(found, PricedBridge) else None
    columns: dict[str, Kind] = {"term": "text", "amount": "money", "of_which_price": "money"}
    rows = lines([*levels, ("after", found.after.booked)], drivers, price)
    return Table(f"bridge-{review_id}", columns | WHENCE, rows)
