import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from libs.common.config import CommonSettings
from libs.common.db import Database
from libs.common.events.crm import CrmLeadChanged
from libs.common.ids import provisional_deal_id
from tests.integration.leads.given import deal, empty, handle, leads, published, received
from tests.unit.leads.records import LEAD, WINNER, at, record, records

OTHER = UUID("00000000-0000-7000-8000-00000000000c")
DEAL = UUID("00000000-0000-7000-8000-0000000000d1")


async def test_a_lead_from_the_crm_is_captured_scored_and_published_once(
    database_for: Callable[[str], Database],
) -> None:
    database = database_for("leads")
    news = received(
        record(1, company="Acme", employees=5000, segment="Enterprise", engagement_count=9, last_activity_at=at(0)),
        LEAD,
    )
    await handle(database, news)
    await handle(database, received(news.data, LEAD))
    assert await published(database) == ["captured"]
    async with database.reading() as session:
        row = (await session.execute(text("SELECT version, fit, grade, verdict FROM lead"))).one()
    assert tuple(row) == (1, "A", "A3", "pending")


async def test_a_qualification_in_the_crm_is_published_with_its_time(database_for: Callable[[str], Database]) -> None:
    database = database_for("leads")
    await handle(database, received(record(1), LEAD), received(record(2, status="qualified"), LEAD))
    await handle(database, received(record(3, status="disqualified"), LEAD))
    await handle(database, received(record(4, status="working"), LEAD), received(record(5, deleted=True), LEAD))
    await handle(database, received(record(6, status="working"), LEAD))
    assert await published(database) == ["captured", "qualified", "rejected", "reopened", "removed", "changed"]
    async with database.reading() as session:
        told = await session.execute(
            text("SELECT convert_from(data, 'UTF8')::jsonb ->> 'verdict_at' FROM outbox ORDER BY txid, position")
        )
        assert [row[0] and row[0][14:16] for row in told] == [None, "02", "03", "04", "04", "04"]


async def test_what_is_published_does_not_depend_on_how_records_are_batched(
    database_for: Callable[[str], Database],
) -> None:
    history = [record(1), record(2, status="qualified"), record(3, status="qualified", company="Acme"), record(2)]
    one_by_one, at_once = database_for("leads"), database_for("leads")
    for news in history:
        await handle(one_by_one, received(news, LEAD))
    await handle(at_once, *(received(news, LEAD) for news in history))
    assert await published(one_by_one) == await published(at_once)
    assert await leads(one_by_one) == await leads(at_once)


async def test_a_real_deal_is_the_leads_conversion_and_a_provisional_one_is_not(
    database_for: Callable[[str], Database],
) -> None:
    database = database_for("leads")
    await handle(database, received(record(1), LEAD))
    await handle(database, deal(provisional_deal_id(LEAD), LEAD, provisional=True))
    assert await published(database) == ["captured"]
    await handle(database, deal(DEAL, LEAD))
    await handle(database, deal(DEAL, LEAD))
    assert await published(database) == ["captured", "changed"]
    await handle(database, deal(DEAL, OTHER, version=2))
    assert '"converted_deal_id": null' in (await leads(database))[0]["state"]


async def test_a_deal_that_arrives_before_its_lead_is_remembered(database_for: Callable[[str], Database]) -> None:
    database = database_for("leads")
    await handle(database, deal(DEAL, LEAD, version=1))
    assert await leads(database) == []
    await handle(database, received(record(1), LEAD))
    assert str(DEAL) in (await leads(database))[0]["state"]


async def test_an_old_entry_of_a_deals_timeline_does_not_bring_its_lead_back(
    database_for: Callable[[str], Database],
) -> None:
    database = database_for("leads")
    await handle(database, received(record(1), LEAD))
    await handle(database, deal(DEAL, None, version=2))
    await handle(database, deal(DEAL, LEAD, version=1))
    assert str(DEAL) not in (await leads(database))[0]["state"]


async def test_two_workers_on_one_lead_lose_neither_record_nor_deal(database_for: Callable[[str], Database]) -> None:
    database = database_for("leads")
    await asyncio.gather(
        handle(database, received(record(1, company="Acme"), LEAD)),
        handle(database, received(record(2, company="Birch"), LEAD)),
        handle(database, deal(DEAL, LEAD)),
    )
    (row,) = await leads(database)
    assert '"company": "Birch"' in row["state"]
    assert str(DEAL) in row["state"]


_messages = st.one_of(
    records.map(lambda found: received(found, LEAD)),
    records.map(lambda found: received(found.model_copy(update={"lead_id": OTHER, "merged_into": WINNER}), OTHER)),
    st.builds(
        deal,
        st.sampled_from([DEAL, WINNER]),
        st.sampled_from([LEAD, OTHER, None]),
        version=st.integers(1, 3),
        removed=st.booleans(),
    ),
)


def _one_content_per_deal_version(messages: list[Any]) -> list[Any]:
    """A producer never publishes two contents under one version of a deal."""
    seen: dict[tuple[UUID, int], Any] = {}
    return [
        news if isinstance(news.data, CrmLeadChanged) else seen.setdefault((news.key, news.data.version), news)
        for news in messages
    ]


async def test_any_order_repetition_and_batching_of_events_ends_in_the_same_leads(
    settings_for: Callable[[str], CommonSettings],
) -> None:
    chosen = settings_for("leads")
    database = Database(chosen)
    loop = asyncio.get_running_loop()

    @settings(max_examples=25)
    @given(data=st.data(), messages=st.lists(_messages, min_size=1, max_size=8).map(_one_content_per_deal_version))
    def converges(data: st.DataObject, messages: list[Any]) -> None:
        repeated = messages + data.draw(st.lists(st.sampled_from(messages), max_size=4))
        shuffled = data.draw(st.permutations(repeated))
        size = data.draw(st.integers(1, 4))

        async def compare() -> tuple[Any, Any]:
            return await _outcome(chosen, database, messages, 1), await _outcome(chosen, database, shuffled, size)

        plain, other = asyncio.run_coroutine_threadsafe(compare(), loop).result(60)
        assert plain == other

    await asyncio.to_thread(converges)
    await database.close()


async def _outcome(chosen: CommonSettings, database: Database, messages: list[Any], size: int) -> Any:
    await empty(chosen, "lead_input", "lead", "deal_link", "outbox")
    for start in range(0, len(messages), size):
        by_door: dict[bool, list[Any]] = {}
        for news in messages[start : start + size]:
            by_door.setdefault(isinstance(news.data, CrmLeadChanged), []).append(news)
        for batch in by_door.values():
            await handle(database, *batch)
    return await leads(database)
