"""Value added by HTTP over periods that the real jobs locked and closed."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from libs.common import clock
from libs.common.calendar import FiscalCalendar
from libs.common.web.auth import Principal
from services.forecast.locks import service
from tests.integration.forecast.calling import CSO, EMEA, NORTH, SOUTH, get, manager, post, seller
from tests.integration.forecast.given import at, deal, handle, named, organisation
from tests.support.keys import bearer

Api = Callable[[str], tuple[Any, Any]]
SYSTEM = Principal.system("forecast")
START = datetime(2023, 1, 2, 8, tzinfo=UTC)
CALENDAR = FiscalCalendar()


@pytest.fixture(autouse=True)
def at_the_start() -> Iterator[None]:
    with at(START):
        yield


def go_to(instant: datetime) -> None:
    clock.set_offset(clock.offset().total_seconds() + (instant - clock.now()).total_seconds())


async def a_quarter(client: Any, database: Any, key: str) -> None:
    """Ann commits 80 of 100 that will be won, says 120, her manager 110, the CSO takes 5 off for two weeks of locks."""
    period = CALENDAR.parse(key)
    begin = datetime(period.start.year, period.start.month, 20, 8, tzinfo=UTC)
    end = datetime(period.last_day.year, period.last_day.month, period.last_day.day, 9, tzinfo=UTC)
    go_to(begin)
    expected = {"owner_id": named("ann"), "close_date": period.last_day, "recorded_at": begin, "valid_from": begin}
    await handle(database, [deal(f"{key} sure", amount=Decimal(80), **expected)])
    await handle(database, [deal(f"{key} open", amount=Decimal(20), category="pipeline", **expected)])
    await post(client, "submissions", seller("ann"), period=key, amount="120")
    await post(client, "submissions", manager(), period=key, amount="110")
    expires_at = (begin + timedelta(days=14)).isoformat()
    await post(client, "adjustments", CSO, period=key, org=str(NORTH), delta="-5", reason="r", expires_at=expires_at)
    go_to(begin + timedelta(days=13))
    await service.make_due(database, principal=SYSTEM)
    go_to(end)
    await service.make_due(database, principal=SYSTEM)
    won = {"state": "won", "category": None, "closed_on": period.last_day, "recorded_at": end, "valid_from": end}
    for name, amount in (("sure", 80), ("open", 20)):
        await handle(database, [deal(f"{key} {name}", 2, owner_id=named("ann"), amount=Decimal(amount), **won)])


async def quarters(client: Any, database: Any, count: int) -> None:
    await organisation(database, {"EMEA/North": ["ann", "bob"], "EMEA/South": ["cyd"]}, at=START)
    await service.make_due(database, principal=SYSTEM)
    period = CALENDAR.quarter(date(2023, 1, 1))
    for _ in range(count):
        await a_quarter(client, database, period.key)
        period = CALENDAR.quarter(period.end)
    go_to(datetime(period.start.year, period.start.month, 15, tzinfo=UTC))
    await service.make_due(database, principal=SYSTEM)


async def test_each_steps_value_is_there_after_six_closed_periods_on_identical_sets(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    await quarters(client, runtime.database, 7)
    found = await get(client, "value-added", org=str(NORTH))
    by_lead = {each["lead_weeks"]: each for each in found["by_lead"]}
    adjusted = next(each for lead, each in by_lead.items() if lead == 9)
    assert (adjusted["n"], adjusted["periods"], adjusted["too_early"]) == (6, 6, None)
    wape = {step["step"]: step["wape"] for step in adjusted["steps"]}
    assert wape == {"naive": "0.0000", "crm": "0.2000", "reps": "0.2000", "managers": "0.1000", "adjusted": "0.0500"}
    added = {step["step"]: step["value_added_to_previous"] for step in adjusted["steps"]}
    assert added["managers"] == "0.1000"
    assert added["adjusted"] == "0.0500"
    assert found["overall"]["n"] == sum(each["n"] for each in found["by_lead"])
    assert found["unknown_completeness"] >= found["overall"]["n"]


async def test_with_fewer_periods_there_is_no_value_but_the_reason(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    await quarters(client, runtime.database, 2)
    found = (await get(client, "value-added", org=str(NORTH)))["overall"]
    assert found["n"] > 0
    assert found["too_early"] == "too early: 1 of at least 6 closed periods have been locked"
    assert {step["value_added"] for step in found["steps"]} == {None}


async def test_a_persons_own_figure_is_seen_by_them_and_their_line_only(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    await quarters(client, runtime.database, 1)

    async def status(headers: dict[str, str], **node: Any) -> int:
        answer = await client.get("/v1/forecast/value-added", params=node, headers=headers)
        return int(answer.status_code)

    ann = {"owner": str(named("ann"))}
    assert await status(seller("ann"), **ann) == 200
    assert await status(seller("ann")) == 200
    assert await status(manager(), **ann) == 200
    assert await status(CSO, **ann) == 200
    assert await status(seller("bob"), **ann) == 403
    assert await status(manager(SOUTH), **ann) == 403
    assert await status(bearer("sales_ops"), **ann) == 403
    assert await status(seller("ann"), org=str(NORTH)) == 403
    assert await status(manager(), org=str(EMEA)) == 403
