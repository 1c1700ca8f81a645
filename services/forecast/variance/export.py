"""A bridge as a table: a line per term between what it begins with and what came, and whose driver each was."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, Final, Protocol

from services.forecast.readings.table import Kind, Table
from services.forecast.variance.schemas import VarianceReading

WHENCE: Final[dict[str, Kind]] = {
    "source": "text", "value": "share", "stated": "share", "by": "text", "of": "text", "assumption_id": "text",
}  # fmt: skip


class FromWhere(Protocol):
    """A driver that has the fields of `WHENCE`."""

    @property
    def driver(self) -> str:
        """Which it is, by the name of its term."""


def lines(
    levels: Sequence[tuple[str, Decimal]], drivers: Iterable[FromWhere], price: Decimal | None
) -> list[list[Any]]:
    """What each level of a bridge is called, its amount, the price within it, and whose driver it was; nothing of what is no driver."""
    said = {each.driver: [getattr(each, name) for name in WHENCE] for each in drivers}
    return [
        [name, amount, price if name == "size" else None, *said.get(name, [None] * len(WHENCE))]
        for name, amount in levels
    ]


def bridge_table(found: VarianceReading) -> Table:
    """The reading as a file."""
    levels = [("before", found.before.booked), *((each.term, each.amount) for each in found.terms)]
    rows = lines([*levels, ("after", found.after.booked)], found.drivers, found.price.amount)
    columns: dict[str, Kind] = {
        "period": "text",
        "against": "text",
        "currency": "text",
        "term": "text",
        "amount": "money",
        "of_which_price": "money",
    }
    about = [found.period.key, found.against, found.currency]
    return Table(f"variance-{found.period.key}", columns | WHENCE, [[*about, *row] for row in rows])
