"""The four questions at set-up by HTTP: answered on day one, wide, gone once history knows, and the past stays as it was."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

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
