"""Twelve months as a table: the same numbers as the JSON."""

from services.forecast.outlook.schemas import MonthsReading, PartsOut
from services.forecast.readings.table import Kind, Table


def months_table(found: MonthsReading) -> Table:
    """A line per part and month, and those of all of it. Amounts of parts add; `low_80` and `high_80` do not."""
    columns: dict[str, Kind] = {
        **dict.fromkeys(("by", "kind", "key", "label", "month", "currency"), "text"),
        **dict.fromkeys((*PartsOut.model_fields, "low_80", "high_80"), "money"),
        "expected_wins": "number",
        "is_few": "flag",
    }
    lines: list[list[object]] = [
        [
            *(found.by, row.kind, row.key, row.label, period.key, found.currency),
            *(getattr(month.parts, name) for name in PartsOut.model_fields),
            *(month.low, month.high, month.expected_wins, month.is_few),
        ]
        for row in (*found.rows, found.total)
        for period, month in zip(found.periods, row.months, strict=True)
    ]
    return Table(f"projection-months-{found.by}", columns, lines)
