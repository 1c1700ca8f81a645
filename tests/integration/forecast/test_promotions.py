"""What promotions are stated to bring is a line of its own, as it was known, and gone when they have ended."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import permutations
from typing import Any

from libs.common.events.pricing import PromotionChanged
from tests.integration.forecast.given import at, deal, handle, named, received
from tests.support.keys import bearer

NOW = datetime(2024, 11, 20, 9, tzinfo=UTC)


def told(name: str, version: int, state: str, **fields: Any) -> Any:
    known: dict[str, Any] = {
        "promotion_id": named(name),
        "version": version,
        "state": state,
        "name": name,
        "starts_on": date(2024, 11, 1),
        "last_day": date(2025, 1, 31),
        "currency": "EUR",
        "budget": Decimal(5000),
        "expected": Decimal(9200),
        "valid_from": NOW - timedelta(days=30 - version),
    }
    event = PromotionChanged(**(known | fields))
    return received(event, event.promotion_id, version, at=event.valid_from)


async def read(client: Any, period: str = "2024Q4", **params: str) -> dict[str, Any]:
    answer = await client.get("/v1/forecast/promotions", params={"period": period, **params}, headers=bearer("seller"))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_promotions_expectation_is_spread_over_periods_that_add_up_and_what_is_past_is_not_to_come(
    api_for: Callable[..., Any],
) -> None:
    client, runtime = api_for("forecast")
    await handle(runtime.database, [told("Spring", 1, "approved")])
    with at(NOW):
        this, following = await read(client), await read(client, "2025Q1")
    (line,) = this["lines"]
    assert (line["name"], line["expected"], line["in_period"], line["to_come"]) == (
        "Spring",
        "9200",
        "6100.00",
        "4200.00",
    )
    assert (this["in_period"], this["to_come"], this["unknown"]) == ("6100.00", "4200.00", 0)
    assert (following["in_period"], following["to_come"]) == ("3100.00", "3100.00")


async def test_in_any_order_and_repetition_the_newest_version_holds_and_an_ended_one_is_gone(
    api_for: Callable[..., Any],
) -> None:
    client, runtime = api_for("forecast")
    events = [
        told("Spring", 1, "planned"),
        told("Spring", 2, "approved"),
        told("Spring", 3, "running", expected=Decimal(920)),
    ]
    for arriving in list(permutations(events))[3:]:
        await handle(runtime.database, [*arriving, arriving[0]])
    with at(NOW):
        assert [(each["state"], each["expected"]) for each in (await read(client))["lines"]] == [("running", "920")]
        await handle(runtime.database, [told("Spring", 4, "ended", last_day=date(2024, 11, 19))])
        assert (await read(client))["lines"] == []
        before = await read(client, as_of="2024-10-23T10:00:00Z", known_at="2024-10-23T10:00:00Z")
    assert [each["state"] for each in before["lines"]] == ["approved"]


async def test_what_is_planned_counts_nothing_and_what_is_not_stated_is_unknown_and_never_zero(
    api_for: Callable[..., Any],
) -> None:
    client, runtime = api_for("forecast")
    await handle(
        runtime.database,
        [
            told("planned", 1, "planned"),
            told("silent", 1, "running", expected=None),
            told("abroad", 1, "running", currency="XAF"),
            told("nothing", 1, "running", expected=Decimal(0)),
        ],
    )
    with at(NOW):
        found = await read(client)
    assert {each["name"]: (each["in_period"], each["why_unknown"]) for each in found["lines"]} == {
        "silent": (None, "not stated"),
        "abroad": (None, "no exchange rate"),
        "nothing": ("0.00", None),
    }
    assert (found["in_period"], found["unknown"]) == ("0.00", 2)


async def test_a_promotion_moves_no_projection_of_deals(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("forecast")
    await handle(runtime.database, [deal("one")])

    async def projected() -> Any:
        answer = await client.get("/v1/forecast/projection", params={"period": "2024Q4"}, headers=bearer("cso"))
        assert answer.status_code == 200, answer.text
        return answer.json()["parts"]

    with at(NOW):
        before = await projected()
        await handle(runtime.database, [told("Spring", 1, "running")])
        assert (await read(client))["in_period"] == "6100.00"
        assert await projected() == before
