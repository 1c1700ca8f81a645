"""Movements as CSV: the same numbers as the JSON."""

from starlette.responses import Response

from services.forecast.movement.schemas import MovementReading, StepsReading
from services.forecast.readings.export import answer, text


def movement_csv(reading: MovementReading) -> Response:
    """A line per term of both identities, from opening to closing."""
    header = ["period", "side", "term", "currency", "amount", "steps"]
    lines: list[list[object]] = []
    for side, identity in (("open", reading.open), ("closed", reading.closed)):
        start = [reading.period.key, side]
        lines.append([*start, "opening", reading.currency, identity.opening, None])
        lines += [[*start, each.term, reading.currency, each.amount, each.steps] for each in identity.terms]
        lines.append([*start, "closing", reading.currency, identity.closing, None])
    return answer(f"movement-{reading.period.key}-{reading.mode}", header, lines)


def steps_csv(reading: StepsReading) -> Response:
    """A line per step with what stood before and after."""
    sides = ("version", "valid_from", "line", "stage", "category", "amount", "currency", "close_date", "cause_delivery")
    header = ["deal_id", "name", "term", "moved", *(f"{end}_{name}" for end in ("before", "after") for name in sides)]
    lines = [
        [
            each.deal_id,
            text(each.name),
            each.term,
            each.amount,
            *(
                text(value) if isinstance(value, str) else value
                for stood in (each.before, each.after)
                for value in (getattr(stood, name) if stood else None for name in sides)
            ),
        ]
        for each in reading.items
    ]
    return answer(f"movement-{reading.period.key}-{reading.side}-{reading.term or 'all'}", header, lines)
