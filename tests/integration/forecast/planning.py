"""What tests of plans do by HTTP."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from libs.common.ids import ROOT_UNIT
from tests.support.keys import bearer

CSO = bearer("cso", subject="user:carla")
CEO = bearer("ceo", subject="user:mara")


def as_seen(plan: dict[str, Any], headers: dict[str, str] = CSO) -> dict[str, str]:
    """Headers of somebody who has seen a plan as it is."""
    return headers | {"If-Match": f'"{plan["sequence"]}"'}


async def send(api: Any, path: str, body: Any, *, headers: dict[str, str] = CSO, status: int = 200) -> dict[str, Any]:
    answer = await api.post(f"/v1/plans{path}", json=body, headers=headers)
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def read(
    api: Any, path: str, *, headers: dict[str, str] = CSO, status: int = 200, **asked: Any
) -> dict[str, Any]:
    answer = await api.get(f"/v1/plans{path}", params=asked, headers=headers)
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def a_plan(api: Any, *, status: int = 201, headers: dict[str, str] = CSO, **more: Any) -> dict[str, Any]:
    body = {"name": "Growth", "period": "FY2026", "org": str(ROOT_UNIT)} | more
    return await send(api, "", body, headers=headers, status=status)


async def upload(
    api: Any, plan: dict[str, Any], text: str, *, status: int = 200, headers: dict[str, str] = CSO, **asked: Any
) -> dict[str, Any]:
    answer = await api.post(
        f"/v1/plans/{plan['plan_id']}/imports",
        content=text.encode(),
        params=asked,
        headers=headers | {"Content-Type": "text/csv"},
    )
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def step(
    api: Any, plan: dict[str, Any], name: str, headers: dict[str, str] = CSO, *, status: int = 200
) -> dict[str, Any]:
    """Propose, return, approve or activate a plan as it was seen."""
    path = f"/{plan['plan_id']}/{name}"
    return await send(api, path, {"note": f"{name} it"}, headers=as_seen(plan, headers), status=status)


async def numbered(api: Any, plan: dict[str, Any], amount: str, *, node: str = "", period: str = "") -> dict[str, Any]:
    """A plan with a number at its root, or elsewhere."""
    found = await read(api, f"/{plan['plan_id']}/nodes", levels=0)
    cell = {
        "node_id": node or found["nodes"][0]["node_id"],
        "period": period or plan["period"]["key"],
        "amount": amount,
    }
    return await send(api, f"/{plan['plan_id']}/edits", {"cells": [cell]}, headers=as_seen(plan))


async def in_force(api: Any, plan: dict[str, Any]) -> dict[str, Any]:
    """A draft proposed, approved by the CEO and activated."""
    return await step(api, await step(api, await step(api, plan, "propose"), "approve", CEO), "activate")


def cell(node: dict[str, Any], period: str) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in node["cells"] if each["period"] == period)
    return found


def money(text: str | None) -> Decimal:
    assert text is not None
    return Decimal(text)


async def child(api: Any, plan: dict[str, Any], above: str, dimension: str, value: Any) -> tuple[dict[str, Any], str]:
    """A plan with one more node, and that node's id."""
    node = {"parent_id": above, "dimension": dimension, "value": str(value) if isinstance(value, UUID) else value}
    made = await send(api, f"/{plan['plan_id']}/edits", {"nodes": [node]}, headers=as_seen(plan))
    found = await read(api, f"/{plan['plan_id']}/nodes", node=above)
    return made, next(each["node_id"] for each in found["nodes"] if each["value"] == node["value"])


async def amounts(api: Any, plan: dict[str, Any]) -> list[str]:
    return [
        cell(each, plan["period"]["key"])["amount"] for each in (await read(api, f"/{plan['plan_id']}/nodes"))["nodes"]
    ]
