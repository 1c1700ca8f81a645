"""Any order and repetition of what happens to deals ends in the same books."""

from collections.abc import Callable, Sequence

import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.common.db import Database
from libs.common.events.base import EventData
from tests.integration.deals.books import Books, apply, books
from tests.unit.deals.given import arrivals_of, histories


class _Undo(Exception):
    pass


@pytest_asyncio.fixture
async def database(database_for: Callable[[str], Database]) -> Database:
    return database_for("deals")


async def outcome(database: Database, batches: Sequence[Sequence[EventData]]) -> Books:
    """The books after the batches; nothing of it stays."""
    found: Books | None = None
    try:
        async with database.transaction() as session:
            for batch in batches:
                await apply(session, batch)
            found = await books(session)
            raise _Undo
    except _Undo:
        assert found is not None
        return found


def in_order(events: Sequence[EventData]) -> list[EventData]:
    return sorted(events, key=lambda event: str(getattr(event, "valid_from", None) or event.clock.order()))  # type: ignore[attr-defined]


@settings(max_examples=40)
@given(data=st.data())
async def test_any_order_and_repetition_of_inputs_gives_the_same_books(database: Database, data: st.DataObject) -> None:
    events = data.draw(histories())
    batches = data.draw(arrivals_of(events))

    assert await outcome(database, batches) == await outcome(database, [[event] for event in in_order(events)])


@settings(max_examples=20)
@given(data=st.data())
async def test_one_batch_equals_many(database: Database, data: st.DataObject) -> None:
    events = data.draw(histories())

    assert await outcome(database, [events]) == await outcome(database, [[event] for event in events])
