"""Splits in what is told of a period: movement, quotas and locks count shares too."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from libs.common.calendar import FiscalCalendar
from libs.common.db import Database
from libs.common.ids import unit_id
from libs.common.web.auth import Principal
from services.forecast.locks import freezing
from services.forecast.locks.due import Due
from tests.integration.forecast.crediting import PEOPLE, TEAMS, split
from tests.integration.forecast.given import AT, deal, handle, named, organisation
from tests.integration.forecast.test_readings import ask

Api = Callable[[str], tuple[Any, Any]]


async def test_what_was_handed_over_is_a_transfer_in_the_movement_of_a_team_and_adds_to_the_cent(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    await organisation(runtime.database, TEAMS)
    await handle(runtime.database, [deal("big", owner_id=named("ann"), amount=Decimal(1000))])
    await handle(runtime.database, [split("big", ann="0.6", cid="0.4")])
    later = AT + timedelta(days=2)
    grown = deal("big", 2, valid_from=later, recorded_at=later, owner_id=named("ann"), amount=Decimal(2000))
    await handle(runtime.database, [grown])
    await handle(runtime.database, [split("big", 2, at=later, recorded_at=later, ann="0.1", cid="0.9")])
    for mode in ("ends", "gross"):
        asked: dict[str, Any] = {
            "since": AT.isoformat(),
            "as_of": (AT + timedelta(days=7)).isoformat(),
            "period": "2024Q4",
            "mode": mode,
        }
        north = (await ask(client, "movement", org=str(unit_id("EMEA/North")), **asked))["open"]
        assert (north["opening"], north["closing"], north["residual"]) == ("600.00", "200.00", "0.00")
        company = (await ask(client, "movement", **asked))["open"]
        assert (company["opening"], company["closing"], company["residual"]) == ("1000.00", "2000.00", "0.00")
        if mode == "ends":
            moved = {each["term"]: each["amount"] for each in north["terms"] if each["steps"]}
            assert moved == {"increased": "600.00", "transferred_out": "-1000.00"}


async def test_attainment_and_the_calls_of_people_and_teams_count_what_is_credited(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    await organisation(runtime.database, TEAMS)
    won: dict[str, Any] = {"state": "won", "category": None, "closed_on": date(2024, 11, 1)}
    await handle(runtime.database, [deal("won", owner_id=named("ann"), amount=Decimal(900), **won)])
    told = split("won", at=AT - timedelta(days=3), ann="0.5", bob="0.25", cid="0.25")
    await handle(runtime.database, [told])
    reading = await ask(client, "attainment", period="2024Q4", org=str(unit_id("EMEA")), below="all")
    closed = {each["node"]["id"]: each["closed_won"] for each in (reading["node"], *reading["below"])}
    assert closed == {
        str(unit_id("EMEA")): "900.00",
        str(unit_id("EMEA/North")): "675.00",
        str(unit_id("EMEA/South")): "225.00",
        str(named("ann")): "450.00",
        str(named("bob")): "225.00",
        str(named("cid")): "225.00",
    }


async def test_a_lock_freezes_shares_and_counts_a_deal_once_in_each_unit_and_what_is_told_later_moves_nothing(
    api_for: Api,
) -> None:
    _, runtime = api_for("forecast")
    await organisation(runtime.database, TEAMS)
    await handle(
        runtime.database,
        [
            deal("big", owner_id=named("ann"), amount=Decimal(1000)),
            deal("late", owner_id=named("bob"), amount=None, close_date=date(2024, 11, 3)),
        ],
    )
    await handle(runtime.database, [split("big", ann="0.6", bob="0.1", cid="0.3"), split("late", bob="0.5", cid="0.5")])
    at = AT + timedelta(days=5)
    before = await frozen(runtime.database, at)
    after = AT + timedelta(days=6)
    await handle(runtime.database, [split("big", 2, at=AT, recorded_at=after, dan="1")])
    assert await frozen(runtime.database, at) == before
    assert {who: before[who] for who in ("EMEA", "EMEA/North", "EMEA/South", "ann", "bob", "cid")} == {
        "EMEA": ("1000.00", 2, 1, 1),
        "EMEA/North": ("700.00", 2, 1, 1),
        "EMEA/South": ("300.00", 2, 1, 1),
        "ann": ("600.00", 1, 0, 0),
        "bob": ("100.00", 2, 1, 1),
        "cid": ("300.00", 2, 1, 1),
    }


async def frozen(database: Database, at: Any) -> dict[str, tuple[Any, ...]]:
    """By node what a lock would freeze of commit (amount, deals, those without an amount) and how many are overdue."""
    calendar = FiscalCalendar()
    due = Due(at=at, kind="weekly", periods=(calendar.quarter(date(2024, 11, 20)),))
    async with database.reading() as session:
        made = await freezing.freeze(session, due, principal=Principal.system("forecast"))
    names = {unit_id(name): name for name in ("EMEA", "EMEA/North", "EMEA/South")} | {named(who): who for who in PEOPLE}
    return {
        names[row["node_id"]]: (
            row["lines"]["commit"]["amount"],
            row["lines"]["commit"]["count"],
            row["lines"]["commit"]["unpriced_count"],
            row["overdue"]["count"],
        )
        for row in made.rows
        if row["node_id"] in names
    }
