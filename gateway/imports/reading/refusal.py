"""A row that cannot be used, and why."""

from dataclasses import dataclass


class Refused(Exception):
    """One row cannot become changes; the rest of its file still can. `column` is what the mapping took the value from."""

    def __init__(self, reason: str, *, column: str = "", value: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.column = column
        self.value = value


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refused row with its place. `line` is the line on which the row begins, the header being line 1."""

    file: str
    line: int
    object: str
    column: str
    value: str
    reason: str


NO_DATE = "no date: cannot be placed in time"
