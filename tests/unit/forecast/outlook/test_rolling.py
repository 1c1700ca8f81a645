"""Models that move on with what arrives, against models made anew by a process that has just begun."""

import asyncio
from dataclasses import fields
from datetime import date, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from services.forecast.history.columns import Columns, last_import
from services.forecast.outlook import rolling
from services.forecast.outlook.known import Memory
from services.forecast.outlook.rolling import Learnt
from services.forecast.outlook.sight import Sight
from services.forecast.projection.settings import DEFAULT
from tests.unit.forecast.given import AT, CALENDAR, RATES, Recorded, columns_of, lives, state

ZONE = ZoneInfo("UTC")
ASKED = (None, None)


def company(chance: Random) -> list[Recorded]:
    """Deals that move through stages and types, so that some are seen for the first time on the day they are asked for.

    Some are contracts of two accounts that end in weeks, some the renewals of these.
    """
    kinds = [
        {"deal_type": chance.choice(["new", "renewal"]), "account_id": UUID(int=chance.choice([7, 8]))}
        | {"value_basis": "arr", "term_months": chance.choice([None, 1, 1, 2])}
        for _ in range(10)
    ]
    moves = ({"stage": chance.choice(["A", "B", "C"]), "segment": chance.choice(["S", "L"])} for _ in range(100))
    return [
        (entry.model_copy(update=move | kinds[entry.deal_id.int]), told)
        for (entry, told), move in zip(lives(chance, deals=9, events=6), moves, strict=False)
    ]


def at(memory: Memory, columns: Columns, instant: datetime) -> Learnt:
    sight = Sight(columns, RATES, CALENDAR, ZONE, last_import(columns, instant), instant)
    return asyncio.run(memory.learnt(sight, instant, instant, instant.date(), DEFAULT, asked=ASKED))


def told(found: Learnt) -> dict[str, Any]:
    """Every byte of a model, and the version that each of its deals stands at."""
    model, columns = found.model, found.columns
    parts = [model.evenings, model.standing, model.births, model.wins, model.hazards, model.sizes, model.arrivals]
    parts += [model.contracts, model.lessons.renewing, model.outlook(model.today + 40).due.deals]
    parts += [found.steps, model.lessons.evenings, model.lessons.wins]
    values = {(place, each.name): getattr(part, each.name) for place, part in enumerate(parts) for each in fields(part)}
    stands = list(zip(columns.texts("deal", found.last), columns.version[found.last].tolist(), strict=True))
    bytes_of = {name: each.tobytes() if isinstance(each, np.ndarray) else each for name, each in values.items()}
    return {**bytes_of, "stands": stands, "today": model.today, "learnt": model.lessons.today, "shock": model.shock}


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32), st.integers(4, 12), st.integers(0, 3))
def test_a_model_that_moved_on_is_the_one_made_anew_to_the_last_bit(seed: int, batch: int, late: int) -> None:
    """Over days, whatever came, in whatever order, some of it told late or set aside and repaired later."""
    chance = Random(seed)  # noqa: S311
    coming = sorted(company(chance), key=lambda entry: (entry[1], entry[0].deal_id, entry[0].version))
    for _ in range(min(late, len(coming) - 1)):
        coming.append(coming.pop(chance.randrange(len(coming))))
    memory, columns, instant = Memory(), None, AT - timedelta(hours=60)
    while coming:
        columns = columns_of(coming[:batch], columns)
        del coming[:batch]
        instant += timedelta(hours=chance.choice([0, 0, 1, 3, 30]))
        assert told(at(memory, columns, instant)) == told(at(Memory(), columns, instant))


def test_a_few_deals_that_moved_are_not_a_reason_to_read_all_of_them() -> None:
    """On a day one deal moves, and is known to move again later that day, which shows then without anything arriving."""
    chance = Random(5)  # noqa: S311
    entries = sorted(company(chance), key=lambda entry: entry[1])
    before = columns_of(entries)
    noon = datetime(2026, 12, 24, 12, tzinfo=ZONE)
    moved, told_at = entries[-1][0], noon - timedelta(hours=1)
    soon = noon + timedelta(hours=1)
    memory = Memory()
    held = at(memory, before, noon - timedelta(hours=2))
    after = columns_of(
        [
            (moved.model_copy(update={"version": 90, "valid_from": told_at, "pushes": 7}), told_at),
            (moved.model_copy(update={"version": 91, "valid_from": soon, "pushes": 8}), soon),
        ],
        before,
    )
    sight = Sight(after, RATES, CALENDAR, ZONE, None, noon)
    found = rolling.rolled(held, held.taught, sight, noon, noon)
    assert found is not None
    assert found.rows == held.rows + 1
    later = Sight(after, RATES, CALENDAR, ZONE, None, soon)
    shown = rolling.rolled(found, held.taught, later, soon, soon)
    assert shown is not None
    assert shown.rows == found.rows + 1
    number = found.number(moved.deal_id)
    assert [each.steps.pushes[each.steps.deal == number][-1] for each in (found, shown)] == [7, 8]
    assert rolling.rolled(shown, held.taught, later, soon, soon) is shown, "nothing came"


def test_a_contract_and_a_renewal_that_come_in_are_due_and_spoken_for_at_once() -> None:
    """A deal that comes in speaks for the contract of another one: both stand as if everything was read anew."""
    noon = datetime(2026, 12, 24, 12, tzinfo=ZONE)
    arr: dict[str, Any] = {"value_basis": "arr", "term_months": 2}
    won = arr | {"state": "won", "category": None, "deal_type": "new"}
    first = state(1, closed_on=date(2026, 11, 2), account_id=UUID(int=7), **won)
    columns = columns_of([(first, AT), (state(2, deal_type="renewal", account_id=UUID(int=8), **arr), AT)])
    coming = [
        state(3, valid_from=noon, created_at=noon, closed_on=date(2026, 11, 20), account_id=UUID(int=9), **won),
        state(4, valid_from=noon, created_at=noon, deal_type="renewal", account_id=UUID(int=7), **arr),
    ]
    memory = Memory()
    held = at(memory, columns, noon - timedelta(hours=2))
    left = [held.model.contracts.left.tolist()]
    for hour, entry in enumerate(coming):
        now = noon + timedelta(hours=hour)
        columns = columns_of([(entry, now)], columns)
        found = rolling.rolled(held, held.taught, Sight(columns, RATES, CALENDAR, ZONE, None, now), now, now)
        assert found is not None
        assert told(found) == told(at(Memory(), columns, now))
        left.append(found.model.contracts.left.tolist())
        held = found
    assert left == [[1.0], [1.0, 1.0], [0.0, 1.0]]
