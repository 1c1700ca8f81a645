"""Movements as tables: the same numbers as the JSON."""

from services.forecast.movement.schemas import MovementReading, StepsReading, StoodOut
from services.forecast.readings.export import kind_of
from services.forecast.readings.table import Kind, Table


def movement_table(reading: MovementReading) -> Table:
    """A line per term of both identities, from opening to closing, and what exchange rates make of closed won at both ends."""
    columns: dict[str, Kind] = {
        **dict.fromkeys(("period", "side", "term", "currency", "rate"), "text"),
        "amount": "money",
        "steps": "count",
    }
    lines: list[list[object]] = []
    for side, identity in (("open", reading.open), ("closed", reading.closed)):
        start, valued = [reading.period.key, side], [reading.currency, reading.rate]
        lines.append([*start, "opening", *valued, identity.opening, None])
        lines += [[*start, each.term, *valued, each.amount, each.steps] for each in identity.terms]
        lines.append([*start, "closing", *valued, identity.closing, None])
    for end in ("opening", "closing"):
        lines.append([reading.period.key, "fx", end, reading.currency, "", getattr(reading.fx, end), None])
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
