"""What the engine would have said of past periods is worked out once, by whoever asks first, and anew when its past is corrected."""

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from libs.common.db import Database
from libs.common.web.auth import Principal
from services.forecast.outlook import known, remembered, service
from services.forecast.outlook.sayings import Said
from services.forecast.outlook.service import Ground
from services.forecast.projection.landing import Landing
from services.forecast.readings.asked import Question
from tests.integration.forecast.given import at, deal, handle, named, rows
from tests.integration.forecast.test_projection import NOW, company

SYSTEM = Principal.system("forecast")
QUESTIONS = [Question(period=key, as_of=NOW, known_at=NOW) for key in ("2025Q4", "2026Q1")]


@pytest.fixture
async def begun(databases: tuple[Any, Database]) -> Any:
    """Begins processes: each has a memory of its own."""
    settings, owner = databases
    opened: list[Database] = []

    def process() -> Database:
        opened.append(Database(settings))
        return opened[-1]

    events = company()
    for start in range(0, len(events), 1000):
        await handle(owner, events[start : start + 1000])
    with at(NOW):
        yield process
    for each in opened:
        await each.close()


async def grounds(database: Database) -> list[Ground]:
    async with database.reading() as session:
        return [await service.ground(session, question, principal=SYSTEM) for question in QUESTIONS]


async def sayings(database: Database, *, anew: bool = False) -> list[Said | None]:
    """Of the quarters before this one, on their 60th day: as the process has them, or worked out now."""
    async with database.reading() as session:
        asked = (await service.ground(session, QUESTIONS[0], principal=SYSTEM)).asked
        sight = await service.sight_of(session, asked)
        periods = asked.calendar.before(asked.period, 10)
        if anew:
            return [known._say(sight, period, 60) for period in periods]
        return await known.memory_of(session).said(session, sight, periods, 60)


def exactly(said: Said | None) -> bytes:
    if said is None:
        return b"nothing"
    landing = said.modelled
    bits = b"".join(np.asarray(getattr(landing, each.name)).tobytes() for each in fields(Landing))
    return bits + repr((said.period, said.lead, said.points, said.came)).encode()


def numbers(found: Ground) -> str:
    return repr((found.mixed, found.wide, found.points, found.by))


async def test_a_process_that_begins_says_byte_for_byte_what_another_kept_and_works_out_nothing(begun: Any) -> None:
    first, second = begun(), begun()
    said = await grounds(first)
    assert await known.write(first) == 20, "ten quarters, on their first and on their 60th day"
    assert await known.write(first) == 0

    assert [numbers(each) for each in await grounds(second)] == [numbers(each) for each in said]
    assert await known.write(second) == 0, "all of them were kept"
    kept = await sayings(second)
    assert sum(each is not None for each in kept) > 4
    assert any(each is None for each in kept), "of the first quarters there was nothing to say, which is kept as well"
    assert [exactly(each) for each in kept] == [exactly(each) for each in await sayings(begun(), anew=True)]


async def test_what_is_told_later_of_a_past_day_makes_what_followed_from_it_be_said_anew(begun: Any) -> None:
    """A version that was set aside and repaired arrives with the time it was recorded at: it counts as known since."""
    first = begun()
    await grounds(first)
    await known.write(first)
    before = [exactly(each) for each in await sayings(first)]
    won = datetime(2025, 2, 3, tzinfo=UTC)
    repaired = deal(
        "late", recorded_at=won, valid_from=won, created_at=won - timedelta(days=40), stage_entered_at=won,
        state="won", stage="Won", category=None, amount=Decimal(900_000), close_date=won.date(), closed_on=won.date(),
        owner_id=named("ada"), deal_type="new", pipeline="default",
    )  # fmt: skip
    await handle(first, [repaired])

    second = begun()
    corrected = [exactly(each) for each in await sayings(second)]
    changed = [old != new for old, new in zip(before, corrected, strict=True)]
    assert any(changed)
    assert not all(changed), "quarters before it are as they were"
    assert corrected == [exactly(each) for each in await sayings(begun(), anew=True)]
    assert corrected == [exactly(each) for each in await sayings(first)], "in a process that had said otherwise as well"
    assert 0 < await known.write(second) <= sum(changed)
    told = await rows(second, "SELECT count(*) AS told, count(DISTINCT (period_start, lead)) AS of FROM engine_saying")
    assert told[0]["told"] > told[0]["of"], "what was said before stays, under its own digest"


async def test_other_settings_rates_or_code_say_anew(begun: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    first = begun()
    await grounds(first)
    await known.write(first)
    async with first.reading() as session:
        asked = (await service.ground(session, QUESTIONS[0], principal=SYSTEM)).asked
        sight = await service.sight_of(session, asked)
    period = asked.calendar.before(asked.period, 1)[0]
    digest = remembered.digest
    usual = digest(sight, 5, period, 60)
    assert usual == digest(replace(sight), 5, period, 60)
    others = {
        digest(sight, 6, period, 60),
        digest(sight, 5, period, 30),
        digest(replace(sight, rates=replace(sight.rates, default={"USD": Decimal(2)})), 5, period, 60),
        digest(replace(sight, imported_at=NOW), 5, period, 60),
    }
    monkeypatch.setattr(remembered, "_code", lambda: "another version")
    assert len(others | {usual, digest(sight, 5, period, 60)}) == 6
