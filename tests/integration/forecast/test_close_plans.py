"""What of a period closes after it by the close plans of its deals."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import permutations
from typing import Any

from libs.common.events.deals import ClosePlanMoved
from libs.common.ids import unit_id
from tests.integration.forecast.given import at, deal, handle, named, organisation, received
from tests.support.keys import bearer

NOW = datetime(2024, 11, 20, 9, tzinfo=UTC)


def plan(name: str, version: int, p50: str | None, *, open_tasks: int = 3) -> Any:
    end = date.fromisoformat(p50) if p50 else None
    told = ClosePlanMoved(
        deal_id=named(name), version=version, as_of=NOW.date(), open_tasks=open_tasks, p50_on=end, p80_on=end
    )
    return received(told, told.deal_id, version)


async def lines(client: Any, **more: Any) -> dict[str, dict[str, Any]]:
    params = {"period": "2024Q4", **more.pop("params", {})}
    answer = await client.get("/v1/forecast/close-plans", params=params, headers=bearer("cso", **more))
    assert answer.status_code == 200, answer.text
    return {each["line"]: each for each in answer.json()["lines"]}


async def test_open_lines_are_cut_by_where_their_plans_end_in_any_order_and_repetition(
    api_for: Callable[..., Any],
) -> None:
    client, runtime = api_for("forecast")
    await organisation(runtime.database, {"EMEA/North": ["ann"], "EMEA/South": ["bob"]})
    money = {"late": "100.10", "done": "20.00", "none": "3.00"}
    deals = [deal(name, amount=Decimal(each), owner_id=named("ann")) for name, each in money.items()]
    deals.append(deal("best", amount=Decimal("7.77"), category="best_case", owner_id=named("bob")))
    deals.append(deal("next", amount=Decimal(5), close_date=date(2025, 2, 1), owner_id=named("bob")))
    await handle(runtime.database, deals)
    told = [plan("late", 1, "2024-12-20"), plan("late", 2, "2025-01-01"), plan("late", 3, "2025-01-02")]
    for arriving in list(permutations(told))[3:5]:
        await handle(runtime.database, [*arriving, arriving[0]])
    await handle(
        runtime.database, [plan("done", 1, "2024-12-31"), plan("best", 1, "2025-03-01"), plan("next", 1, "2025-03-01")]
    )
    with at(NOW):
        found = await lines(client)
        south = await lines(client, scope=(unit_id("EMEA/South"),))
        past = await client.get(
            "/v1/forecast/close-plans", params={"as_of": "2024-11-10T00:00:00Z"}, headers=bearer("cso")
        )
    sums = {
        line: {name: each[name]["amount"] for name in ("later", "within", "unplanned", "total")}
        for line, each in found.items()
    }
    assert sums["commit"] == {"later": "100.10", "within": "20.00", "unplanned": "3.00", "total": "123.10"}
    assert sums["best_case"] == {"later": "7.77", "within": "0.00", "unplanned": "0.00", "total": "7.77"}
    assert south["commit"]["total"]["count"] == 0, "nothing of other teams"
    assert south["best_case"]["later"]["amount"] == "7.77"
    assert (past.status_code, past.json()["type"]) == (422, "urn:foretell:problem:only-the-present")


async def test_hygiene_warns_of_deals_whose_plans_end_after_their_close_date(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("forecast")
    await organisation(runtime.database, {"EMEA/North": ["ann"]})
    due = {"close_date": date(2024, 12, 20), "owner_id": named("ann")}
    money = {"late": "100.10", "fine": "20.00", "unplanned": "3.00", "finished": "7.00"}
    await handle(runtime.database, [deal(name, amount=Decimal(each), **due) for name, each in money.items()])

    async def warned() -> dict[str, Any]:
        params = {"period": "2024Q4", "by": "warning"}
        answer = await client.get("/v1/forecast/metrics/hygiene", params=params, headers=bearer("cso"))
        assert answer.status_code == 200, answer.text
        return {row["key"]: row for row in answer.json()["rows"]}["close_plan_late"]

    with at(NOW):
        before = await warned()
        assert (before["value"], before["unknown"]) == (None, 4)
        assert before["reason"] == "no open deal that is due has a close plan with tasks left"
    told = [plan("late", 1, "2024-12-10"), plan("late", 2, "2024-12-21"), plan("fine", 1, "2024-12-20")]
    done = plan("finished", 1, "2024-12-31", open_tasks=0)
    await handle(runtime.database, [*told[::-1], done, told[0]])
    with at(NOW):
        after = await warned()
    assert (after["numerator"], after["denominator"], after["unknown"]) == ("100.10", "120.10", 0)
