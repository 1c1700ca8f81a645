"""Twelve months of every part by HTTP, and that what moves on with events is what the same instants give."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from libs.common.ids import unit_id
from tests.calibration.worlds import STAGES
from tests.integration.forecast.given import at, deal, handle, named, organisation
from tests.integration.forecast.test_projection import NOW, ask, company, money


@pytest.fixture
async def client(api_for: Callable[[str], tuple[Any, Any]]) -> AsyncIterator[Any]:
    client, runtime = api_for("forecast")
    teams = {"north/one": ["ada", "ben"], "north/two": ["cleo"], "south/three": ["dev"]}
    await organisation(runtime.database, teams, at=datetime(2023, 1, 1, tzinfo=UTC))
    events = company()
    for start in range(0, len(events), 1000):
        await handle(runtime.database, events[start : start + 1000])
    with at(NOW):
        yield client, runtime.database


async def test_every_month_of_every_part_is_its_projection(client: Any) -> None:
    """Of units, owners and markets: each part of each month as its own projection gives it, and their sums."""
    api, _ = client
    units = await ask(api, "projection/months")
    assert [each["key"] for each in units["periods"]][:2] == ["2025-12", "2026-01"]
    assert len(units["periods"]) == 12
    names = ("closed", "open", "not_created", "renewals", "blend", "projection")
    for row in [*units["rows"], units["total"]]:
        for month in row["months"]:
            parts = {name: money(month["parts"][name]) for name in names}
            assert parts.pop("projection") == sum(parts.values())
    for month in (0, 1, 5):
        asked = {"period": units["periods"][month]["key"]}
        north = next(row for row in units["rows"] if row["key"] == str(unit_id("north")))
        for found, org in ((units["total"], {}), (north, {"org": str(unit_id("north"))})):
            alone = await ask(api, **asked, **org)
            shown = found["months"][month]
            for name in names:
                assert money(shown["parts"][name]) == pytest.approx(money(alone["parts"][name]), abs=Decimal("0.02"))
            assert shown["expected_wins"] == pytest.approx(alone["expected_wins"] + alone["new_wins"], abs=1e-5)
            if not shown["is_few"]:
                assert money(shown["low"]) == pytest.approx(money(alone["bands"][0]["low"]), rel=Decimal("1e-6"))
    for by in ("unit", "owner", "market", "product"):
        told = await ask(api, "projection/months", by=by)
        assert told["total"] == units["total"]
        for month, whole in enumerate(told["total"]["months"]):
            for name in names:
                together = sum(money(row["months"][month]["parts"][name]) for row in told["rows"])
                assert together == pytest.approx(money(whole["parts"][name]), abs=Decimal("0.05"))
    own = await ask(api, "projection/months", scope=(unit_id("south"),))
    south = await ask(api, org=str(unit_id("south")), period="2025-12")
    seen = own["total"]["months"][0]["parts"]
    assert [money(seen[name]) for name in names] == [money(south["parts"][name]) for name in names]


async def test_what_was_moved_on_by_events_is_what_the_same_instants_give_when_they_are_asked_for(client: Any) -> None:
    """Deals change, come and close while readings go on; each reading of then is told again later, learnt from nothing kept."""
    api, database = client
    alike = ("parts", "bands", "quantiles", "blend", "fan", "learnt", "contributions")
    before = await ask(api)
    for hour in range(1, 4):
        now = NOW + timedelta(hours=hour)
        about = {
            "valid_from": now,
            "recorded_at": now,
            "created_at": NOW,
            "owner_id": named("ada"),
            "pipeline": "default",
        }
        open_deal = {"close_date": date(2025, 12, 20), "stage": STAGES[0], "category": "pipeline"}
        await handle(
            database,
            [
                deal(f"new {hour}", segment="large", amount=Decimal(30_000 + hour), **about, **open_deal),
                deal(
                    f"new {hour - 1}",
                    2,
                    segment="large",
                    amount=Decimal(90_000),
                    **about,
                    **open_deal | {"stage": STAGES[1]},
                ),
            ],
        )
        with at(now + timedelta(minutes=1)):
            moved_on, months = await ask(api), await ask(api, "projection/months", by="market")
        with at(now + timedelta(minutes=5)):
            instants = {"as_of": moved_on["as_of"], "known_at": moved_on["known_at"]}
            again, months_again = (
                await ask(api, **instants),
                await ask(api, "projection/months", by="market", **instants),
            )
        assert {name: again[name] for name in alike} == {name: moved_on[name] for name in alike}
        assert (months_again["rows"], months_again["total"]) == (months["rows"], months["total"])
        assert moved_on["parts"]["open"] != before["parts"]["open"]
        assert moved_on["learnt"]["as_of"] == before["learnt"]["as_of"], "learnt when the day began"
        before = moved_on
