"""Attainment as tables: the same numbers as the JSON."""

from typing import Any

from services.forecast.attainment.schemas import AttainmentReading, MonthOut
from services.forecast.readings.export import kind_of
from services.forecast.readings.table import Kind, Table

MONEY = ("quota", "parts", "unallocated", "closed_won", "gap")


def nodes_table(reading: AttainmentReading) -> Table:
    """A line per node, the asked one first."""
    columns: dict[str, Kind] = {
        **dict.fromkeys(("period", "kind", "id", "label", "parent_id"), "text"),
        "depth": "count",
        **dict.fromkeys(("state", "source", "currency", "rate"), "text"),
        **dict.fromkeys(MONEY, "money"),
        **dict.fromkeys(("over_assigned", "attainment"), "share"),
        "chance": "number",
    }
    lines: list[list[Any]] = [
        [
            reading.period.key,
            each.node.kind,
            each.node.id,
            each.node.label,
            each.parent_id,
            each.depth,
            each.state,
            each.source,
            reading.currency,
            reading.rate,
            *(getattr(each, name) for name in (*MONEY, "over_assigned", "attainment", "chance")),
        ]
        for each in (reading.node, *reading.below)
    ]
    return Table(f"attainment-{reading.period.key}", columns, lines)


def months_table(reading: AttainmentReading) -> Table:
    """A line per month of the asked node."""
    fields = {name: kind_of(name, field.annotation) for name, field in MonthOut.model_fields.items()}
    columns: dict[str, Kind] = {"period": "text", **fields, "currency": "text"}
    lines: list[list[Any]] = [
        [reading.period.key, *(getattr(each, name) for name in fields), reading.currency] for each in reading.months
    ]
    return Table(f"attainment-{reading.period.key}-months", columns, lines)
