"""A deal's close plan as its page shows it: what is asked of the services, and where everything stands on the line of time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, NamedTuple
from uuid import UUID

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.buyerlinks import service as links
from gateway.buyerlinks.schemas import LinkOut
from gateway.proxy.client import ServiceDown, ServiceRefused, services_of
from libs.common.web.auth import Principal

WIDE: Final = 1000
"""Units of the line of time, from its first to its last day."""
MAY_ACT: Final = frozenset({*links.SENDERS, "admin"})
SIDES: Final = {"seller": "Us", "buyer": "Buyer"}
AGAINST: Final = {
    "done": ("good", "Everything is done"),
    "in_time": ("good", "In time for the CRM's date"),
    "at_risk": ("warn", "At risk: later than the CRM's date in more than one of five cases"),
    "late": ("bad", "Later than the CRM's date, likelier than not"),
    "no_close_date": ("warn", "The CRM has no close date to hold it against"),
}


class Mark(NamedTuple):
    """A day on the line of time."""

    kind: str
    label: str
    day: str
    x: float


class Bar(NamedTuple):
    """From when until when an open task is expected to take."""

    x: float
    width: float


@dataclass(frozen=True)
class Typed:
    """A form that was refused: which, what was typed, and why it was not taken."""

    form: str
    values: Mapping[str, str]
    mistake: str
    status: int = 422


@dataclass(frozen=True)
class Planned:
    """The card of a plan. `plan` is null where none was begun; `down`: the service does not answer, so nothing is known."""

    plan: dict[str, Any] | None
    templates: Sequence[dict[str, Any]]
    links: Sequence[LinkOut]
    may_act: bool
    down: bool = False
    marks: Sequence[Mark] = ()
    bars: Mapping[str, Bar] | None = None
    turns: Mapping[str, Sequence[str]] | None = None
    """By side, the titles of the tasks that wait for nothing: whose turn it is."""
    titles: Mapping[str, str] | None = None
    sides: Mapping[str, str] | None = None
    against: tuple[str, str] = ("", "")


async def planned(request: Request, session: AsyncSession, deal_id: UUID, *, principal: Principal) -> Planned:
    """What the card says; a deals service that does not answer leaves the rest of the page as it is."""
    services, may_act = services_of(request), bool(principal.roles & MAY_ACT)
    try:
        plan = await services.get("deals", f"deals/{deal_id}/close-plan", principal=principal)
    except ServiceDown:
        return Planned(None, (), (), may_act, down=True)
    except ServiceRefused:
        try:
            found = await services.get("deals", "close-plans/templates", principal=principal)
        except (ServiceDown, ServiceRefused):
            return Planned(None, (), (), may_act, down=True)
        return Planned(None, found["items"], (), may_act)
    sent = await links.listed(session, deal_id, services=services, principal=principal) if may_act else []
    return laid_out(plan, sent, may_act=may_act)


def laid_out(plan: dict[str, Any], sent: Sequence[LinkOut], *, may_act: bool) -> Planned:
    """Bars and marks of a plan from the first to the last day that it names."""
    named = [("today", "Today", plan["as_of"])]
    if plan["against_crm"] != "done":
        named += [("p50", "Half of the cases", plan["p50_on"]), ("p80", "Four of five cases", plan["p80_on"])]
    named += [("crm", "Close date in the CRM", plan["crm_close_date"])] if plan["crm_close_date"] else []
    open_tasks = [task for task in plan["tasks"] if task["ends_on"]]
    days = [date.fromisoformat(day) for _, _, day in named]
    days += [date.fromisoformat(task["ends_on"]) for task in open_tasks]
    first, span = min(days), max((max(days) - min(days)).days, 1)

    def x(day: str) -> float:
        return round((date.fromisoformat(day) - first).days / span * (WIDE - 12) + 6, 1)

    bars = {
        task["task_id"]: Bar(x(task["begins_on"]), max(x(task["ends_on"]) - x(task["begins_on"]), 6))
        for task in open_tasks
    }
    ready = [task for task in open_tasks if not task["waits_for"]]
    return Planned(
        plan,
        (),
        sent,
        may_act,
        marks=[Mark(kind, label, day, x(day)) for kind, label, day in named],
        bars=bars,
        turns={side: [task["title"] for task in ready if task["side"] == side] for side in SIDES},
        titles={task["task_id"]: task["title"] for task in plan["tasks"]},
        sides=SIDES,
        against=AGAINST[plan["against_crm"]],
    )
