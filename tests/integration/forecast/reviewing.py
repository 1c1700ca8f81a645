"""What tests of reviews do by HTTP."""

from datetime import date, timedelta
from typing import Any

from tests.integration.forecast.planning import CSO, as_seen, in_force, read, send
from tests.support.days import business_day


async def planned(api: Any, *, growth: str = "0.1", period: str = "FY2025") -> dict[str, Any]:
    """A plan of the year by unit, from what the year before brought, in force."""
    made = await send(api, "", {"name": "Growth", "period": period, "value_basis": "one_off"}, status=201)
    body = {"growth": growth, "dimensions": ["unit"]}
    drafted = await send(api, f"/{made['plan_id']}/draft", body, headers=as_seen(made))
    return await in_force(api, drafted)


async def nodes_of(api: Any, plan: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What a plan's attainment says of its nodes, by their labels."""
    found = await read(api, f"/{plan['plan_id']}/attainment", levels=20)
    return {each["label"]: each for each in found["nodes"]}


async def post(api: Any, path: str, body: Any, *, headers: dict[str, str] = CSO, status: int = 201) -> dict[str, Any]:
    answer = await api.post(f"/v1/reviews{path}", json=body, headers=headers)
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def get(api: Any, path: str = "", *, headers: dict[str, str] = CSO, status: int = 200, **asked: Any) -> Any:
    answer = await api.get(f"/v1/reviews{path}", params=asked, headers=headers)
    assert answer.status_code == status, answer.text
    return answer.json()


async def opened(api: Any, plan: dict[str, Any], reason: str = "The board asks", **more: Any) -> dict[str, Any]:
    return await post(api, "", {"plan_id": plan["plan_id"], "reason": reason}, **more)


def seen(review: dict[str, Any], headers: dict[str, str] = CSO) -> dict[str, str]:
    """Headers of somebody who has read a review as it is."""
    return headers | {"If-Match": f'"{review["sequence"]}"'}


async def less(
    api: Any, review: dict[str, Any], label: str = "Company", value: str = "-0.1", *, below: bool = True
) -> dict[str, Any]:
    """A review with one more option: a node's target changed by a share."""
    change = {"node_id": node(review, label)["node_id"], "by": "share", "value": value, "below": below}
    body = {"kind": "adjust", "name": f"{label} {value}", "changes": [change]}
    return await post(api, f"/{review['review']['review_id']}/options", body)


def node(review: dict[str, Any], label: str) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in review["evidence"]["nodes"] if each["label"] == label)
    return found


def decision(review: dict[str, Any], choice: str = "proceed", **more: Any) -> dict[str, Any]:
    """A decision to be sent: the whole is expected to have closed something in a week."""
    chosen = next(each for each in review["options"] if each["kind"] == choice)
    expected = {"measure": "bookings", "node_id": review["evidence"]["nodes"][0]["node_id"], "low": "1"}
    day: date = business_day() + timedelta(days=7)
    return {
        "choice": choice,
        "option_id": chosen["option_id"],
        "rationale": "The pipeline carries it.",
        "owner": "user:mara",
        "check_on": day.isoformat(),
        "expected": expected,
    } | more


async def decide(
    api: Any,
    review: dict[str, Any],
    choice: str = "proceed",
    *,
    headers: dict[str, str] = CSO,
    status: int = 201,
    **more: Any,
) -> dict[str, Any]:
    path = f"/{review['review']['review_id']}/decision"
    return await post(api, path, decision(review, choice, **more), headers=seen(review, headers), status=status)
