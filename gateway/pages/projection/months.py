"""The page *Months*: what each unit, owner, market or product will bring in each of twelve months, and how sure the whole is."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from decimal import Decimal
from itertools import accumulate
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from gateway.auth.dependencies import CurrentUser
from gateway.pages.address import CallView, DatedView
from gateway.pages.axis import EXTENT, Axis, Mark, axis, placed, written
from gateway.pages.names import names_of
from gateway.pages.projection.outlook import PARTS
from gateway.pages.templates import page
from gateway.pages.views import projection_view
from gateway.proxy.client import services_of
from libs.common.web.api import Reading

router = APIRouter(include_in_schema=False)

By = Literal["unit", "owner", "market", "product"]
CUTS: Final[Mapping[str, str]] = {"unit": "Units", "owner": "Owners", "market": "Markets", "product": "Products"}
WHOLE: Final = ""
"""The part of the address while all of it is drawn."""
NONE_GIVEN: Final = "-"
"""The part of those that have no value, or nobody."""
_ROOM: Final = Decimal("0.24")
"""The share of a month's place that is left free beside its bar."""
_TOP: Final = Decimal(40)
"""So near to the top an amount of the axis has no room."""
_MARGIN: Final = Decimal(70)
"""Where the first month begins: the amounts of the axis stand before it."""


@dataclass(frozen=True, kw_only=True)
class MonthsView(DatedView):
    """Of which deals months are shown, cut by what, and of which part (its key, or all of it) they are drawn."""

    PATH = "/projection/months"

    by: By = "unit"
    part: str = WHOLE

    def file(self) -> str:
        """Where the same numbers are as a file."""
        return f"/api/v1/forecast/projection/months?{urlencode(self.asked(by=self.by, format='csv'))}"

    def behind(self, path: str, period: str, org: str) -> str:
        """The page at `path` of the same deals, of a month and unit."""
        same = {field.name: getattr(self, field.name) for field in fields(DatedView)} | {"period": period, "org": org}
        return CallView(**same).href(path)


def months_view(
    view: Annotated[DatedView, Depends(projection_view)],
    by: By = "unit",
    part: Annotated[str, Query(max_length=300)] = WHOLE,
    cut: By | None = None,
) -> MonthsView:
    """`cut`: what a form was shown with; a part of it is no part of another."""
    shared = {name: value for name, value in asdict(view).items() if name in {each.name for each in fields(DatedView)}}
    return MonthsView(**shared | {"period": ""}, by=by, part=part if cut in (None, by) else WHOLE)


@dataclass(frozen=True, slots=True)
class Block:
    """What one part of the projection adds to a month's bar."""

    name: str
    y: str
    height: str


@dataclass(frozen=True, slots=True)
class Column:
    """A month: its blocks, the projection and the range of it. What takes away lies below zero."""

    x: str
    width: str
    centre: Mark
    blocks: Sequence[Block]
    mean: str
    low: str
    high: str
    words: Sequence[str]


@dataclass(frozen=True, slots=True)
class Picture:
    """Twelve months side by side on one axis."""

    columns: Sequence[Column]
    levels: Sequence[Mark]
    zero: str


@dataclass(frozen=True, slots=True)
class Row:
    """A part of the whole in words, with where more is told of it."""

    key: str
    label: str
    org: str | None
    found: Mapping[str, Any]
    total: Decimal


@router.get(MonthsView.PATH)
async def months(
    request: Request, session: Reading, principal: CurrentUser, view: Annotated[MonthsView, Depends(months_view)]
) -> Response:
    """Twelve months of every part, and one of them drawn."""
    services = services_of(request)
    call, found = await asyncio.gather(
        services.get("forecast", "forecast/call", principal=principal, params=view.asked()),
        services.get("forecast", "forecast/projection/months", principal=principal, params=view.asked(by=view.by)),
    )
    people = [UUID(row["key"]) for row in found["rows"] if row["kind"] == "owner" and row["key"]]
    names = await names_of(session, people, principal=principal)
    shown = page(request, "projection/months.html", call=call, **months_shown(found, view, names))
    if {"at", "cut"} & set(request.query_params):
        shown.headers["hx-push-url"] = view.href()
    return shown


def months_shown(found: Mapping[str, Any], view: MonthsView, names: Mapping[UUID, str]) -> dict[str, Any]:
    """What the page shows of a reading. A part that has nothing any more is told as the whole."""
    rows = [_row(each, names, found["org"]) for each in found["rows"]]
    whole = Row(WHOLE, f"All of {found['org']['name']}", found["org"]["unit_id"], found["total"], _sum(found["total"]))
    drawn = next((row for row in rows if view.part != WHOLE and row.key == view.part), whole)
    return {
        "found": found,
        "view": view,
        "rows": rows,
        "whole": whole,
        "drawn": drawn,
        "sums": {name: _sum(drawn.found, name) for name in PARTS},
        "picture": picture(drawn.found["months"], [each["label"] for each in found["periods"]]),
        "lifted": lifted(drawn.found["months"], [each["label"] for each in found["periods"]]),
        "parts": PARTS,
        "cuts": CUTS,
    }


def lifted(found: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> list[str]:
    """The months whose projection lies above their range: what is large and seldom won counts in the mean only."""
    pairs = zip(found, labels, strict=True)
    return [label for month, label in pairs if Decimal(month["parts"]["projection"]) > Decimal(month["high"])]


def picture(found: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> Picture:
    """The months of one part as stacked bars, each with the range of its projection."""
    amounts = [[Decimal(month["parts"][name]) for name in PARTS] for month in found]
    ends = [[sum((each for each in month if (each > 0) is up), Decimal()) for up in (True, False)] for month in amounts]
    bounds = [Decimal(month[end]) for month in found for end in ("low", "high")]
    levels = axis([*(each for pair in ends for each in pair), *bounds], steps=5, snug=True)
    width = (EXTENT - _MARGIN) / max(len(found), 1)
    columns = [
        _column(month, of_parts, label, levels, _MARGIN + number * width, width)
        for number, (month, of_parts, label) in enumerate(zip(found, amounts, labels, strict=True))
    ]
    return Picture(
        columns,
        [placed(levels.down(tick), tick) for tick in levels.ticks if levels.down(tick) > _TOP],
        written(levels.down(Decimal())),
    )


def _column(
    month: Mapping[str, Any], amounts: Sequence[Decimal], label: str, levels: Axis, x: Decimal, width: Decimal
) -> Column:
    up = list(accumulate((max(each, Decimal()) for each in amounts), initial=Decimal()))
    down = list(accumulate((min(each, Decimal()) for each in amounts), initial=Decimal()))
    blocks = []
    for place, (name, amount) in enumerate(zip(PARTS, amounts, strict=True)):
        if amount:
            before, after = (up if amount > 0 else down)[place : place + 2]
            top, bottom = sorted((levels.down(before), levels.down(after)))
            blocks.append(Block(name, written(top), written(bottom - top)))
    at = {name: written(levels.down(Decimal(month[name]))) for name in ("low", "high")}
    return Column(
        x=written(x + width * _ROOM / 2),
        width=written(width * (1 - _ROOM)),
        centre=placed(x + width / 2, Decimal()),
        blocks=blocks,
        mean=written(levels.down(Decimal(month["parts"]["projection"]))),
        low=at["low"],
        high=at["high"],
        words=label.split(),
    )


def _row(found: Mapping[str, Any], names: Mapping[UUID, str], org: Mapping[str, Any]) -> Row:
    key, label = found["key"], found["label"]
    if found["kind"] == "owner":
        label = names.get(UUID(key), f"Person {key[:8]}") if key else "Nobody"
    elif found["kind"] == "own":
        label = f"{org['name']} itself"
    unit = key if found["kind"] == "unit" else None
    return Row(key or NONE_GIVEN, label or "Not given", unit, found, _sum(found))


def _sum(row: Mapping[str, Any], part: str = "projection") -> Decimal:
    """A mean of all twelve months: means add."""
    return sum((Decimal(month["parts"][part]) for month in row["months"]), Decimal())
