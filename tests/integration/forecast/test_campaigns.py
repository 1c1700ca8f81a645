"""What leads tell of campaigns, in the forecast: in its currency, as it was known, of the whole company, in any order."""

import csv
import io
from collections.abc import Callable
from itertools import permutations
from typing import Any

import pytest

from libs.common.ids import unit_id
from tests.integration.forecast.campaigning import counted
from tests.integration.forecast.given import AT, at, handle, named
from tests.integration.forecast.signing import FINANCE
from tests.support.keys import bearer

LAST = {"since": "2024-09-15", "until": "2024-11-02"}


@pytest.fixture
async def opened(api_for: Callable[[str], tuple[Any, Any]]) -> Any:
    client, runtime = api_for("forecast")
    with at(AT):
        body = {"rates": {"EUR": "1", "USD": "0.5"}}
        assert (await client.put("/v1/forecast/rates", json=body, headers=FINANCE)).status_code == 200
        yield client, runtime.database


async def ask(client: Any, headers: Any = None, status: int = 200, **params: Any) -> Any:
    answer = await client.get("/v1/forecast/campaigns", params=LAST | params, headers=headers or bearer("cso"))
    assert answer.status_code == status, answer.text
    return answer if "format" in params else answer.json()


FAIR = [
    counted("Fair", "2024-09", cost=[("100.00", "EUR")], leads=3, won=[("50", "EUR")]),
    counted("Fair", "2024-10", 1, cost=[("999", "EUR")], leads=9),
    counted(
        "Fair",
        "2024-10",
        2,
        cost=[("100", "USD")],
        leads=4,
        won=[("250", "EUR")],
        pipeline=[("70", "USD")],
        last_won=[("75", "EUR")],
    ),
    counted("Fair", "2024-08", cost=[("5000", "EUR")], leads=50),
]


async def test_months_add_up_in_one_currency_and_the_newest_version_of_each_counts_in_any_order(opened: Any) -> None:
    client, database = opened
    for order in list(permutations(FAIR))[::5]:
        await handle(database, [*order, order[0]])
        (fair,) = (await ask(client))["items"]
        assert (fair["cost"], fair["first"]["leads"], fair["first"]["won"]) == ("150.00", 7, "300.00")
        assert (fair["first"]["pipeline"], fair["first"]["roi"], fair["last"]["roi"]) == ("35.00", "1.0000", "-0.5000")


async def test_a_return_is_unknown_without_cost_or_rate_and_never_divided_by_nothing(opened: Any) -> None:
    client, database = opened
    await handle(
        database,
        [
            *FAIR,
            counted("Free", "2024-10", cost=[("0", "EUR")], leads=1, won=[("10", "EUR")]),
            counted("Uncosted", "2024-10", leads=2, won=[("20", "EUR")]),
            counted("Abroad", "2024-10", cost=[("1", "EUR")], won=[("7", "GBP")]),
        ],
    )
    found = await ask(client)
    whys = {each["name"]: (each["first"]["roi"], each["why"]) for each in found["items"]}
    assert whys == {
        "Fair": ("1.0000", None),
        "Free": (None, "the cost is 0"),
        "Uncosted": (None, "no cost is known"),
        "Abroad": (None, "money without an exchange rate"),
    }
    assert (found["total"]["cost"], found["total"]["first"]["won"], found["total"]["why"]) == (
        "151.00", None, "money without an exchange rate",
    )  # fmt: skip
    only = await ask(client, campaign=[str(named("campaign Free"))])
    assert [each["name"] for each in only["items"]] == ["Free"]
    table = csv.DictReader(io.StringIO((await ask(client, format="csv")).text))
    assert {row["name"]: row["first_won"] for row in table}["Fair"] == "300.00"


async def test_who_sees_a_part_of_the_company_sees_no_figures_of_campaigns(opened: Any) -> None:
    client, database = opened
    await handle(database, FAIR)
    found = await ask(client, bearer("manager", scope=(unit_id("EMEA"),)))
    assert (found["items"], found["total"], "whole company" in found["hidden"]) == ([], None, True)
    await ask(client, status=422, until="2024-08-01")


async def test_nothing_of_campaigns_is_an_empty_list(opened: Any) -> None:
    client, _ = opened
    found = await ask(client)
    assert (found["items"], found["total"], found["hidden"]) == ([], None, None)
    assert "not lift" in found["caveat"]
