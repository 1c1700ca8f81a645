"""Champion and challenger: both kept at each lock, switched by a decision or by the rule, and the past stays as it was."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson
import pytest
from sqlalchemy import text

from libs.common.calendar import FiscalCalendar
from libs.common.db import Database
from libs.common.ids import ROOT_UNIT, new_id
from libs.common.web.auth import Principal
from services.forecast.locks import service as locks
from services.forecast.locks.due import Timetable
from services.forecast.record import service as record
from services.forecast.record import weighing
from services.forecast.record.several import SHARES
from tests.integration.forecast.given import at, handle, organisation, rows
from tests.integration.forecast.test_projection import NOW, ask, company, money
from tests.integration.forecast.test_record import locked_since
from tests.support.keys import bearer

YEAR = "FY2025"
"""Of which too few are over to learn weights from, so that simpler methods have their first ones."""
SYSTEM = Principal.system("forecast")
CALENDAR = FiscalCalendar()
TIMETABLE = Timetable(CALENDAR, "Europe/Berlin")
OF_NOW = dict.fromkeys(("watermark", "behind_s", "business_date"))
NOTHING = {"count": 0, "amount": "0", "weighted": "0", "unpriced_count": 0, "unweighted_count": 0}


@pytest.fixture
async def forecast(api_for: Callable[[str], tuple[Any, Any]]) -> AsyncIterator[Any]:
    client, runtime = api_for("forecast")
    teams = {"north/one": ["ada", "ben"], "north/two": ["cleo"], "south/three": ["dev"]}
    await organisation(runtime.database, teams, at=datetime(2023, 1, 1, tzinfo=UTC))
    events = company()
    for start in range(0, len(events), 1000):
        await handle(runtime.database, events[start : start + 1000])
    with at(NOW):
        yield client, runtime


async def choose(api: Any, method: str, status: int = 201, role: str = "cso", key: str = "k") -> dict[str, Any]:
    headers = bearer(role, subject=role) | {"Idempotency-Key": key}
    body = {"method": method, "reason": "It was nearer in our own test."}
    answer = await api.post("/v1/forecast/champion", json=body, headers=headers)
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_recorded_decision_switches_what_answers_and_both_are_kept_at_each_lock(forecast: Any) -> None:
    api, runtime = forecast
    before = await ask(api, period=YEAR)
    assert before["answers"] == {"method": "blended", "since": None, "chosen_by": None, "reason": None, "made_by": None}
    assert money(before["parts"]["blend"]) != 0
    await choose(api, "engine", status=403, role="seller")
    await choose(api, "blended", status=409, key="same")
    told = await choose(api, "engine")
    assert (told["method"], told["challenger"], told["chosen"]["chosen_by"]) == ("engine", "blended", "decision")
    assert len((await ask(api, "champion"))["history"]) == 1, "sent again is decided once"
    await choose(api, "blended", status=409)

    with at(NOW + timedelta(minutes=1)):
        now = await ask(api, period=YEAR)
        assert (now["answers"]["method"], now["answers"]["made_by"]) == ("engine", "cso")
        assert now["answers"]["since"] == told["chosen"]["made_at"]
        assert now["answers"]["reason"] == "It was nearer in our own test."
        parts = {name: money(amount) for name, amount in now["parts"].items()}
        assert parts["blend"] == 0
        assert sum(amount for name, amount in parts.items() if name != "projection") == parts["projection"]
        engine = {name: now["parts"][name] for name in ("closed", "open", "not_created", "renewals")}
        assert engine == {name: before["parts"][name] for name in engine}
        assert now["settings"] != before["settings"]
        then = {"as_of": before["as_of"], "known_at": before["known_at"]}
        year = then | {"period": YEAR}
        assert await ask(api, **year) | OF_NOW == await ask(api, **year) | OF_NOW
        assert (await ask(api, **year))["parts"] == before["parts"]
        assert (await ask(api, "champion", **then))["method"] == "blended"

        await locked_since(runtime.database, NOW - timedelta(hours=1))
        await both_are_kept_at_a_lock(api, runtime.database)


async def both_are_kept_at_a_lock(api: Any, database: Database) -> None:
    """The lock at noon, hours after the decision; the challenger there is the blend."""
    noon = datetime(2025, 12, 1, 11, 5, tzinfo=UTC)
    with at(noon):
        await locks.make_due(database, principal=SYSTEM)
        assert await record.freeze_made(database, principal=SYSTEM) >= 1
        ours = await rows(database, "SELECT * FROM lock_projection_row JOIN forecast_lock USING (lock_id)")
        theirs = await rows(database, "SELECT * FROM lock_challenger_row")
        keys = ("lock_id", "period_key", "deal_type", "value_basis", "node_kind", "node_id")
        assert {tuple(row[key] for key in keys) for row in theirs} == {tuple(row[key] for key in keys) for row in ours}
        of_company = [row for row in theirs if (row["node_id"], row["period_key"]) == (ROOT_UNIT, "2025Q4")]
        for row in of_company:
            (same,) = [each for each in ours if all(each[key] == row[key] for key in keys)]
            due = same["due_at"].isoformat()
            said = await ask(api, as_of=due, known_at=due, value_basis="one_off", period="2025Q4")
            assert said["answers"]["method"] != row["method"]
            assert Decimal(said["parts"]["projection"]) == same["projection"]
            assert row["low_80"] <= row["projection"] <= row["high_80"]
            assert row["quantiles"] == sorted(row["quantiles"])
        assert {row["method"] for row in of_company} >= {"blended"}


def quarters(count: int) -> list[Any]:
    found = [CALENDAR.quarter(NOW.date())]
    while len(found) <= count:
        found.append(CALENDAR.quarter(found[-1].start - timedelta(days=1)))
    return found[:0:-1]


async def judged_past(database: Database, off: int, challenger_off: int) -> None:
    """Seven closed quarters with a weekly lock in the middle of each, at which champion and challenger were off by so much."""
    async with database.transaction() as session:
        for place, period in enumerate(quarters(7)):
            came = Decimal(1000 + 10 * place)
            sign = (-1) ** place
            due = datetime(period.start.year, period.start.month, 15, 11, tzinfo=UTC)
            of = {
                "period_key": period.key, "period_start": period.start, "period_end": period.end, "deal_type": "",
                "value_basis": "one_off", "node_kind": "unit", "node_id": ROOT_UNIT,
            }  # fmt: skip
            for kind, instant, won in (("weekly", due, Decimal(100)), ("closed", TIMETABLE.closed_at(period), came)):
                lock = new_id()
                await insert(session, "forecast_lock", {
                    "lock_id": lock, "due_at": instant, "kind": kind, "made_at": instant, "is_late": False, "state": "unknown",
                    "currency": "EUR", "rates_version": "1", "metric_version": "1", "periods": [period.key],
                })  # fmt: skip
                await insert(session, "lock_row", of | {
                    "lock_id": lock, "label": "Company", "parent_id": None, "lines": {}, "beside": {}, "overdue": NOTHING,
                    "closed_won": won, **dict.fromkeys(("crm", "reps", "managers", "adjusted"), won), "adjustment": 0,
                    "from_crm": 1, "of_calls": 1,
                })  # fmt: skip
                if kind == "closed":
                    continue
                said, other = came + sign * off, came + sign * challenger_off
                quantiles = [float(said) + 100 * float(share - 0.5) for share in SHARES]
                await insert(session, "lock_projection", {
                    "lock_id": lock, "made_at": instant, "method": "projection-1", "settings": "x", "wins": 9,
                })  # fmt: skip
                await insert(session, "lock_projection_row", of | {
                    "lock_id": lock, "closed": 100, "open": said - 100, "not_created": 0, "renewals": 0, "blend": 0,
                    "projection": said, "low_80": said - 40, "high_80": said + 40, "quantiles": quantiles,
                    "expected_wins": 5.0, "width_scale": 1.25, "width_label": "prior", "width_periods": 0,
                    "opponents": {},
                })  # fmt: skip
                await insert(session, "lock_challenger_row", of | {
                    "lock_id": lock, "method": "engine", "settings": "y", "projection": other, "low_80": other - 40,
                    "high_80": other + 40, "quantiles": quantiles,
                })  # fmt: skip


async def insert(session: Any, table: str, row: dict[str, Any]) -> None:
    await session.execute(
        text(f"INSERT INTO {table} SELECT * FROM jsonb_populate_record(NULL::{table}, cast(:row AS jsonb))"),  # noqa: S608
        {"row": orjson.dumps(row, default=str).decode()},
    )


@pytest.mark.parametrize(("off", "challenger_off", "switches"), [(100, 50, True), (200, 199, False), (50, 100, False)])
async def test_the_rule_switches_once_for_a_clear_gain(
    api_for: Any, off: int, challenger_off: int, switches: bool
) -> None:
    api, runtime = api_for("forecast")
    await organisation(runtime.database, {"north/one": ["ada"]})
    await judged_past(runtime.database, off, challenger_off)
    with at(NOW):
        before = await ask(api, "champion")
        assert (before["method"], before["evidence"]["periods"], before["evidence"]["is_met"]) == (
            "blended",
            7,
            switches,
        )
        assert before["evidence"]["champion_wape"] == pytest.approx(off / 1030, abs=1e-3)
        assert before["evidence"]["challenger_wape"] == pytest.approx(challenger_off / 1030, abs=1e-3)
        weighed = await weighing.weigh(runtime.database, None, principal=SYSTEM)
        assert weighed is not None
        await weighing.weigh(runtime.database, None, principal=SYSTEM)
        assert await weighing.weigh(runtime.database, weighed, principal=SYSTEM) == weighed
        methods = await ask(api, "accuracy")
        theirs = next(each for each in methods["overall"]["methods"] if each["method"] == "engine")
        assert theirs["wape"] == before["evidence"]["challenger_wape"]
        assert theirs["cover_80"]["share"] == (1.0 if challenger_off <= 40 else 0.0)
    with at(NOW + timedelta(minutes=1)):
        after = await ask(api, "champion")
        assert after["method"] == ("engine" if switches else "blended")
        assert len(after["history"]) == int(switches)
        if switches:
            assert (after["chosen"]["chosen_by"], after["chosen"]["made_by"]) == ("rule", SYSTEM.subject)
            assert "better by 50.0%" in after["chosen"]["reason"]
            assert after["evidence"]["periods"] == 0, "what was decided by a past is not decided by it again"
            assert (await ask(api))["answers"]["chosen_by"] == "rule"
