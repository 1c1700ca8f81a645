"""What the Call page asks the forecast, and how the answers are laid out in rows. No sum is made here."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any
from uuid import UUID

from gateway.pages.address import CallView
from gateway.proxy.client import ServiceDown, ServiceRefused, Services
from libs.common.web.auth import Principal

LINES = ("closed_won", "commit", "most_likely", "best_case", "pipeline")


@dataclass(frozen=True)
class Row:
    """A line of the breakdown. `toggle` opens or closes a unit, `zoom` shows the call of that unit alone."""

    id: str
    kind: str
    label: str
    depth: int
    total: Mapping[str, Any]
    lines: Mapping[str, Any]
    beside: Mapping[str, Any]
    toggle: str | None = None
    zoom: str | None = None
    is_open: bool = False


@dataclass(frozen=True)
class CallPage:
    """The forecast's answers for one view."""

    call: dict[str, Any]
    rollup: dict[str, Any] | None
    opened: dict[UUID, list[dict[str, Any]]]

    def owner_ids(self) -> set[UUID]:
        """People whose names the page needs."""
        parts = [*self.call["tree"]["children"], *(self.rollup["rows"] if self.rollup else [])]
        parts += [child for children in self.opened.values() for child in children]
        return {UUID(part["key"]) for part in parts if part["kind"] == "owner" and part["key"]}


async def read(services: Services, view: CallView, *, principal: Principal) -> CallPage:
    """Ask for everything the view shows, at once. Raises ServiceDown or ServiceRefused."""
    call = services.get("forecast", "forecast/call", principal=principal, params=view.asked())
    if view.by != "organisation":
        rollup = services.get("forecast", "forecast/rollup", principal=principal, params=view.asked(by=view.by))
        first, second = await asyncio.gather(call, rollup)
        return CallPage(first, second, {})
    units = (
        services.get("forecast", "forecast/call", principal=principal, params=view.asked(org=str(unit)))
        for unit in view.open
    )
    first, *nodes = await asyncio.gather(call, *units)
    children = {unit: node["tree"]["children"] for unit, node in zip(view.open, nodes, strict=True)}
    return CallPage(first, None, children)


async def later_by_plan(services: Services, view: CallView, *, principal: Principal) -> list[dict[str, Any]]:
    """The open lines of the period of which something ends later by its close plan, as of now; none for a view of the past.

    What is not answered is left out: the call stands without it.
    """
    if view.date or view.rate != "constant":
        return []
    try:
        found = await services.get("forecast", "forecast/close-plans", principal=principal, params=view.asked())
    except (ServiceDown, ServiceRefused):
        return []
    return [line for line in found["lines"] if line["later"]["count"]]


def rows(page: CallPage, view: CallView, names: Mapping[UUID, str]) -> list[Row]:
    """The breakdown's rows: the tree as far as it is open, or one dimension."""
    if page.rollup is not None:
        return [_row(part, view, names, depth=0) for part in page.rollup["rows"]]
    return list(_branch(page.call["tree"]["children"], page, view, names, depth=0))


def _branch(
    parts: Sequence[dict[str, Any]], page: CallPage, view: CallView, names: Mapping[UUID, str], *, depth: int
) -> Iterable[Row]:
    for part in parts:
        row = _row(part, view, names, depth=depth)
        children = page.opened.get(UUID(part["key"])) if part["kind"] == "unit" else None
        if not part["has_children"]:
            yield row
            continue
        toggled = view.toggled(part["key"])
        yield replace(row, toggle=view.href(open=toggled.open), is_open=children is not None)
        if children is not None:
            yield from _branch(children, page, view, names, depth=depth + 1)


def _row(part: dict[str, Any], view: CallView, names: Mapping[UUID, str], *, depth: int) -> Row:
    is_unit = part["kind"] == "unit" and part["key"]
    return Row(
        id=part["key"] or "none",
        kind=part["kind"],
        label=label_of(part, names),
        depth=min(depth, 5),
        total=part["total"],
        lines=part["lines"],
        beside=part["beside"],
        zoom=view.href(org=part["key"], by="organisation", open=()) if is_unit else None,
    )


def label_of(part: Mapping[str, Any], names: Mapping[UUID, str]) -> str:
    """What a part is called; what is missing is said in words."""
    if part["kind"] == "owner":
        return (
            (names.get(UUID(part["key"])) or part["label"] or f"Person {part['key'][:8]}") if part["key"] else "Nobody"
        )
    return str(part["label"] or part["key"] or "Not given")


@dataclass(frozen=True)
class Part:
    """A piece of the bar that shows the lines' shares; `x` and `width` in thousandths."""

    line: str
    x: str
    width: str


def fx_bar(call: Mapping[str, Any]) -> Part | None:
    """The bar of what exchange rates make of a call's closed won; see `fx_beside`."""
    return fx_beside(Decimal(call["lines"]["closed_won"]["amount"]), Decimal(call["fx"]), call["rate"])


def fx_beside(closed: Decimal, fx: Decimal, rate: str) -> Part | None:
    """The geometry of what exchange rates make of closed won: from the middle to the right what they add, to the left what they take.

    `closed` is at `rate`. Half of the bar is closed won at constant rates; None without a difference.
    """
    constant = closed - (fx if rate == "booked" else 0)
    if not fx:
        return None
    width = abs(fx) * 500 / max(abs(constant), abs(fx))
    return Part("fx", f"{500 - (width if fx < 0 else 0):.2f}", f"{width:.2f}")


def certainty(lines: Mapping[str, Any]) -> list[Part]:
    """The geometry of the bar: lengths in proportion to the amounts, negative ones left out."""
    amounts = {line: max(Decimal(lines[line]["amount"]), Decimal()) for line in LINES if line in lines}
    whole = sum(amounts.values())
    if not whole:
        return []
    parts, x = [], Decimal()
    for line, amount in amounts.items():
        width = amount * 1000 / whole
        parts.append(Part(line, f"{x:.2f}", f"{width:.2f}"))
        x += width
    return [part for part in parts if part.width != "0.00"]
