"""A plan across a change of the fiscal calendar: its periods, numbers and targets stay what was planned."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

from libs.common.config import CommonSettings
from services.forecast.component import follow_calendar
from tests.integration.forecast.calling import NOW, a_region
from tests.integration.forecast.given import at, deal, handle, named
from tests.integration.forecast.planning import CSO, a_plan, as_seen, in_force, numbered, read, send
from tests.integration.forecast.test_calendar import Company

FEBRUARY = {"fiscal_year_start_month": 2}


async def test_a_change_of_the_fiscal_calendar_changes_no_number_of_a_plan_and_no_day_of_it(
    settings_for: Callable[..., CommonSettings],
) -> None:
    company = Company(settings_for("forecast"))
    before, first = company.process()
    with at(NOW):
        await follow_calendar(first)
        await a_region(first.database)
        won: dict[str, Any] = {"state": "won", "category": None, "owner_id": named("ann")}
        await handle(first.database, [deal("of january", closed_on=date(2024, 1, 9), amount=Decimal(40), **won)])
        plan = await numbered(before, await a_plan(before, period="FY2024"), "1200")
        root = (await read(before, f"/{plan['plan_id']}/nodes"))["nodes"][0]["node_id"]
        body = {"node_id": root, "period": "FY2024", "over": "months", "method": "even"}
        plan = await send(before, f"/{plan['plan_id']}/allocations", body, headers=as_seen(plan))
        plan = await in_force(before, plan)
        paths = (f"/{plan['plan_id']}", f"/{plan['plan_id']}/nodes")
        planned = [await read(before, path) for path in paths]
        attained = await read(before, f"/{plan['plan_id']}/attainment")
        assert attained["nodes"][0]["closed"] == "140.00"

        after, second = company.process(**FEBRUARY)
        await follow_calendar(second)
        assert [await read(after, path) for path in paths] == planned, "its periods are the days that were planned"
        now = await read(after, f"/{plan['plan_id']}/attainment")
        kept = ("target", "closed", "attainment", "gap", "target_to_date", "pace", "months")
        assert {name: now["nodes"][0][name] for name in kept} == {name: attained["nodes"][0][name] for name in kept}
        assert now["why_no_projection"].startswith("The fiscal calendar has changed since the plan was made")
        assert now["nodes"][0]["projection"] is None
        newer = await a_plan(after, name="In the new calendar", period="FY2025")
        assert newer["period"]["start"] == "2024-02-01"

        await follow_calendar(first)
        back = await read(before, f"/{plan['plan_id']}/attainment")
        assert {name: back["nodes"][0][name] for name in kept} == {name: attained["nodes"][0][name] for name in kept}
        answer = await before.get("/v1/forecast/attainment", params={"period": "2024Q4"}, headers=CSO)
        assert answer.json()["node"]["quota"] == "300.00", "it is the target again"
    await company.close()
