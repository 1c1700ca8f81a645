"""Signals from real histories: measured at night, raised and cleared on deals, told within scope."""

import csv
import io
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import text

from libs.common.web.auth import Principal
from services.deals.signals import service
from tests.integration.deals.acme import ACCOUNT, NORTH, OPS, SOUTH, account, ago, ok
from tests.integration.deals.books import apply
from tests.support.days import business_day
from tests.unit.deals.given import START, deal_id, record, user, user_id

SELF = Principal.system("deals")
DEALS = 240


def history() -> list[Any]:
    """Deals of a year ago, half without a next step; of these a tenth is won, of the others six in ten. Pushes change nothing."""
    told: list[Any] = []
    today = business_day()
    for number in range(DEALS):
        without = number % 2 == 0
        won = number % 20 == 0 if without else number % 10 < 7
        known = {"next_step_known": True, "next_step": None if without else "call", "reconstructed": True}
        known |= {"amount": Decimal(1000), "close_date": today, "owner_id": user_id("nora")}
        told.append(record(ago(200 - number % 7), f"H{number}", **known))
        end = {"state": "won", "stage": "Won"} if won else {"state": "lost", "stage": "Lost"}
        told.append(record(ago(150 - number % 30), f"H{number}", **known | end))
    return told


async def company(runtime: Any) -> None:
    soon = business_day() + timedelta(days=30)
    people = [user(START, "nora", team_path="EMEA/North"), user(START, "sam", team_path="EMEA/South")]
    now = {"next_step_known": True, "close_date": soon, "account_id": ACCOUNT, "reconstructed": True}
    deals = [
        record(ago(9), "D", owner_id=user_id("nora"), amount=Decimal("1000.01"), next_step=None, **now),
        record(ago(9), "E", owner_id=user_id("sam"), amount=Decimal("500.00"), next_step="call", **now),
        record(ago(9), "S", owner_id=user_id("sam"), amount=Decimal(200), next_step=None, currency="USD", **now),
    ]
    async with runtime.database.transaction() as session:
        await apply(session, [*people, account("acme"), *history(), *deals])


async def night(runtime: Any) -> None:
    assert await service.measure_nightly(runtime.database, principal=SELF)
    await service.raise_and_clear(runtime.database, principal=SELF)


def by_key(found: Any) -> Any:
    return {each["key"]: each for each in found["items"]}


async def test_a_deal_says_why_it_is_at_risk_and_the_money_is_its_amount_times_what_was_measured(
    api_for: Callable[..., Any],
) -> None:
    client, runtime = api_for("deals")
    before = await ok(client.get("/v1/signals", headers=OPS))
    assert (before["refit_as_of"], before["at_risk"]) == (None, None)
    await company(runtime)
    await night(runtime)
    assert not await service.measure_nightly(runtime.database, principal=SELF), "once a night"
    found = await ok(client.get("/v1/signals", headers=OPS))
    step, pushed = by_key(found)["no_next_step"], by_key(found)["three_pushes"]["measured"]
    measured = step["measured"]
    assert (measured["is_on"], measured["verdict"]) == (True, "lowers"), (
        "what was known a week ago agrees with what is known now"
    )
    assert measured["low"] <= measured["lift"] <= measured["high"] < 0
    assert (pushed["verdict"], pushed["lift"], pushed["is_on"]) == ("too_little_data", None, False)
    assert step["raised"] == 2
    lift = Decimal(repr(-measured["lift"]))
    risk = {each["currency"]: Decimal(each["at_risk"]) for each in found["at_risk"]}
    assert risk == {
        "EUR": (Decimal("1000.01") * lift).quantize(Decimal("0.01")),
        "USD": (200 * lift).quantize(Decimal("0.01")),
    }
    assert all(Decimal(e["low"]) <= Decimal(e["at_risk"]) <= Decimal(e["high"]) for e in found["at_risk"])

    why = await ok(client.get(f"/v1/deals/{deal_id('D')}/signals", headers=NORTH))
    assert by_key(why)["no_next_step"]["holds"] is True
    assert by_key(why)["no_next_step"]["since"] is not None
    assert by_key(why)["commitments_overdue"]["holds"] is None, "nothing was promised"
    assert Decimal(why["at_risk"]["at_risk"]) == risk["EUR"]
    of_south = await ok(client.get("/v1/signals", headers=SOUTH))
    assert [each["currency"] for each in of_south["at_risk"]] == ["USD"], "D is North's"
    assert (await client.get(f"/v1/deals/{deal_id('D')}/signals", headers=SOUTH)).status_code == 404
    detail = await ok(client.get("/v1/signals/no_next_step", headers=SOUTH))
    assert [each["deal_id"] for each in detail["deals"]] == [str(deal_id("S"))]
    assert len(detail["refits"]) == 2
    assert (await client.get("/v1/signals/bad_luck", headers=OPS)).status_code == 404
    rows = list(csv.DictReader(io.StringIO((await client.get("/v1/signals/all.csv", headers=OPS)).text)))
    assert next(row for row in rows if row["key"] == "no_next_step")["raised"] == "2"


async def test_signals_are_raised_once_cleared_once_and_end_the_same_however_often_that_runs(
    api_for: Callable[..., Any],
) -> None:
    client, runtime = api_for("deals")
    await company(runtime)
    await night(runtime)
    assert await service.raise_and_clear(runtime.database, principal=SELF) == 0, "nothing is raised twice"
    step = record(ago(0.001), "D", owner_id=user_id("nora"), next_step="meet", next_step_known=True)
    lost = record(ago(0.001), "S", owner_id=user_id("sam"), state="lost", stage="Lost", next_step_known=True)
    async with runtime.database.transaction() as session:
        await apply(session, [step, lost])
    assert await service.raise_and_clear(runtime.database, principal=SELF) == 2
    assert await service.raise_and_clear(runtime.database, principal=SELF) == 0
    again = record(ago(0.0005), "D", owner_id=user_id("nora"), next_step=None, next_step_known=True)
    async with runtime.database.transaction() as session:
        await apply(session, [again])
    assert await service.raise_and_clear(runtime.database, principal=SELF) == 1
    async with runtime.database.reading() as session:
        rows = await session.execute(
            text("SELECT version, raised FROM deal_signal_entry WHERE deal_id = :deal ORDER BY version"),
            {"deal": deal_id("D")},
        )
        assert [tuple(row) for row in rows] == [(1, True), (2, False), (3, True)]
        told = await session.scalars(
            text("SELECT type FROM outbox WHERE type LIKE 'deals.signal.%' AND key = :deal ORDER BY position"),
            {"deal": deal_id("D")},
        )
        assert [each.split(".")[2] for each in told] == ["raised", "cleared", "raised"]
    found = await ok(client.get("/v1/signals", headers=OPS))
    assert by_key(found)["no_next_step"]["raised"] == 1
