"""Whose the drivers are with which a bridge begins, in the reader's words."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from gateway.pages import format as written


@dataclass(frozen=True, slots=True)
class Whence:
    """Where a driver comes from, its figure, and by what a plan states it; `href` leads to the assumption."""

    source: str
    figure: str
    said: str
    href: str
    is_plan: bool


def whence(
    drivers: Iterable[Mapping[str, Any]], earlier: str, currency: str, *, plan: Mapping[str, Any] | None = None
) -> dict[str, Whence]:
    """By term; `earlier` names the period whose drivers stand in where no plan states any. With `plan` assumptions are linked."""
    found = {}
    for each in drivers:
        is_plan = each["source"] == "plan"
        found[each["driver"]] = Whence(
            source="Plan" if is_plan else earlier,
            figure=_figure(each["driver"], each["value"], currency),
            said=_said(each) if is_plan else "",
            href=_href(each, plan) if is_plan and plan else "",
            is_plan=is_plan,
        )
    return found


def _figure(driver: str, value: str | None, currency: str) -> str:
    if value is None:
        return "not known"
    if driver in ("win_rate", "timing"):
        return written.percent(value)
    if driver == "size":
        return f"{written.whole(value)} {currency}"
    number = written.whole(value)
    return f"{number} {'deal' if number == '1' else 'deals'}"


def _said(driver: Mapping[str, Any]) -> str:
    """By what a plan states a driver: `Win rate of North`, `100 a month, Company`."""
    of, stated = driver["of"], driver["stated"]
    if driver["by"] == "creation":
        return f"{_short(stated)} a month, {of}"
    if driver["by"] == "pipeline_created":
        return f"as many as make the {written.whole(stated)} of pipeline that {of} is to create"
    return f"{'win rate' if driver['by'] == 'win_rate' else 'average size'} of {of}"


def _short(number: str) -> str:
    return f"{Decimal(number).normalize():,f}"


def _href(driver: Mapping[str, Any], plan: Mapping[str, Any]) -> str:
    if driver["assumption_id"] is None:
        return f"/plans/{plan['plan_id']}?{urlencode({'version': plan['version'], 'measure': 'pipeline_created'})}"
    asked = {"tab": "assumptions", "version": plan["version"], "assumption": driver["assumption_id"]}
    return f"/plans/{plan['plan_id']}?{urlencode(asked)}"
