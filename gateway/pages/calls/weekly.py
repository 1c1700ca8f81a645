"""The weekly call: what the Call page asks of calls, locks and their worth, and what its reader may say. No sum is made here."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from gateway.pages.address import CallView
from gateway.pages.calls.call import CallPage
from gateway.proxy.client import ServiceRefused, Services
from libs.common.web.auth import Principal

CALLERS = frozenset({"seller", "manager", "cso", "admin"})
SUPERIORS = frozenset({"manager", "cso", "admin"})
EVERYWHERE = frozenset({"cso", "admin"})
"""Roles that adjust their own unit too, and withdraw what others added."""

LISTED = "100"
LARGEST = 3
"""Terms of a movement that are shown."""


@dataclass(frozen=True)
class Target:
    """A node that something may be said of. `value` is what the form sends."""

    value: str
    label: str


@dataclass(frozen=True)
class Offers:
    """What the reader may say here. The forecast decides; what it would refuse for sure is not offered."""

    call: tuple[Target, ...] = ()
    adjust: tuple[Target, ...] = ()
    judge: bool = False
    withdraw: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Weekly:
    """The answers. `lock` is the newest of this period; `worth` is null for those who may not see it."""

    calls: dict[str, Any]
    judged: dict[str, Any]
    lock: dict[str, Any] | None
    worth: dict[str, Any] | None

    @property
    def nodes(self) -> list[dict[str, Any]]:
        return [self.calls["node"], *self.calls["children"]]

    @property
    def adjustments(self) -> list[dict[str, Any]]:
        """In force at the node and right below it."""
        return [each for node in self.nodes for each in node["adjustments"]]

    @property
    def population(self) -> dict[str, str]:
        """What calls here are of, as the forms send it."""
        parts = {name: self.calls[name] for name in ("deal_type", "value_basis")}
        return {"period": self.calls["period"]["key"], **{name: text for name, text in parts.items() if text}}

    def person_ids(self) -> set[UUID]:
        """People whose names the page needs."""
        return {UUID(node["node"]["id"]) for node in self.nodes if node["node"]["kind"] == "person"}

    def subjects(self) -> set[str]:
        """Who spoke."""
        calls = (each for node in self.nodes for each in (node["call"], *node["other_calls"]) if each)
        return {each["person"] for each in calls} | {each["made_by"] for each in self.adjustments}


async def read(services: Services, page: CallPage, view: CallView, *, principal: Principal) -> Weekly | None:
    """What was said of the unit and period of a page; None while the page looks from another business date than the present."""
    if view.date:
        return None
    org, period = page.call["org"]["unit_id"], page.call["period"]["key"]
    asked = view.asked(org=org, period=period)
    calls, judged, locks, worth = await asyncio.gather(
        services.get("forecast", "forecast/calls", principal=principal, params=asked),
        services.get("forecast", "forecast/judgements", principal=principal, params=asked | {"mine": "true"}),
        services.get("forecast", "forecast/locks", principal=principal, params={"limit": LISTED}),
        _worth(services, view, org, principal=principal),
    )
    return Weekly(calls, judged, last_lock(locks["items"], period), worth)


async def _worth(services: Services, view: CallView, org: str, *, principal: Principal) -> dict[str, Any] | None:
    parts = {name: text for name, text in view.asked().items() if name in ("deal_type", "value_basis")}
    try:
        return await services.get("forecast", "forecast/value-added", principal=principal, params=parts | {"org": org})
    except ServiceRefused as refused:
        if refused.status != 403:
            raise
        return None


def last_lock(locks: Iterable[dict[str, Any]], period: str) -> dict[str, Any] | None:
    """The newest lock of that period; of a month or a year, which are not frozen, the newest of a running quarter."""
    listed = list(locks)
    running = (lock for lock in listed if lock["kind"] != "closed")
    return next((lock for lock in listed if period in lock["periods"]), None) or next(running, None)


def labels(weekly: Weekly, names: Mapping[UUID, str]) -> dict[str, str]:
    """What the nodes are called, by id."""
    return {
        each["node"]["id"]: each["node"]["label"]
        or names.get(UUID(each["node"]["id"]), f"{each['node']['kind'].capitalize()} {each['node']['id'][:8]}")
        for each in weekly.nodes
    }


def offers(weekly: Weekly, labelled: Mapping[str, str], *, principal: Principal) -> Offers:
    """What the reader may say of the nodes that are shown. Of a period that is over nothing more is said."""
    roles, caller = principal.roles, weekly.calls["caller"]
    withdraw = frozenset(
        each["adjustment_id"]
        for each in weekly.adjustments
        if roles & SUPERIORS and (roles & EVERYWHERE or each["made_by"] == principal.subject)
    )
    if weekly.calls["period"]["end"] < weekly.calls["business_date"]["day"]:
        return Offers(withdraw=withdraw)
    # A person that has a label is no person but a vacant line: nobody speaks for it.
    spoken_for = (each["node"] for each in weekly.nodes if each["node"]["kind"] == "unit" or not each["node"]["label"])
    unit, *below = (_target(node, labelled) for node in spoken_for)
    own = Target(f"person:{caller}", "My own deals") if caller else None
    is_top = UUID(weekly.calls["node"]["node"]["id"]) in principal.scope
    call = ((unit,) if roles & SUPERIORS else ()) + ((own,) if own and roles & CALLERS else ())
    adjust = tuple(each for each in below if each.value != f"person:{caller}")
    if roles & EVERYWHERE or not is_top:
        adjust = (unit, *adjust)
    is_superior = bool(roles & SUPERIORS)
    return Offers(call, adjust if is_superior else (), is_superior, withdraw)


def _target(node: Mapping[str, Any], labelled: Mapping[str, str]) -> Target:
    return Target(f"{node['kind']}:{node['id']}", labelled[node["id"]])


@dataclass(frozen=True)
class Since:
    """How the forecast moved since an instant. `largest` are the greatest terms, `further` counts those left out."""

    moved: dict[str, Any]
    largest: list[dict[str, Any]]
    further: int


async def since(services: Services, view: CallView, instant: str, *, principal: Principal) -> Since:
    """The movement of what the page shows. Raises ServiceRefused where nothing is known after `instant` yet."""
    moved = await services.get(
        "forecast", "forecast/movement", principal=principal, params=view.asked(since=instant, date="")
    )
    terms = sorted(
        (term for term in moved["open"]["terms"] if term["steps"]),
        key=lambda term: abs(Decimal(term["amount"])),
        reverse=True,
    )
    return Since(moved, terms[:LARGEST], len(terms[LARGEST:]))


def movement_href(view: CallView, period: str, instant: str) -> str:
    """The page that says why the number moved."""
    asked = view.asked(period=period, since=instant, mode="ends", date="")
    return f"/movement?{urlencode(asked)}"
