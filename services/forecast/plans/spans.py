"""The periods of a plan, as they were when it was made: a later calendar changes none of them. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from libs.common.calendar import FiscalCalendar, Period

Kind = Literal["year", "quarter", "month"]


@dataclass(frozen=True, slots=True)
class Span:
    """A period of a plan; `end` is the first day after it."""

    key: str
    label: str
    kind: Kind
    start: date
    end: date

    @property
    def document(self) -> dict[str, Any]:
        """The span as it is stored."""
        return {"key": self.key, "label": self.label, "kind": self.kind, "start": self.start, "end": self.end}


def of_document(stored: dict[str, Any]) -> Span:
    """The span as it was stored."""
    days = {name: date.fromisoformat(stored[name]) for name in ("start", "end")}
    return Span(stored["key"], stored["label"], stored["kind"], **days)


def spans_of(calendar: FiscalCalendar, period: Period) -> list[Span]:
    """The period and every one in it, the greater before those within."""
    if period.kind == "month":
        parts: Sequence[Period] = ()
    else:
        parts = calendar.quarters(period) if period.kind == "year" else calendar.months(period)
    found = [Span(period.key, period.label, period.kind, period.start, period.end)]
    return found + [each for part in parts for each in spans_of(calendar, part)]


def parts_of(spans: Sequence[Span], at: int) -> list[int]:
    """The places of the periods right within one: quarters of a year, months of a quarter, nothing of a month."""
    whole = spans[at]
    finer: dict[str, str] = {"year": "quarter", "quarter": "month"}
    kind = finer.get(whole.kind)
    return [
        place
        for place, span in enumerate(spans)
        if span.kind == kind and whole.start <= span.start and span.end <= whole.end
    ]


def months_of(spans: Sequence[Span], at: int = 0) -> list[int]:
    """The places of the months within a period; of a month itself."""
    whole = spans[at]
    return [
        place
        for place, span in enumerate(spans)
        if span.kind == "month" and whole.start <= span.start and span.end <= whole.end
    ]
