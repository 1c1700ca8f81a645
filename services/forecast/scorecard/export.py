"""The tie-out of a scorecard as a table: the lines of the document, signed or not."""

from collections.abc import Mapping
from typing import Any

from services.forecast.readings.export import rows_table
from services.forecast.readings.table import Table
from services.forecast.scorecard.document import Tied, TieOut


def tie_out_table(contents: Mapping[str, Any]) -> Table:
    """A line per deal or order, what needs somebody first."""
    found = TieOut.model_validate(contents["tie_out"])
    flat = rows_table(f"tie-out-{contents['period']}", Tied, found.lines)
    lists = [place for place, name in enumerate(flat.columns) if name in ("orders", "differs")]
    lines = [[" ".join(cell) if place in lists else cell for place, cell in enumerate(line)] for line in flat.lines]
    kinds = {name: ("text" if name in ("orders", "differs") else kind) for name, kind in flat.columns.items()}
    return Table(flat.name, kinds, lines)
