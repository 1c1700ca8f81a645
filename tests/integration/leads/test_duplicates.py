"""Leads that may be one are found with why; merging and un-merging lose nothing, in any order."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from libs.common.config import CommonSettings
from libs.common.db import Database
from libs.common.events.crm import CrmPersonKeyed
from libs.common.ids import new_id
from libs.common.matching import Matcher
from libs.common.web.auth import Principal
from services.leads.duplicates import service as duplicates
from services.leads.register import service as register
from tests.integration.leads.given import deal, empty, handle, leads, published, received
from tests.support.keys import bearer
from tests.unit.leads.records import LEAD, WINNER, record

OTHER = UUID("00000000-0000-7000-8000-00000000000c")
SYSTEM = Principal.system("test")
WHY = {"reason": "the same company"}


def lead(lead_id: UUID, minute: int = 1, **fields: Any) -> Any:
    found = record(minute, **fields).model_copy(update={"lead_id": lead_id, "external_id": str(lead_id)})
    return received(found, lead_id)


async def compare(database: Database) -> None:
    async with database.transaction() as session:
        while await duplicates.compare_next(session, principal=SYSTEM):
            pass


async def suggested(client: Any, **params: str) -> list[tuple[frozenset[str], list[str]]]:
    page = (await client.get("/v1/leads/duplicates", params=params, headers=bearer("viewer"))).json()
    return [(frozenset((one["one"], one["other"])), [why["rule"] for why in one["reasons"]]) for one in page["items"]]


async def test_leads_alike_are_suggested_with_why_the_likeliest_first(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("leads")
    contact = {"name": "Ida Holm", "email": "ida@nordwind.example", "phone": "+49 30 1234567"}
    made = [
        (await client.post("/v1/leads", json={"company": company, "contact": who}, headers=bearer("seller"))).json()
        for company, who in (("Nordwind GmbH", contact), ("Nord Wind", contact | {"email": "i.holm@nordwind.example"}))
    ]
    await handle(runtime.database, lead(LEAD, company="Nordwind AG"), lead(OTHER, company="Birch Paper"))
    await compare(runtime.database)
    found = await suggested(client)
    assert found[0] == (
        frozenset(each["lead_id"] for each in made),
        ["same phone", "company alike", "same domain", "same name"],
    )
    assert {pair for pair, _ in found[1:]} == {frozenset((str(LEAD), each["lead_id"])) for each in made}
    assert not any(str(OTHER) in pair for pair, _ in found)
    assert {pair for pair, _ in await suggested(client, lead=str(LEAD))} == {pair for pair, _ in found[1:]}


MATCHER = Matcher("a secret of this deployment")
PERSON, ANOTHER = (UUID(f"00000000-0000-7000-8000-0000000000f{last}") for last in "12")


def keyed(person_id: UUID, version: int, **known: str | None) -> Any:
    """What the gateway tells of a person of a CRM; nothing known: the person was erased."""
    keys = MATCHER.keys(**{"name": None, "email": None, "phone": None} | known)
    return received(
        CrmPersonKeyed(person_id=person_id, mail=keys.mail, phone=keys.phone, domain=keys.domain, name=keys.name),
        person_id,
        version,
    )


@pytest.fixture
def with_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORETELL_MATCH_KEY", "a secret of this deployment")


async def test_leads_of_crms_and_leads_captured_here_are_found_by_mail_phone_and_name(
    with_secret: None, api_for: Callable[..., Any]
) -> None:
    client, runtime = api_for("leads")
    ida = {"name": "Ida Holm", "email": "ida@nordwind.example", "phone": "+49 30 1234567"}
    made = await client.post("/v1/leads", json={"company": "Nordwind", "contact": ida}, headers=bearer("seller"))
    captured = made.json()["lead_id"]
    # The person's keys may come before the lead or after it, once or twice, in any order.
    again = keyed(PERSON, 2, name="Holm, Ida", email="Ida+crm@nordwind.example")
    await handle(runtime.database, again, keyed(PERSON, 1, email="old@elsewhere.example"))
    await handle(
        runtime.database, lead(LEAD, person_id=PERSON, company="NW"), lead(OTHER, person_id=ANOTHER, company="X")
    )
    await compare(runtime.database)
    await handle(runtime.database, keyed(ANOTHER, 3, phone="030/1234567"), again)
    await compare(runtime.database)
    by_mail = (frozenset((captured, str(LEAD))), ["same mail", "same domain", "same name"])
    by_phone = (frozenset((captured, str(OTHER))), ["same phone"])
    assert await suggested(client) == [by_mail, by_phone]

    await handle(runtime.database, keyed(PERSON, 4))
    await compare(runtime.database)
    assert await suggested(client) == [by_phone], "an erased person is compared no longer"
    await handle(runtime.database, again)
    async with runtime.database.transaction() as session:
        await session.execute(text("DELETE FROM lead_person"))
    await compare(runtime.database)
    assert await suggested(client) == []
    async with runtime.database.reading() as session:
        kinds = await session.scalars(text("SELECT kind FROM lead_key WHERE kind NOT IN ('start', 'word')"))
        assert list(kinds) == ["phone"], "only what the CRM still tells of somebody is compared"


async def test_with_another_secret_leads_captured_here_have_other_keys(
    with_secret: None, api_for: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, runtime = api_for("leads")
    contact = {"email": "ida@nordwind.example"}
    await client.post("/v1/leads", json={"company": "Nordwind", "contact": contact}, headers=bearer("seller"))
    keys = text("SELECT key FROM lead_key WHERE kind = 'mail'")
    found = []
    for secret in (MATCHER, Matcher("another")):
        monkeypatch.setattr(duplicates, "Matcher", lambda _, made=secret: made)
        await compare(runtime.database)
        async with runtime.database.reading() as session:
            found.append(await session.scalar(keys))
    assert found == [each.keys(name=None, phone=None, **contact).mail for each in (MATCHER, Matcher("another"))]


async def test_a_pair_told_apart_or_merged_is_suggested_no_longer_and_again_when_unmerged(
    api_for: Callable[..., Any],
) -> None:
    client, runtime = api_for("leads")
    await handle(runtime.database, *(lead(each, company="Acme") for each in (LEAD, WINNER, OTHER)))
    await compare(runtime.database)
    assert len(await suggested(client)) == 3
    told = await client.post(f"/v1/leads/{OTHER}/apart", json=WHY | {"other": str(WINNER)}, headers=bearer("seller"))
    assert told.status_code == 204
    assert len(await suggested(client)) == 2
    await client.post(f"/v1/leads/{LEAD}/merge", json=WHY | {"into": str(WINNER)}, headers=bearer("seller"))
    assert await suggested(client) == []
    await client.post(f"/v1/leads/{LEAD}/unmerge", json=WHY, headers=bearer("seller"))
    await compare(runtime.database)
    assert len(await suggested(client)) == 2


async def test_every_change_of_a_lead_is_compared_anew(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("leads")
    await handle(runtime.database, lead(LEAD, company="Acme"), lead(WINNER, company="Birch Paper"))
    await compare(runtime.database)
    assert await suggested(client) == []
    await handle(runtime.database, lead(WINNER, 2, company="Acme Inc"))
    await compare(runtime.database)
    assert len(await suggested(client)) == 1
    await handle(runtime.database, lead(LEAD, 3, company="Cedar"))
    await compare(runtime.database)
    assert await suggested(client) == []


async def test_a_person_merges_and_unmerges_and_the_events_say_so(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("leads")
    await handle(runtime.database, lead(LEAD, company="Acme"), lead(WINNER, company="Acme"))
    headers = bearer("manager", subject="mia")
    merged = await client.post(f"/v1/leads/{LEAD}/merge", json=WHY | {"into": str(WINNER)}, headers=headers)
    assert (merged.status_code, merged.json()["merged_into"], merged.json()["deleted"]) == (200, str(WINNER), True)
    listed = await client.get(f"/v1/leads/{WINNER}/merged", headers=headers)
    assert [each["lead_id"] for each in listed.json()["items"]] == [str(LEAD)]
    again = await client.post(f"/v1/leads/{LEAD}/merge", json=WHY | {"into": str(OTHER)}, headers=headers)
    assert again.status_code == 404
    circle = await client.post(f"/v1/leads/{WINNER}/merge", json=WHY | {"into": str(LEAD)}, headers=headers)
    assert (circle.status_code, circle.json()["type"]) == (409, "urn:foretell:problem:lead-is-gone")
    back = await client.post(f"/v1/leads/{LEAD}/unmerge", json=WHY, headers=headers)
    assert (back.json()["merged_into"], back.json()["deleted"]) == (None, False)
    assert await published(runtime.database) == ["captured", "captured", "removed", "changed"]
    twice = await client.post(f"/v1/leads/{LEAD}/unmerge", json=WHY, headers=headers)
    assert (twice.status_code, twice.json()["type"]) == (409, "urn:foretell:problem:not-merged")


async def test_a_merge_of_the_crm_is_not_taken_back_here(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("leads")
    await handle(runtime.database, lead(LEAD), lead(WINNER), lead(LEAD, 2, merged_into=WINNER))
    answer = await client.post(f"/v1/leads/{LEAD}/unmerge", json=WHY, headers=bearer("manager"))
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:foretell:problem:merged-in-the-crm")


async def test_a_qualified_lead_takes_its_verdict_along_and_back(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("leads")
    headers = bearer("manager")
    await handle(runtime.database, lead(LEAD, status="qualified"), lead(WINNER))
    await client.post(f"/v1/leads/{LEAD}/merge", json=WHY | {"into": str(WINNER)}, headers=headers)
    winner = (await client.get(f"/v1/leads/{WINNER}", headers=headers)).json()
    assert (winner["verdict"], winner["verdict_reason"]) == (
        "qualified",
        f"qualified as lead {LEAD}, which is the same",
    )
    await client.post(f"/v1/leads/{LEAD}/unmerge", json=WHY, headers=headers)
    both = [(await client.get(f"/v1/leads/{each}", headers=headers)).json()["verdict"] for each in (LEAD, WINNER)]
    assert both == ["qualified", "pending"]


async def test_a_verdict_given_after_the_merge_stays_when_it_is_taken_back(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("leads")
    headers = bearer("manager")
    await handle(runtime.database, lead(LEAD, status="qualified"), lead(WINNER))
    await client.post(f"/v1/leads/{LEAD}/merge", json=WHY | {"into": str(WINNER)}, headers=headers)
    await client.post(f"/v1/leads/{WINNER}/reject", json=WHY, headers=headers)
    await client.post(f"/v1/leads/{LEAD}/unmerge", json=WHY, headers=headers)
    assert (await client.get(f"/v1/leads/{WINNER}", headers=headers)).json()["verdict"] == "rejected"


async def test_nobody_merges_what_they_may_not_see(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("leads")
    await handle(runtime.database, lead(LEAD), lead(WINNER))
    for headers, status in ((bearer("viewer"), 403), (bearer("seller", scope=(new_id(),)), 404)):
        answer = await client.post(f"/v1/leads/{LEAD}/merge", json=WHY | {"into": str(WINNER)}, headers=headers)
        assert answer.status_code == status


IDS = (LEAD, WINNER, OTHER)
crm_events = st.one_of(
    st.builds(
        lambda each, minute, company, status: lead(each, minute, company=company, status=status),
        st.sampled_from(IDS),
        st.integers(0, 5),
        st.sampled_from(["Acme", "Birch"]),
        st.sampled_from(["new", "qualified", "disqualified"]),
    ),
    st.builds(lambda each, version: deal(OTHER, each, version), st.sampled_from(IDS), st.integers(1, 2)),
)
acts = st.lists(st.tuples(st.sampled_from(IDS), st.sampled_from((None, *IDS))), min_size=2, max_size=6)


async def test_merges_taken_back_leave_the_leads_that_would_be_there_without_them(
    settings_for: Callable[[str], CommonSettings],
) -> None:
    chosen = settings_for("leads")
    database = Database(chosen)
    loop = asyncio.get_running_loop()

    @settings(max_examples=20)
    @given(data=st.data(), events=st.lists(crm_events, min_size=4, max_size=8), merges=acts)
    def nothing_is_lost(data: st.DataObject, events: list[Any], merges: Any) -> None:
        cuts = sorted(data.draw(st.lists(st.integers(0, len(events)), min_size=len(merges), max_size=len(merges))))

        async def both() -> tuple[Any, Any]:
            plain = await _outcome(chosen, database, events, [], [])
            return plain, await _outcome(chosen, database, events, merges, cuts)

        plain, merged = asyncio.run_coroutine_threadsafe(both(), loop).result(60)
        assert plain == merged

    await asyncio.to_thread(nothing_is_lost)
    await database.close()


async def _outcome(
    chosen: CommonSettings, database: Database, events: list[Any], merges: Any, cuts: list[int]
) -> list[dict[str, Any]]:
    """The leads after the events, with acts of people in between, all of their merges taken back at the end."""
    await empty(chosen, "lead_input", "lead", "deal_link", "outbox")
    for number, event in enumerate([*events, None]):
        for (one, other), cut in zip(merges, cuts, strict=True):
            if cut == number:
                await _act(database, one, other)
        if event is not None:
            await handle(database, event)
    for each in IDS:
        await _act(database, each, None)
    async with database.reading() as session:
        found = await session.execute(
            text(
                "SELECT state - 'version' - 'valid_from' - 'verdict_at' AS state FROM lead WHERE version > 0 ORDER BY 1"
            )
        )
        states = [row.state for row in found]
    for state in states:  # a verdict that came over is told as taken back by whom; that is all a merge leaves
        if str(state["verdict_reason"] or "").endswith("is another lead"):
            state["verdict_by"] = state["verdict_reason"] = None
    assert len(states) == len(await leads(database))
    return states


async def _act(database: Database, one: UUID, other: UUID | None) -> None:
    """Merge, or take a merge back; what is refused changes nothing."""
    try:
        async with database.transaction() as session:
            if other is None:
                await duplicates.unmerge(session, one, reason="no", if_match=None, principal=SYSTEM)
            else:
                await duplicates.merge(session, one, into=other, reason="yes", if_match=None, principal=SYSTEM)
    except (register.LeadNotFound, register.LeadIsGone, duplicates.MergeIntoItself, duplicates.NotMerged):
        pass
