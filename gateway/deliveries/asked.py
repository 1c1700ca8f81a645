"""Which deliveries somebody asks for, and how that is written in one line."""

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from libs.common.web.errors import Invalid

_TERM = re.compile(r"([a-z_]+):(.+)", re.DOTALL)
_AGE = re.compile(r"(\d+)(s|m|h|d)")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
STATES = ("accepted", "pending", "processed", "parked")


class UnreadableQuery(Invalid):
    """A query has a term that is not one of ours."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Deliveries that meet all that is given.

    `external_id`: an item is of this record. `text`: stands in the reason, field or value of an item, in any case of letters.
    `since` and `until` (excluded) are times of arrival.
    """

    delivery: UUID | None = None
    connection: str | None = None
    state: str | None = None
    external_id: str | None = None
    text: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def shown(self) -> dict[str, str]:
        """What is given, as text."""
        return {name: str(value) for name in self.__slots__ if (value := getattr(self, name)) is not None}


def parse(query: str, *, now: datetime) -> Selection:
    """Terms such as `connection:hub state:parked id:77 since:2h "unknown stage"`; words without a name are text.

    Times are ISO 8601 (without an offset: UTC) or an age such as `30m`, `2h`, `3d`. Raises UnreadableQuery.
    """
    try:
        words = shlex.split(query)
    except ValueError as error:
        raise UnreadableQuery(f"The query cannot be read: {error}.") from None
    found: dict[str, Any] = {}
    texts: list[str] = []
    for word in words:
        term = _TERM.fullmatch(word)
        if term is None:
            texts.append(word)
            continue
        name, value = term.groups()
        if name not in _TERMS:
            raise UnreadableQuery(
                f"{name} cannot be asked for; there are {', '.join(_TERMS)}. Write text:'{word}' to look for it as text."
            )
        field, read = _TERMS[name]
        if field in found:
            raise UnreadableQuery(f"{name} is given twice.")
        found[field] = read(value, now)
    if texts:
        found["text"] = " ".join([*([found["text"]] if "text" in found else []), *texts])
    return Selection(**found)


def _plain(value: str, now: datetime) -> str:
    del now
    return value


def _state(value: str, now: datetime) -> str:
    del now
    if value not in STATES:
        raise UnreadableQuery(f"There is no state {value}; there are {', '.join(STATES)}.")
    return value


def _time(value: str, now: datetime) -> datetime:
    if age := _AGE.fullmatch(value):
        return now - timedelta(**{_UNITS[age[2]]: int(age[1])})
    try:
        written = datetime.fromisoformat(value)
    except ValueError:
        raise UnreadableQuery(
            f"{value} is no time; write 2026-03-01, 2026-03-01T09:30:00Z, or an age such as 2h."
        ) from None
    return written if written.tzinfo else written.replace(tzinfo=UTC)


_TERMS: dict[str, tuple[str, Callable[[str, datetime], Any]]] = {
    "connection": ("connection", _plain),
    "state": ("state", _state),
    "id": ("external_id", _plain),
    "external_id": ("external_id", _plain),
    "text": ("text", _plain),
    "since": ("since", _time),
    "until": ("until", _time),
}
