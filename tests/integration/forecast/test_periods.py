"""Finance closes periods; wins that come after are restatements that wait for a decision."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import orjson
import pytest
from sqlalchemy import text

from libs.common import clock
from libs.common.db import Database
from libs.common.events.base import Received
from libs.common.ids import unit_id
from tests.integration.forecast.given import deal, handle, named, organisation, rows
from tests.support.keys import bearer

FINANCE = bearer("finance", subject="fin")
BEFORE = datetime(2024, 11, 29, 9, tzinfo=UTC)
IN_CLOSING = datetime(2024, 12, 3, 9, tzinfo=UTC)
BOOKED = date(2024, 11, 28)


@pytest.fixture
def opened(api_for: Callable[[str], tuple[Any, Any]]) -> tuple[httpx.AsyncClient, Database]:
    client, runtime = api_for("forecast")
    return client, runtime.database


def won(name: str, version: int = 1, *, known: datetime, hours: float = 0, **fields: Any) -> Received[Any]:
    at = BEFORE + timedelta(hours=hours)
    given = {"state": "won", "closed_on": BOOKED, "category": None, **fields}
    return deal(name, version, valid_from=at, recorded_at=known, **given)


async def now_of(database: Database) -> datetime:
    found: datetime = (await rows(database, "SELECT clock_timestamp() AS at"))[0]["at"]
    return found


async def change(client: httpx.AsyncClient, key: str, verb: str, headers: dict[str, str] = FINANCE) -> httpx.Response:
    body = {"reason": f"{verb} after the audit"}
    return await client.post(f"/v1/forecast/periods/{key}/{verb}", json=body, headers=headers)


async def late(client: httpx.AsyncClient, key: str = "2024-11", headers: dict[str, str] = FINANCE) -> dict[str, Any]:
    answer = await client.get(f"/v1/forecast/periods/{key}/late-wins", headers=headers)
    assert answer.status_code == 200, answer.text
    return {item["name"]: item for item in answer.json()["items"]}


async def decide(client: httpx.AsyncClient, *deals: str, counted_in: str, key: str = "2024-11") -> httpx.Response:
    body = {"deal_ids": [str(named(name)) for name in deals], "counted_in": counted_in, "reason": "so says the CFO"}
    return await client.post(f"/v1/forecast/periods/{key}/late-wins", json=body, headers=FINANCE)


async def period(client: httpx.AsyncClient, key: str, year: str = "FY2024") -> dict[str, Any]:
    answer = await client.get("/v1/forecast/periods", params={"year": year}, headers=bearer("viewer"))
    assert answer.status_code == 200, answer.text
    return next(item for item in answer.json()["items"] if item["key"] == key)


async def test_finance_closes_and_reopens_and_the_ledger_tells_who_when_and_why(
    opened: tuple[httpx.AsyncClient, Database],
) -> None:
    client, database = opened
    before = await period(client, "2024-11")
    assert (before["state"], before["due"], before["is_overdue"], before["change"]) == (
        "closing",
        "2024-12-06",
        True,
        None,
    )
    closed = await change(client, "2024-11", "close")
    assert closed.status_code == 200, closed.text
    after = await period(client, "2024-11")
    assert (after["state"], after["change"]["changed_by"]) == ("closed", "fin")
    assert after["change"]["reason"] == "close after the audit"
    assert (await change(client, "2024-11", "close")).status_code == 409
    assert (await change(client, "2024-11", "reopen")).status_code == 200
    assert (await change(client, "2024-11", "reopen")).status_code == 409
    assert (await period(client, "2024-11"))["state"] == "closing"
    assert (await change(client, "2024-11", "close")).status_code == 200
    ledger = await rows(database, "SELECT period, state, changed_by FROM period_change ORDER BY position")
    assert [row["state"] for row in ledger] == ["closed", "reopened", "closed"]
    told = await rows(
        database, "SELECT type, subject, data FROM outbox WHERE type LIKE 'forecast.period.%' ORDER BY position"
    )
    assert [row["type"] for row in told] == [
        "forecast.period.closed.v1",
        "forecast.period.reopened.v1",
        "forecast.period.closed.v1",
    ]
    assert orjson.loads(told[0]["data"])["last_day"] == "2024-11-30"


async def test_a_quarter_is_closed_by_its_months_and_is_closed_when_all_are(
    opened: tuple[httpx.AsyncClient, Database],
) -> None:
    client, _ = opened
    assert (await change(client, "2024-11", "close")).status_code == 200
    rest = await change(client, "2024Q4", "close")
    assert [entry["period"] for entry in rest.json()["changes"]] == ["2024-10", "2024-12"]
    assert (await period(client, "2024Q4"))["state"] == "closed"
    assert (await period(client, "FY2024"))["state"] == "closing"


async def test_only_finance_of_the_whole_company_closes_and_only_what_is_over(
    opened: tuple[httpx.AsyncClient, Database],
) -> None:
    client, _ = opened
    for role in ("viewer", "seller", "manager", "sales_ops", "cso"):
        assert (await change(client, "2024-11", "close", bearer(role))).status_code == 403
    part = bearer("finance", scope=(unit_id("EMEA"),))
    assert (await change(client, "2024-11", "close", part)).status_code == 403
    this_year = clock.now().year
    refused = await change(client, f"FY{this_year}", "close")
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:foretell:problem:period-not-over")
    assert (await change(client, "soon", "close")).status_code == 422
    blank = await client.post("/v1/forecast/periods/2024-11/close", json={"reason": " "}, headers=FINANCE)
    assert blank.status_code == 422


async def test_a_win_known_before_the_closing_counts_and_one_known_after_waits_for_finance(
    opened: tuple[httpx.AsyncClient, Database],
) -> None:
    client, database = opened
    await handle(database, [won("in time", known=BEFORE), won("in closing", known=IN_CLOSING)])
    assert {name: item["why"] for name, item in (await late(client)).items()} == {"in closing": "booked"}
    await change(client, "2024-11", "close")
    after = await now_of(database) + timedelta(seconds=1)
    await handle(database, [won("after", known=after), won("other month", known=after, closed_on=date(2024, 12, 2))])
    found = await late(client)
    month = clock.now().strftime("%Y-%m")
    assert {name: (item["why"], item["counted_in"]) for name, item in found.items()} == {
        "in closing": ("booked", "2024-11"),
        "after": ("to_decide", month),
    }
    assert found["after"]["amount_base"] == "1000.00"
    listed = await period(client, "2024-11")
    assert listed["to_decide"] == 1
    decided = await decide(client, "after", counted_in="2024-11")
    assert decided.status_code == 200, decided.text
    item = (await late(client))["after"]
    assert (item["why"], item["counted_in"], item["decided_by"], item["reason"]) == (
        "decided",
        "2024-11",
        "fin",
        "so says the CFO",
    )
    assert (await period(client, "2024-11"))["to_decide"] == 0
    assert (await decide(client, "after", counted_in=month)).status_code == 200
    assert (await late(client))["after"]["counted_in"] == month
    assert len(await rows(database, "SELECT 1 FROM restatement")) == 2


async def test_later_edits_of_a_win_that_was_known_make_no_late_win_of_it(
    opened: tuple[httpx.AsyncClient, Database],
) -> None:
    client, database = opened
    await handle(database, [won("known", known=BEFORE)])
    await change(client, "2024-11", "close")
    after = await now_of(database) + timedelta(seconds=1)
    await handle(database, [won("known", 2, known=after, amount=5), won("known", 3, known=after, hours=900, amount=6)])
    assert await late(client) == {}


async def test_a_reopening_and_second_close_of_a_deal_are_two_closings(
    opened: tuple[httpx.AsyncClient, Database],
) -> None:
    client, database = opened
    await handle(database, [won("twice", known=BEFORE)])
    await change(client, "2024-11", "close")
    after = await now_of(database) + timedelta(seconds=1)
    reopened = deal("twice", 2, valid_from=BEFORE + timedelta(hours=1), recorded_at=after)
    await handle(database, [reopened])
    assert await late(client) == {}
    await handle(database, [won("twice", 3, known=after + timedelta(seconds=1), hours=2)])
    assert (await late(client))["twice"]["why"] == "to_decide"
    assert (await decide(client, "twice", counted_in="2024-11")).status_code == 200
    third = after + timedelta(hours=1)
    await handle(database, [deal("twice", 4, valid_from=BEFORE + timedelta(hours=3), recorded_at=third)])
    await handle(database, [won("twice", 5, known=third + timedelta(seconds=1), hours=4)])
    assert (await late(client))["twice"]["why"] == "to_decide", "the decision was on the closing before"


async def test_a_win_moved_into_a_closed_month_is_late_there(opened: tuple[httpx.AsyncClient, Database]) -> None:
    client, database = opened
    await handle(database, [won("moved", known=BEFORE, closed_on=date(2024, 12, 2))])
    await change(client, "2024-11", "close")
    after = await now_of(database) + timedelta(seconds=1)
    await handle(database, [won("moved", 2, known=after, hours=1)])
    assert (await late(client))["moved"]["why"] == "to_decide"


async def test_a_reopened_month_takes_in_what_came_after_it_was_closed(
    opened: tuple[httpx.AsyncClient, Database],
) -> None:
    client, database = opened
    await change(client, "2024-11", "close")
    await handle(database, [won("after", known=await now_of(database))])
    assert (await late(client))["after"]["why"] == "to_decide"
    await change(client, "2024-11", "reopen")
    assert (await late(client))["after"]["why"] == "booked"
    await change(client, "2024-11", "close")
    assert (await late(client))["after"]["why"] == "booked"


async def test_finance_cannot_choose_another_closed_month_nor_one_before_or_to_come(
    opened: tuple[httpx.AsyncClient, Database],
) -> None:
    client, database = opened
    await handle(database, [won("known", known=BEFORE)])
    await change(client, "2024-11", "close")
    await change(client, "2025-01", "close")
    await handle(database, [won("after", known=await now_of(database) + timedelta(seconds=1))])
    to_come = f"{clock.now().year + 1}-12"
    for month, status in {"2025-01": 409, "2024-10": 409, to_come: 409, "2024Q4": 422, "2025-02": 200}.items():
        answer = await decide(client, "after", counted_in=month)
        assert answer.status_code == status, (month, answer.text)
    assert (await decide(client, "known", counted_in="2025-02")).status_code == 409
    assert (await decide(client, "after", counted_in="2025-02", key="2024-10")).status_code == 409
    seller = await client.post(
        "/v1/forecast/periods/2024-11/late-wins",
        json={"deal_ids": [str(named("after"))], "counted_in": "2025-02", "reason": "please"},
        headers=bearer("cso"),
    )
    assert seller.status_code == 403


async def test_a_month_is_not_closed_while_late_wins_that_count_in_it_are_undecided(
    opened: tuple[httpx.AsyncClient, Database],
) -> None:
    client, database = opened
    async with database.transaction() as session:
        await session.execute(
            text(
                "INSERT INTO period_change (period, start, until, state, changed_at, changed_by, reason) "
                "VALUES ('2024-11', '2024-11-01', '2024-12-01', 'closed', '2024-12-05Z', 'fin', 'as it was done')"
            )
        )
    await handle(database, [won("after", known=datetime(2024, 12, 20, tzinfo=UTC))])
    refused = await change(client, "2024-12", "close")
    assert (refused.status_code, refused.json()["deals"]) == (409, [str(named("after"))])
    assert (await decide(client, "after", counted_in="2024-12")).status_code == 200
    assert (await change(client, "2024-12", "close")).status_code == 200


async def test_late_wins_are_shown_page_by_page_and_within_scope(opened: tuple[httpx.AsyncClient, Database]) -> None:
    client, database = opened
    await organisation(database, {"EMEA/North": ["ann"], "APAC/East": ["bob"]})
    owners = {"a": "ann", "b": "bob", "c": "ann"}
    await handle(database, [won(name, known=IN_CLOSING, owner_id=named(person)) for name, person in owners.items()])
    north = bearer("manager", scope=(unit_id("EMEA/North"),))
    assert set(await late(client, headers=north)) == {"a", "c"}
    seen: list[str] = []
    cursor: dict[str, str] = {}
    for _ in range(3):
        answer = await client.get(
            "/v1/forecast/periods/2024Q4/late-wins", params={"limit": "1", **cursor}, headers=FINANCE
        )
        seen += [item["name"] for item in answer.json()["items"]]
        cursor = {"cursor": answer.json()["next_cursor"]}
    assert sorted(seen) == ["a", "b", "c"]
    assert cursor == {"cursor": None}


async def test_those_on_which_finance_decides_are_found_behind_however_many_came_before_the_closing(
    opened: tuple[httpx.AsyncClient, Database],
) -> None:
    client, database = opened
    await handle(database, [won(name, known=IN_CLOSING) for name in "abcde"])
    await change(client, "2024-11", "close")
    await handle(database, [won("after", known=await now_of(database) + timedelta(seconds=1))])
    assert len(await late(client)) == 6
    asked = {"after_closing": "true", "limit": "2"}
    answer = await client.get("/v1/forecast/periods/2024-11/late-wins", params=asked, headers=FINANCE)
    assert [each["name"] for each in answer.json()["items"]] == ["after"]
    assert answer.json()["next_cursor"] is None


async def test_an_imported_win_of_a_month_that_nobody_closed_is_not_late(
    opened: tuple[httpx.AsyncClient, Database],
) -> None:
    client, database = opened
    await handle(database, [won("imported", known=await now_of(database), reconstructed=True)])
    assert await late(client) == {}
    await change(client, "2024-11", "close")
    await handle(database, [won("more", known=await now_of(database) + timedelta(seconds=1), reconstructed=True)])
    assert {name: item["why"] for name, item in (await late(client)).items()} == {"more": "to_decide"}
