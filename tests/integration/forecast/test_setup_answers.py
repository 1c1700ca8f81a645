"""The four questions at set-up by HTTP: answered on day one, wide, gone once history knows, and the past stays as it was."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from libs.common.ids import unit_id
from tests.integration.forecast.given import at, deal, handle, named, organisation
from tests.integration.forecast.test_projection import NOW, ask, money
from tests.support.keys import bearer

ANSWERS = {"win_rate": "0.4", "cycle_days": "30", "deals_a_month": "60", "won_amount": "5000.50"}
OF_NOW = dict.fromkeys(("watermark", "behind_s", "business_date"))


@pytest.fixture
async def client(api_for: Callable[[str], tuple[Any, Any]]) -> Any:
    api, runtime = api_for("forecast")
    await organisation(runtime.database, {"north/one": ["ada"]}, at=datetime(2023, 1, 1, tzinfo=UTC))
    return api, runtime.database


async def give(api: Any, status: int = 201, role: str = "sales_ops", key: str = "", **answers: Any) -> dict[str, Any]:
    headers = bearer(role, subject=role) | ({"Idempotency-Key": key} if key else {})
    answer = await api.post("/v1/forecast/setup", json=ANSWERS | answers, headers=headers)
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


def closed(number: int, when: datetime) -> list[Any]:
    """Deals that were won for 2,000 after twenty days, one in two."""
    found = []
    for each in range(number):
        born = when - timedelta(days=20)
        about = {"created_at": born, "owner_id": named("ada"), "stage": "Propose", "pipeline": "default"}
        found.append(deal(f"done {each}", recorded_at=when, valid_from=born, amount=Decimal(2000), **about))
        ended = {"state": "won" if each % 2 else "lost", "closed_on": when.date()}
        found.append(deal(f"done {each}", 2, recorded_at=when, valid_from=when, amount=Decimal(2000), **about, **ended))
    return found


async def test_a_company_without_history_projects_from_its_answers_and_history_takes_over(client: Any) -> None:
    api, database = client
    with at(NOW - timedelta(days=20)):
        before = await ask(api)
        asked = await ask(api, "setup")
    assert money(before["parts"]["projection"]) == 0, "nobody said what a deal brings"
    assert (before["prior"]["answered_at"], before["prior"]["win_rate"]) == (None, 0.25)
    assert (asked["is_asked"], asked["closed"], asked["answers"], asked["history"]["win_rate"]) == (True, 0, None, None)

    with at(NOW - timedelta(days=10)):
        told = await give(api, key="first")
        assert {name: Decimal(told["answers"][name]) for name in ANSWERS} == {
            name: Decimal(answer) for name, answer in ANSWERS.items()
        }
        assert told["given_by"] == "sales_ops"
        assert (await give(api, key="first"))["given_at"] == told["given_at"], "sent twice is answered once"
        assert "came before with another body" in (await give(api, key="first", status=409, win_rate="0.5"))["detail"]
    with at(NOW):
        first = await ask(api)
        number = money(first["parts"]["projection"])
        low, high = (money(first["bands"][0][end]) for end in ("low", "high"))
        assert number == money(first["parts"]["not_created"]) > 0
        assert high - low > number, "answers are a wide band"
        assert (first["prior"]["won_amount"], first["prior"]["wins"]) == ("5000.50", 0)
        assert first["prior"]["answered_at"] == told["given_at"]
        assert first["settings"] != before["settings"]
        year = await ask(api, period="FY2026")
        expected = 60 * 12 * 0.4 * 5000.5
        assert 0.5 * expected < float(year["parts"]["projection"]) < expected, (
            "as answered, less what is open at its end"
        )

    with at(NOW + timedelta(minutes=1)):
        again = await give(api, won_amount="10001.00", role="cso")
        doubled = await ask(api)
        assert money(doubled["parts"]["projection"]) == pytest.approx(2 * number, rel=Decimal("0.02"))
        then = {"as_of": NOW.isoformat(), "known_at": NOW.isoformat()}
        assert (await ask(api, **then))["parts"] == first["parts"], "what was asked before stays as it was"
        long_ago = (NOW - timedelta(days=20)).isoformat()
        assert (await ask(api, as_of=long_ago, known_at=long_ago))["parts"] == before["parts"]
        assert (await ask(api, as_of=long_ago))["settings"] == before["settings"], (
            "an answer holds from when it was given"
        )
        assert again["given_at"] > told["given_at"]
        await what_cannot_be_answered_is_told(api)
        await history_takes_over(api, database, doubled)


async def what_cannot_be_answered_is_told(api: Any) -> None:
    for wrong in ({"win_rate": "1.4"}, {"cycle_days": "0"}, {"deals_a_month": "-1"}, {"won_amount": "x"}):
        refused = await give(api, status=422, **wrong)
        assert [each["field"].rpartition(".")[2] for each in refused["errors"]] == list(wrong)
    assert "won_amount" in (await give(api, status=422, won_amount="1.001"))["detail"]
    await give(api, status=403, role="seller")


async def history_takes_over(api: Any, database: Any, answered: dict[str, Any]) -> None:
    await handle(database, closed(20, NOW - timedelta(days=3)))
    with at(NOW + timedelta(minutes=2)):
        some = await ask(api, "setup")
        assert (some["closed"], some["is_asked"]) == (20, True)
        history = {name: Decimal(some["history"][name]) for name in ANSWERS}
        assert (history["win_rate"], history["won_amount"]) == (Decimal("0.5"), Decimal(2000))
        assert history["cycle_days"] == pytest.approx(Decimal(20), abs=Decimal("0.1"))
        assert (await ask(api))["prior"]["wins"] == 10
    more = [each for each in closed(40, NOW - timedelta(days=2)) if int(each.data.name.split()[1]) >= 20]
    await handle(database, more)
    with at(NOW + timedelta(minutes=3)):
        enough = await ask(api, "setup")
        assert (enough["closed"], enough["is_asked"]) == (40, False)
        assert "their history answers" in (await give(api, status=409))["detail"]
        brings = await ask(api, "projection/what-if", suppose=["added:1:1"])
        assert brings["as_is"]["parts"]["projection"] != answered["parts"]["projection"]


TEAMS = {"north/one": ["ada", "ben"], "north/two": ["cleo"], "south/three": ["dev"]}


async def test_on_day_one_answers_reach_every_unit_and_person_by_how_many_people_there_are_visibly_wider(
    api_for: Callable[[str], tuple[Any, Any]],
) -> None:
    api, runtime = api_for("forecast")
    await organisation(runtime.database, TEAMS, at=datetime(2023, 1, 1, tzinfo=UTC))
    with at(NOW - timedelta(days=1)):
        assert money((await ask(api, org=str(unit_id("north"))))["parts"]["projection"]) == 0, "nobody has answered"
        await give(api)
    with at(NOW):
        whole = await ask(api)
        number = money(whole["parts"]["not_created"])
        parts = {path: await ask(api, org=str(unit_id(path))) for path in ("north", "north/one", "south")}
        ada = await ask(api, owner=str(named("ada")))
        shares = {"north": Decimal("0.75"), "north/one": Decimal("0.5"), "south": Decimal("0.25")}
        for path, share in shares.items():
            assert money(parts[path]["parts"]["not_created"]) == pytest.approx(number * share, abs=Decimal("0.01"))
        assert money(ada["parts"]["not_created"]) == pytest.approx(number / 4, abs=Decimal("0.01"))
        widths = [relative(each) for each in (whole, parts["north"], parts["north/one"], parts["south"])]
        assert widths == sorted(widths)
        assert widths[-1] > 1.3 * widths[0], "how much comes in which team is less sure than how much comes"
        in_basis = await ask(api, org=str(unit_id("south")), value_basis="one_off")
        assert money(in_basis["parts"]["not_created"]) == money(parts["south"]["parts"]["not_created"])
        product = await ask(api, org=str(unit_id("south")), product="Bread")
        assert money(product["parts"]["not_created"]) == 0, "people do not tell which product"
        await months_of_units_add_up(api)
    await what_is_created_says_more_than_heads(api, runtime.database)


async def test_without_people_what_answers_say_is_of_nobody_and_parts_add_up(
    api_for: Callable[[str], tuple[Any, Any]],
) -> None:
    api, runtime = api_for("forecast")
    with at(NOW - timedelta(days=1)):
        await give(api)
    with at(NOW):
        await months_of_other_cuts_add_up(api)
    await handle(runtime.database, closed(6, NOW - timedelta(days=1)))
    with at(NOW + timedelta(days=1)):
        await months_of_other_cuts_add_up(api)


def relative(found: dict[str, Any]) -> float:
    low, high = (money(found["bands"][0][end]) for end in ("low", "high"))
    return float((high - low) / money(found["parts"]["projection"]))


async def months_of_units_add_up(api: Any) -> None:
    found = await ask(api, "projection/months", by="unit")
    of = {row["label"]: row["months"] for row in found["rows"]}
    for month, total in enumerate(found["total"]["months"]):
        north, south = (money(of[name][month]["parts"]["not_created"]) for name in ("north", "south"))
        assert north + south == pytest.approx(money(total["parts"]["not_created"]), abs=Decimal("0.02"))
        assert north == pytest.approx(3 * south, abs=Decimal("0.05"))
        assert money(total["parts"]["not_created"]) > 0
    await months_of_other_cuts_add_up(api)


async def months_of_other_cuts_add_up(api: Any) -> None:
    """People without a deal have a row, and what is of no known market has one."""
    for cut in ("owner", "market", "product"):
        found = await ask(api, "projection/months", by=cut)
        for month, total in enumerate(found["total"]["months"]):
            parts = sum(money(row["months"][month]["parts"]["projection"]) for row in found["rows"])
            whole = money(total["parts"]["projection"])
            assert whole > 0
            assert parts == pytest.approx(whole, abs=Decimal("0.01") * (len(found["rows"]) + 1)), cut


async def what_is_created_says_more_than_heads(api: Any, database: Any) -> None:
    """Forty deals of Ada's later hers is most of what will come; that of others fades."""
    await handle(database, closed(40, NOW - timedelta(days=1)))
    with at(NOW + timedelta(days=1)):
        whole, south, one = [
            money((await ask(api, **asked))["parts"]["not_created"])
            for asked in ({}, {"org": str(unit_id("south"))}, {"org": str(unit_id("north/one"))})
        ]
        await months_of_other_cuts_add_up(api)
        assert 0 < south < whole / 50
        assert one > whole * Decimal("0.95")
