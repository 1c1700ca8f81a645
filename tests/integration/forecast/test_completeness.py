"""How complete a reading is follows from the last comparison of every connection that has deals."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from libs.common.db import Database
from libs.common.events.deals import DealsCompared
from libs.common.web.auth import Principal
from services.forecast.locks import service as locks
from services.forecast.readings import service
from services.forecast.readings.asked import Question
from tests.integration.forecast.given import AT, at, deal, handle, named, received, rows

pytestmark = pytest.mark.asyncio

SYSTEM = Principal.system("test")
HOUR = timedelta(hours=1)


async def compared(
    database: Database,
    connection: str = "hub",
    *,
    begun_at: datetime = AT,
    recorded_at: datetime | None = None,
    **told: Any,
) -> None:
    """A comparison of 100 deals worth 1000 EUR, of which all are equal unless `told` otherwise."""
    amount = {"currency": "EUR", "crm": Decimal(1000), "ours": Decimal(1000), "equal": Decimal(1000)}
    given = {
        "connection": connection,
        "comparison_id": uuid4(),
        "begun_at": begun_at,
        "ended_at": begun_at,
        "outcome": "compared",
        "our_count": 100,
        "crm_count": 100,
        "equal_count": 100,
        "amounts": (amount,),
    }
    event = DealsCompared.model_validate(given | told)
    await handle(database, [received(event, named(connection), at=recorded_at or begun_at)])


async def refused(database: Database, connection: str = "hub", **told: Any) -> None:
    nothing = {"outcome": "refused", "reason": "status 429", "crm_count": 0, "equal_count": 0, "amounts": ()}
    await compared(database, connection, **(nothing | told))


async def read(database: Database, now: datetime, **question: Any) -> dict[str, Any]:
    with at(now):
        async with database.reading() as session:
            asked = await service.decide(session, Question(**question), principal=SYSTEM)
            return await service.envelope(session, asked)


async def test_a_reading_that_was_never_compared_does_not_know_how_complete_it_is(database_for: Any) -> None:
    found = await read(database_for("forecast"), AT)

    assert (found["completeness"], found["compared"]) == (None, [])


async def test_a_reading_is_as_complete_as_the_smaller_share_of_count_and_amount(database_for: Any) -> None:
    database = database_for("forecast")
    await compared(
        database,
        equal_count=99,
        amounts=({"currency": "EUR", "crm": 1000, "ours": 1000, "equal": 970},),
    )

    found = await read(database, AT + HOUR)

    assert found["completeness"] == 0.97
    (one,) = found["compared"]
    assert (one.connection, one.state, one.share, one.compared_at) == ("hub", "compared", 0.97, AT)


async def test_too_much_is_as_wrong_as_too_little_and_makes_up_for_nothing_elsewhere(database_for: Any) -> None:
    database = database_for("forecast")
    more = {"currency": "EUR", "crm": 1000, "ours": 1250, "equal": 1000}
    less = {"currency": "EUR", "crm": 1000, "ours": 750, "equal": 750}
    await compared(database, "hub", our_count=125, amounts=(more,))
    await compared(database, "sf", our_count=75, equal_count=75, amounts=(less,))

    found = await read(database, AT + HOUR)

    assert found["completeness"] == pytest.approx(175 / 225, abs=1e-6)
    assert [each.share for each in found["compared"]] == [0.8, 0.75]


async def test_amounts_of_several_currencies_are_weighed_by_their_rates(database_for: Any) -> None:
    database = database_for("forecast")
    lost = {"currency": "JPY", "crm": 100, "ours": 0, "equal": 0}
    whole = {"currency": "EUR", "crm": 1000, "ours": 1000, "equal": 1000}
    await compared(database, amounts=(lost, whole))

    found = await read(database, AT + HOUR)

    assert 0.99 < found["completeness"] < 1


@pytest.mark.parametrize(("hours", "completeness"), [(24, 1.0), (25, None)])
async def test_a_comparison_holds_for_a_day(database_for: Any, hours: int, completeness: float | None) -> None:
    database = database_for("forecast")
    await compared(database)

    found = await read(database, AT, known_at=AT)
    later = await read(database, AT + hours * HOUR - timedelta(seconds=1))

    assert (found["completeness"], later["completeness"]) == (1.0, completeness)
    assert later["compared"][0].state == ("compared" if completeness else "too_old")


async def test_a_connection_with_deals_that_cannot_be_asked_leaves_the_whole_unknown(database_for: Any) -> None:
    database = database_for("forecast")
    await compared(database, "hub")
    await refused(database, "std", outcome="not_asked", reason="no list", our_count=3)

    found = await read(database, AT + HOUR)

    assert found["completeness"] is None
    assert [(each.connection, each.state, each.reason) for each in found["compared"]] == [
        ("hub", "compared", None),
        ("std", "never", "no list"),
    ]


async def test_a_connection_without_deals_need_not_be_asked(database_for: Any) -> None:
    database = database_for("forecast")
    await compared(database, "hub")
    await refused(database, "std", outcome="not_asked", reason="no list", our_count=0)

    found = await read(database, AT + HOUR)

    assert (found["completeness"], [each.connection for each in found["compared"]]) == (1.0, ["hub"])


async def test_a_refusal_leaves_the_last_comparison_standing_and_is_told(database_for: Any) -> None:
    database = database_for("forecast")
    await compared(database)
    await refused(database, begun_at=AT + HOUR)

    found = await read(database, AT + 2 * HOUR)

    assert found["completeness"] == 1.0
    assert (found["compared"][0].reason, found["compared"][0].compared_at) == ("status 429", AT)


async def test_deals_that_were_all_under_way_were_not_compared(database_for: Any) -> None:
    database = database_for("forecast")
    await compared(database, our_count=0, crm_count=0, equal_count=0, under_way=5, amounts=())

    assert (await read(database, AT + HOUR))["completeness"] is None


async def test_what_was_known_stays_known_as_it_was(database_for: Any) -> None:
    database = database_for("forecast")
    await handle(database, [deal("D-1")])
    await compared(database, equal_count=50)
    await compared(database, begun_at=AT + timedelta(minutes=1), recorded_at=AT + 3 * HOUR)

    before = await read(database, AT + 4 * HOUR, known_at=AT + 2 * HOUR)
    after = await read(database, AT + 4 * HOUR, known_at=AT + 3 * HOUR)

    assert (before["completeness"], after["completeness"]) == (0.5, 1.0)


MONDAY = datetime(2024, 11, 25, 11, tzinfo=UTC)
"""Noon in Berlin."""
POSITION = """
    INSERT INTO consumer_position (topic, partition, cluster, log, next_offset, origin, recorded_to)
    SELECT 'deal-events', n, 'c', 'l', 0, :at, :at FROM generate_series(0, 5) n
    ON CONFLICT (topic, partition) DO UPDATE SET origin = excluded.origin, recorded_to = excluded.recorded_to
"""


@pytest.mark.parametrize(("equal", "state"), [(99, "complete"), (98, "incomplete"), (None, "unknown")])
async def test_a_lock_is_complete_or_not_by_the_share_of_the_crms_deals(
    database_for: Any, equal: int | None, state: str
) -> None:
    database = database_for("forecast")
    await handle(database, [deal("D-1")])
    with at(MONDAY - HOUR):
        await locks.make_due(database, principal=SYSTEM)
    if equal is not None:
        await compared(database, begun_at=MONDAY - HOUR, equal_count=equal)
    await compared(database, begun_at=MONDAY - HOUR / 2, recorded_at=MONDAY + HOUR, equal_count=1)
    async with database.transaction() as session:
        await session.execute(text(POSITION), {"at": MONDAY})
    with at(MONDAY + timedelta(minutes=1)):
        await locks.make_due(database, principal=SYSTEM)

    (lock,) = await rows(database, "SELECT state, completeness FROM forecast_lock")
    assert lock == {"state": state, "completeness": None if equal is None else Decimal(equal) / 100}
