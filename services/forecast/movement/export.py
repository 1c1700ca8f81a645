"""Movements as tables: the same numbers as the JSON."""

from services.forecast.movement.schemas import MovementReading, StepsReading, StoodOut
from services.forecast.readings.export import kind_of
from services.forecast.readings.table import Kind, Table


def movement_table(reading: MovementReading) -> Table:
    """A line per term of both identities, from opening to closing."""
    columns: dict[str, Kind] = {
        **dict.fromkeys(("period", "side", "term", "currency"), "text"),
        "amount": "money",
        "steps": "count",
    }
    lines: list[list[object]] = []
    for side, identity in (("open", reading.open), ("closed", reading.closed)):
        start = [reading.period.key, side]
        lines.append([*start, "opening", reading.currency, identity.opening, None])
        lines += [[*start, each.term, reading.currency, each.amount, each.steps] for each in identity.terms]
        lines.append([*start, "closing", reading.currency, identity.closing, None])
    return Table(f"movement-{reading.period.key}-{reading.mode}", columns, lines)


def steps_table(reading: StepsReading) -> Table:
    """A line per step with what stood before and after."""
    sides = ("version", "valid_from", "line", "stage", "category", "amount", "currency", "close_date", "cause_delivery")
    columns: dict[str, Kind] = {"deal_id": "text", "name": "text", "term": "text", "moved": "money"}
    for end in ("before", "after"):
        columns |= {f"{end}_{name}": kind_of(name, StoodOut.model_fields[name].annotation) for name in sides}
    lines = [
        [
            each.deal_id,
            each.name,
            each.term,
            each.amount,
            *(getattr(stood, name) if stood else None for stood in (each.before, each.after) for name in sides),
        ]
        for each in reading.items
    ]
    return Table(f"movement-{reading.period.key}-{reading.side}-{reading.term or 'all'}", columns, lines)
