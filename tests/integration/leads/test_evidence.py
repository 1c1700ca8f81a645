"""What is known of a lead is kept for good, read over merges, asked for by a gate, and handed to deals once."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from libs.common.config import CommonSettings
from libs.common.db import Database
from libs.common.web.auth import Principal
from libs.common.web.evidence import EvidenceIn
from services.leads.duplicates import service as duplicates
from services.leads.evidence import service as evidence
from services.leads.register import service as register
from tests.integration.leads.given import deal, empty, handle, received
from tests.support.keys import bearer
from tests.unit.leads.records import LEAD, WINNER, record

OTHER = UUID("00000000-0000-7000-8000-00000000000c")
SYSTEM = Principal.system("test")
WHY = {"reason": "they asked for an offer"}
NEED = {"element": "bant.need", "state": "evidenced", "source": "call", "note": "their press stands still"}


def lead(lead_id: UUID, minute: int = 1, **fields: Any) -> Any:
    found = record(minute, **fields).model_copy(update={"lead_id": lead_id, "external_id": str(lead_id)})
    return received(found, lead_id)


async def handed(database: Database) -> list[tuple[str, str]]:
    """(lead, note) of the statements handed over, in the order in which they leave."""
    async with database.reading() as session:
        rows = await session.execute(
            text("SELECT data FROM outbox WHERE type LIKE '%evidence.handed%' ORDER BY txid, position")
        )
        told = [orjson.loads(row.data) for row in rows]
    return [(each["lead_id"], each["entry"]["note"]) for each in told]


async def test_a_statement_is_read_with_author_source_and_date_and_the_gate_says_what_is_lacking(
    api_for: Callable[..., Any],
) -> None:
    client, runtime = api_for("leads")
    await handle(runtime.database, lead(LEAD))
    made = await client.post(f"/v1/leads/{LEAD}/evidence", json=NEED, headers=bearer("seller", subject="sam"))
    assert made.status_code == 201, made.text
    found = (await client.get(f"/v1/leads/{LEAD}/evidence", headers=bearer("viewer"))).json()
    assert found["elements"] == made.json()["elements"]
    need = next(each for each in found["elements"] if each["element"] == "bant.need")
    assert (need["state"], need["is_fresh"], need["name"]) == ("evidenced", True, "Need")
    (entry,) = found["entries"]
    assert (entry["author"], entry["source"], entry["note"]) == ("sam", "call", NEED["note"])
    assert [lack["name"] for lack in found["gate"]["lacking"]] == ["Authority", "Timing"]


async def test_an_enforced_gate_refuses_by_name_until_enough_is_known(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("leads")
    await handle(runtime.database, lead(LEAD))
    rule = {"requires": {"bant.need": "evidenced"}, "enforced": True}
    assert (await client.put("/v1/leads/gate", json=rule, headers=bearer("seller"))).status_code == 403
    put = await client.put("/v1/leads/gate", json=rule, headers=bearer("sales_ops"))
    assert (put.status_code, put.json()["version"]) == (200, 1)
    refused = await client.post(f"/v1/leads/{LEAD}/qualify", json=WHY, headers=bearer("manager"))
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:foretell:problem:evidence-lacking")
    assert "Need: nothing is known, wanted evidenced" in refused.json()["detail"]
    await client.post(f"/v1/leads/{LEAD}/evidence", json=NEED, headers=bearer("seller"))
    assert (await client.post(f"/v1/leads/{LEAD}/qualify", json=WHY, headers=bearer("manager"))).status_code == 200


async def test_what_is_known_is_handed_over_once_when_sales_accepts_and_then_belongs_to_the_deal(
    api_for: Callable[..., Any],
) -> None:
    client, runtime = api_for("leads")
    await handle(runtime.database, lead(LEAD))
    await client.post(f"/v1/leads/{LEAD}/evidence", json=NEED, headers=bearer("seller"))
    assert await handed(runtime.database) == []
    await client.post(f"/v1/leads/{LEAD}/qualify", json=WHY, headers=bearer("manager"))
    assert await handed(runtime.database) == [(str(LEAD), NEED["note"])]
    late = await client.post(f"/v1/leads/{LEAD}/evidence", json=NEED, headers=bearer("seller"))
    assert (late.status_code, late.json()["type"]) == (409, "urn:foretell:problem:evidence-belongs-to-the-deal")
    await client.post(f"/v1/leads/{LEAD}/reopen", json=WHY, headers=bearer("manager"))
    more = NEED | {"note": "and they have a date"}
    assert (await client.post(f"/v1/leads/{LEAD}/evidence", json=more, headers=bearer("seller"))).status_code == 201
    await client.post(f"/v1/leads/{LEAD}/qualify", json=WHY, headers=bearer("manager"))
    assert await handed(runtime.database) == [(str(LEAD), NEED["note"]), (str(LEAD), more["note"])]


@pytest.mark.parametrize("accepts", ["crm", "deal"])
async def test_it_does_not_matter_who_accepts_the_lead(api_for: Callable[..., Any], accepts: str) -> None:
    client, runtime = api_for("leads")
    await handle(runtime.database, lead(LEAD))
    await client.post(f"/v1/leads/{LEAD}/evidence", json=NEED, headers=bearer("seller"))
    await handle(runtime.database, lead(LEAD, 2, status="qualified") if accepts == "crm" else deal(OTHER, LEAD))
    assert await handed(runtime.database) == [(str(LEAD), NEED["note"])]


async def test_a_merge_brings_what_was_known_along_and_hands_it_over_where_the_other_was_accepted(
    api_for: Callable[..., Any],
) -> None:
    client, runtime = api_for("leads")
    await handle(runtime.database, lead(LEAD), lead(WINNER, status="qualified"))
    await client.post(f"/v1/leads/{LEAD}/evidence", json=NEED, headers=bearer("seller"))
    await client.post(f"/v1/leads/{LEAD}/merge", json=WHY | {"into": str(WINNER)}, headers=bearer("seller"))
    found = (await client.get(f"/v1/leads/{WINNER}/evidence", headers=bearer("viewer"))).json()
    assert [(entry["lead_id"], entry["note"]) for entry in found["entries"]] == [(str(LEAD), NEED["note"])]
    assert await handed(runtime.database) == [(str(LEAD), NEED["note"])]


async def test_nothing_that_was_said_can_be_changed_or_removed(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("leads")
    await handle(runtime.database, lead(LEAD))
    await client.post(f"/v1/leads/{LEAD}/evidence", json=NEED, headers=bearer("seller"))
    for statement in ("UPDATE lead_evidence SET at = now()", "DELETE FROM lead_evidence"):
        with pytest.raises(DBAPIError, match="permission denied"):
            async with runtime.database.transaction() as session:
                await session.execute(text(statement))


IDS = (LEAD, WINNER, OTHER)
acts = st.lists(
    st.one_of(
        st.tuples(st.just("say"), st.sampled_from(IDS)),
        st.tuples(st.just("merge"), st.sampled_from(IDS), st.sampled_from(IDS)),
        st.tuples(st.just("unmerge"), st.sampled_from(IDS)),
        st.tuples(st.just("record"), st.sampled_from(IDS), st.sampled_from(["working", "qualified"])),
    ),
    min_size=4,
    max_size=12,
)


async def test_whatever_is_merged_and_taken_back_no_statement_is_lost_or_handed_over_twice(
    settings_for: Callable[[str], CommonSettings],
) -> None:
    chosen = settings_for("leads")
    database = Database(chosen)
    loop = asyncio.get_running_loop()

    @settings(max_examples=25)
    @given(wanted=acts)
    def nothing_is_lost(wanted: Any) -> None:
        asyncio.run_coroutine_threadsafe(_check(chosen, database, wanted), loop).result(60)

    await asyncio.to_thread(nothing_is_lost)
    await database.close()


async def _check(chosen: CommonSettings, database: Database, wanted: Any) -> None:
    await empty(chosen, "lead_input", "lead", "lead_evidence", "lead_evidence_handed", "outbox")
    await handle(database, *(lead(each) for each in IDS))
    said: dict[UUID, set[UUID]] = {each: set() for each in IDS}
    for minute, (act, one, *rest) in enumerate(wanted, start=2):
        try:
            async with database.transaction() as session:
                if act == "say":
                    told = EvidenceIn(element="bant.need", state="claimed", source="call", note="x")
                    entry = await evidence.record(session, one, told, principal=SYSTEM)
                    said[one].add(entry.entry_id)
                elif act == "merge":
                    await duplicates.merge(session, one, into=rest[0], reason="x", if_match=None, principal=SYSTEM)
                elif act == "unmerge":
                    await duplicates.unmerge(session, one, reason="x", if_match=None, principal=SYSTEM)
        except (
            register.LeadIsGone,
            duplicates.MergeIntoItself,
            duplicates.NotMerged,
            evidence.EvidenceBelongsToTheDeal,
        ):
            pass
        if act == "record":
            await handle(database, lead(one, minute, status=rest[0]))
    async with database.reading() as session:
        rows = await session.execute(text("SELECT lead_id, merged_into, verdict FROM lead"))
        leads = {row.lead_id: row for row in rows}
        stands_for = {each: _root(each, leads) for each in IDS}
        for root in set(stands_for.values()):
            known = await evidence.read(session, root, principal=SYSTEM)
            theirs = [each for each in IDS if stands_for[each] == root]
            assert {of.entry.entry_id for of in known.entries} == set().union(*(said[each] for each in theirs))
    told = [UUID(entry) for entry in await _handed_ids(database)]
    assert len(told) == len(set(told))
    accepted = [each for each in IDS if leads[stands_for[each]].verdict == "qualified"]
    assert set(told) >= set().union(*(said[each] for each in accepted))


def _root(lead_id: UUID, leads: dict[UUID, Any]) -> UUID:
    while leads[lead_id].merged_into is not None:
        lead_id = leads[lead_id].merged_into
    return lead_id


async def _handed_ids(database: Database) -> list[str]:
    async with database.reading() as session:
        rows = await session.execute(text("SELECT data FROM outbox WHERE type LIKE '%evidence.handed%'"))
        return [orjson.loads(row.data)["entry"]["entry_id"] for row in rows]
