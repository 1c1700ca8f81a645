"""Attainment as tables: the same numbers as the JSON."""

from typing import Any

from services.forecast.attainment.schemas import AttainmentReading, MonthOut, PlanAttainmentReading, PlanReachedOut
from services.forecast.readings.export import kind_of
from services.forecast.readings.table import Kind, Table

MONEY = ("quota", "parts", "unallocated", "closed_won", "gap")


def nodes_table(reading: AttainmentReading) -> Table:
    """A line per node, the asked one first."""
    columns: dict[str, Kind] = {
        **dict.fromkeys(("period", "kind", "id", "label", "parent_id"), "text"),
        "depth": "count",
        **dict.fromkeys(("state", "source", "said_by", "currency", "rate"), "text"),
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
            each.said_by,
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


def reached_table(reading: PlanAttainmentReading) -> Table:
    """A line per node of a plan, the asked one first."""
    left_out = ("path", "parent_id", "has_children", "months", "attainment", "over_assigned", "creation", "chance")
    fields = {
        name: kind_of(name, field.annotation)
        for name, field in PlanReachedOut.model_fields.items()
        if name not in left_out
    }
    columns: dict[str, Kind] = {
        **dict.fromkeys(("plan", "version", "measure", "period", "path"), "text"),
        **fields,
        **dict.fromkeys(("attainment", "over_assigned"), "share"),
        **dict.fromkeys(("chance", "creation"), "number"),
        "currency": "text",
    }
    lines: list[list[Any]] = [
        [
            reading.plan.name,
            str(reading.plan.version),
            reading.measure,
            reading.period.key,
            " / ".join(each.path),
            *(getattr(each, name) for name in fields),
            each.attainment,
            each.over_assigned,
            each.chance,
            None if each.creation is None else float(each.creation),
            reading.unit_of_measure,
        ]
        for each in reading.nodes
    ]
    return Table(f"plan-attainment-{reading.period.key}", columns, lines)
