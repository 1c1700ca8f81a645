"""The address of a view of a page: everything the page shows follows from it, so that it can be shared and reloaded. Pure."""

from dataclasses import dataclass, fields, replace
from datetime import date, datetime, time, timedelta
from typing import Any, ClassVar, Literal
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from libs.common.web.errors import Invalid

By = Literal["organisation", "region", "market", "product", "team", "owner"]
Lines = Literal["single", "cumulative"]
Mode = Literal["ends", "gross"]
Rate = Literal["constant", "booked"]

MOST_OPEN = 24
"""Units that may stand open in the tree at once; each is one question to the forecast."""


class UnreadableTime(Invalid):
    """A time in the address is not written as one."""


@dataclass(frozen=True, kw_only=True)
class View:
    """What every view is of. Empty values leave the choice to the forecast: current period, whole scope, every deal."""

    PATH: ClassVar[str]
    """Where the page is whose view this is."""

    period: str = ""
    org: str = ""
    deal_type: str = ""
    value_basis: str = ""

    def href(self, path: str = "", **changes: Any) -> str:
        """The address with some parts changed; what is at its default is left out. Changes that are no part come last."""
        default = {field.name: field.default for field in fields(self)}
        view = replace(self, **{name: value for name, value in changes.items() if name in default})
        values = ((name, getattr(view, name)) for name in default)
        pairs = [(name, _written(value)) for name, value in values if value and value != default[name]]
        pairs += [(name, str(value)) for name, value in changes.items() if name not in default and value is not None]
        path = path or self.PATH
        return f"{path}?{urlencode(pairs, safe=',:')}" if pairs else path

    def _asked(self, **more: str) -> dict[str, str]:
        shared = {field.name: getattr(self, field.name) for field in fields(View)}
        return {name: value for name, value in (shared | more).items() if value}


@dataclass(frozen=True, kw_only=True)
class DatedView(View):
    """A view at a business date; without one at the one that the forecast has."""

    date: str = ""

    def asked(self, **more: str) -> dict[str, str]:
        """The forecast's query parameters for this view, without what is left to its choice."""
        return self._asked(**{"date": self.date} | more)


@dataclass(frozen=True, kw_only=True)
class CallView(DatedView):
    """What of the call, or of the pipeline, is shown."""

    PATH = "/call"

    by: By = "organisation"
    view: Lines = "single"
    rate: Rate = "constant"
    open: tuple[UUID, ...] = ()

    def asked(self, **more: str) -> dict[str, str]:
        return super().asked(**{"rate": self.rate if self.rate != "constant" else ""} | more)

    def toggled(self, unit: str) -> "CallView":
        """The view with a unit of the tree opened or closed."""
        identifier = UUID(unit)
        if identifier in self.open:
            return replace(self, open=tuple(one for one in self.open if one != identifier))
        return replace(self, open=(*self.open, identifier)[-MOST_OPEN:])


@dataclass(frozen=True, kw_only=True)
class MetricsView(DatedView):
    """Of which deals the metrics are shown. `target`: what the period should bring, as it was typed."""

    PATH = "/pipeline/metrics"

    target: str = ""


@dataclass(frozen=True, kw_only=True)
class ProjectionView(DatedView):
    """Of which deals a projection is shown. `target`: what the period should bring, as it was typed."""

    PATH = "/projection"

    target: str = ""


@dataclass(frozen=True, kw_only=True)
class WhatIfView(ProjectionView):
    """What is supposed, and how likely (a share) the target should be."""

    PATH = "/projection/what-if"

    wanted: str = "0.8"
    suppose: tuple[str, ...] = ()

    def supposing(self, suppose: tuple[str, ...]) -> "WhatIfView":
        """The view with other suppositions."""
        return replace(self, suppose=suppose)


@dataclass(frozen=True, kw_only=True)
class MovementView(View):
    """Which movement is shown. `since`, `as_of` and when they were known are days or times as the address has them."""

    PATH = "/movement"

    since: str = ""
    as_of: str = ""
    since_known_at: str = ""
    known_at: str = ""
    mode: Mode = "ends"
    rate: Rate = "constant"

    def asked(self, zone: str, **more: str) -> dict[str, str]:
        """The forecast's query parameters. Raises UnreadableTime."""
        times = ("since", "since_known_at", "as_of", "known_at")
        said = {name: getattr(self, name) for name in times if getattr(self, name)}
        read = {
            name: instant(text, zone, name=name, is_end=name in ("as_of", "known_at")).isoformat()
            for name, text in said.items()
        }
        rate = {"rate": self.rate} if self.rate != "constant" else {}
        return self._asked(**read, mode=self.mode, **rate, **more)


def instant(text: str, zone: str, *, name: str, is_end: bool) -> datetime:
    """A time of the address: an instant, a local time, or a day, which is its beginning or, as an end, all of it.

    Raises UnreadableTime.
    """
    try:
        if len(text) == len("2026-11-15"):
            day = date.fromisoformat(text) + timedelta(days=is_end)
            return datetime.combine(day, time(), tzinfo=ZoneInfo(zone))
        found = datetime.fromisoformat(text)
        return found if found.tzinfo else found.replace(tzinfo=ZoneInfo(zone))
    except (ValueError, OverflowError):
        raise UnreadableTime(f"{name}: {text!r} is no time; write 2026-11-15 or 2026-11-15T12:00.") from None


def _written(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def opened(text: str) -> tuple[UUID, ...]:
    """Units from the address; what is no id is ignored, as an address may be cut by mail programs."""
    units: list[UUID] = []
    for part in text.split(",")[:MOST_OPEN]:
        try:
            units.append(UUID(part))
        except ValueError:
            continue
    return tuple(dict.fromkeys(units))
