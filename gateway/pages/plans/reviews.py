"""The Review room: which reviews there are, and one with its frozen evidence, what could be done, and what was decided."""

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Final
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from gateway.auth.dependencies import CurrentUser
from gateway.pages.movement.drivers import whence
from gateway.pages.movement.variance import Row, bridged
from gateway.pages.names import speakers
from gateway.pages.plans.plans import APPROVERS, EDITORS, MEASURES
from gateway.pages.templates import page
from gateway.pages.waterfall import Waterfall
from gateway.proxy.client import ServiceDown, ServiceRefused, Services, services_of
from libs.common.ids import new_id
from libs.common.web.api import Reading
from libs.common.web.auth import Principal

router = APIRouter(include_in_schema=False)

PATH: Final = "/reviews"
PEOPLE: Final = frozenset({"cso", "ceo", "manager", "sales_ops", "admin"})
KINDS: Final = {
    "regular": "regular",
    "chance": "chance too low",
    "gap": "behind its target",
    "assumption": "assumption broken",
    "by_hand": "opened by hand",
}
CHOICES: Final = {"proceed": "Proceed", "adjust": "Adjust", "new_plan": "New plan"}
EXPECTED: Final = {
    "bookings": "Bookings closed by then",
    "projection": "Projection of the period",
    "chance": "Chance of the target, %",
    "open": "Open pipeline",
    "pipeline_created": "Pipeline created by then",
    "new_customers": "New customers by then",
}
METHODS: Final = {
    "foretell": "Foretell",
    "naive_last": "As the period before",
    "seasonal": "As the year before, with its trend",
    "moving_average": "Mean of the last periods",
    "same_day_pacing": "Pace of earlier periods",
    "last_year": "As the year before",
    "weighted_pipeline": "Pipeline by stage probability",
    "age_kernel": "Pipeline by age",
}
OUTCOMES: Final = {"hit": ("good", "hit"), "missed": ("bad", "missed"), "unknown": ("", "cannot be said")}
SHOWN: Final = 12
"""Parts of a plan that options are compared on; the file has all."""


@router.get(PATH)
async def reviews(
    request: Request, session: Reading, principal: CurrentUser, plan: Annotated[str, Query(max_length=36)] = ""
) -> Response:
    """All reviews within scope, or those of a plan with when it is reviewed."""
    return await listed(request, session, plan, principal=principal)


async def listed(
    request: Request,
    session: AsyncSession,
    plan: str,
    *,
    mistake: str | None = None,
    principal: Principal,
) -> Response:
    """The list; of one plan also its policy and the form that opens a review."""
    services = services_of(request)
    of_plan = {"plan_id": plan} if plan else {}
    found, decided = await asyncio.gather(
        services.get("forecast", "reviews", principal=principal, params=of_plan),
        services.get("forecast", "reviews/decisions", principal=principal, params=of_plan),
    )
    about = await _about(services, plan, principal=principal) if plan else None
    subjects = {each["opened_by"] for each in found["items"]}
    subjects |= {each["owner"] for each in decided["items"]} | {each["decided_by"] for each in decided["items"]}
    if about and about["policy"]["made_by"]:
        subjects.add(about["policy"]["made_by"])
    return page(
        request,
        "plans/reviews.html",
        status=422 if mistake else 200,
        items=found["items"],
        decided=decided["items"],
        about=about,
        kinds=KINDS,
        choices=CHOICES,
        outcomes=OUTCOMES,
        expected_words=expected_words,
        people=await speakers(session, subjects, principal=principal),
        mistake=mistake,
        once=str(new_id()),
        may_plan=bool(principal.roles & EDITORS),
        may_open=bool(principal.roles & PEOPLE),
        csv_href=f"/api/v1/reviews/decisions?{urlencode(of_plan | {'format': 'csv'})}",
    )


async def _about(services: Services, plan: str, *, principal: Principal) -> dict[str, Any]:
    """A plan, its nodes that can be named, and when it is reviewed."""
    found, policy, tree = await asyncio.gather(
        services.get("forecast", f"plans/{plan}", principal=principal),
        services.get("forecast", f"reviews/policies/{plan}", principal=principal),
        services.get("forecast", f"plans/{plan}/nodes", principal=principal, params={"levels": "2"}),
    )
    held = any(each["state"] == "active" for each in found["versions"])
    return {"plan": found, "policy": policy, "nodes": tree["nodes"], "is_held": held}


@router.get(PATH + "/{review_id}")
async def review(request: Request, session: Reading, principal: CurrentUser, review_id: UUID) -> Response:
    """One review."""
    return await shown(request, session, str(review_id), principal=principal)


async def shown(
    request: Request,
    session: AsyncSession,
    review_id: str,
    *,
    mistake: str | None = None,
    typed: Mapping[str, str] | None = None,
    principal: Principal,
) -> Response:
    """A review's page, with the form of a decision as it was typed."""
    services = services_of(request)
    found = await services.get("forecast", f"reviews/{review_id}", principal=principal)
    evidence, decision = found["evidence"], found["decision"]
    drafts = await _drafts(services, evidence["plan"]["plan_id"], principal=principal) if not decision else []
    subjects = {found["review"]["opened_by"], principal.subject}
    subjects |= {each["made_by"] for each in found["options"] if each["made_by"]}
    if decision:
        subjects |= {decision["owner"], decision["decided_by"]}
    subjects |= {each["scored_by"] for each in found["scores"]}
    picture, rows = _bridge(evidence)
    return page(
        request,
        "plans/review.html",
        status=422 if mistake else 200,
        found=found,
        head=found["review"],
        plan=evidence["plan"],
        evidence=evidence,
        whole=evidence["nodes"][0],
        options=found["options"],
        compared=compared(found["options"]),
        decision=decision,
        picture=picture,
        rows=rows,
        kinds=KINDS,
        choices=CHOICES,
        expected=_measures(evidence),
        expected_words=expected_words,
        outcomes=OUTCOMES,
        methods=METHODS,
        measures=MEASURES,
        drafts=drafts,
        people=await speakers(session, subjects, principal=principal),
        owners=sorted(subjects - {each for each in subjects if not each.startswith("user:")}),
        me=principal.subject,
        mistake=mistake,
        typed=typed or {},
        once=str(new_id()),
        may_open=bool(principal.roles & PEOPLE),
        may_decide=bool(principal.roles & APPROVERS),
    )


async def _drafts(services: Services, plan_id: str, *, principal: Principal) -> list[dict[str, Any]]:
    """The versions of a plan that are not in force yet."""
    try:
        plan = await services.get("forecast", f"plans/{plan_id}", principal=principal)
    except (ServiceDown, ServiceRefused):
        return []
    return [each for each in plan["versions"] if each["state"] in ("draft", "proposed", "approved")]


def _measures(evidence: Mapping[str, Any]) -> dict[str, str]:
    """What can be expected of a decision: the plan's own other measures, and what is read of its bookings."""
    others = {each["measure"] for each in evidence["beside"]}
    return {
        name: words
        for name, words in EXPECTED.items()
        if name in others or name not in ("pipeline_created", "new_customers")
    }


def compared(options: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """A row per part of the plan, with the part under each option: the whole first, then those that any option changes."""
    rows = [list(cells) for cells in zip(*(each["nodes"] for each in options), strict=True)]
    changed = [row for row in rows[1:] if any(cell["target"] != row[0]["target"] for cell in row)]
    others = [row for row in rows[1:] if row not in changed and row[0]["target"] is not None]
    chosen = [*changed, *others][: SHOWN - 1]
    return [rows[0], *(row for row in rows[1:] if row in chosen)]


def _bridge(evidence: Mapping[str, Any]) -> tuple[Waterfall | None, list[Row]]:
    """The bridge as a picture, with a row per term; of a first format nothing is known of whose drivers they were."""
    bridge, plan = evidence["bridge"], evidence["plan"]
    if bridge is None:
        return None, []
    drivers = bridge.get("drivers_from", ())
    return bridged(bridge, whence(drivers, bridge["before"]["label"], plan["currency"], plan=plan))


def expected_words(measure: str, node: str, low: str | None, high: str | None) -> str:
    """What is expected, in words: `bookings of North at least 1,000`."""
    name = {"chance": "chance", "projection": "projection", "open": "open pipeline"}.get(
        measure, measure.replace("_", " ")
    )
    ends = [
        f"{word} {_figure(measure, text)}" for word, text in (("at least", low), ("at most", high)) if text is not None
    ]
    return f"{name} of {node} {' and '.join(ends)}"


def _figure(measure: str, text: str) -> str:
    if measure == "chance":
        return f"{(Decimal(text) * 100).normalize():f} %"
    return f"{Decimal(text):,.0f}"
