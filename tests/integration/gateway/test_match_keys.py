"""The gateway tells by keyed digests that people are one; names, mails and phones never leave it."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import orjson
from pydantic import SecretStr
from sqlalchemy import text

from gateway.people.keeping import tell_keys
from libs.common.db import Database
from libs.common.matching import Matcher
from simulator import senders
from simulator.fakecrm.state import CrmState
from tests.integration.gateway.conftest import MATCH_KEY, Gateway
from tests.integration.gateway.records import lead

PROVIDERS = ("hubspot", "salesforce", "pipedrive", "standard")
NOBODY: dict[str, Any] = {"mail": None, "phone": None, "domain": None, "name": None}


async def _told(gateway: Gateway) -> list[tuple[UUID, int, dict[str, Any]]]:
    """Key, version and keys of every event about a person since this was asked last, the oldest first."""
    await tell_keys(gateway.runtime)
    return await _outbox(gateway)


async def _outbox(gateway: Gateway) -> list[tuple[UUID, int, dict[str, Any]]]:
    query = "SELECT key, aggregate_version, data FROM outbox WHERE type = 'crm.person.keyed.v1' ORDER BY txid, position"
    rows = [(row["key"], row["aggregate_version"], orjson.loads(row["data"])) for row in await gateway.rows(query)]
    async with gateway.runtime.database.transaction() as session:
        await session.execute(text("DELETE FROM outbox"))
    for key, _, content in rows:
        assert content.pop("person_id") == str(key)
    return [(key, version, NOBODY | content) for key, version, content in rows]


async def _run(gateway: Gateway, statement: str, **parameters: Any) -> None:
    async with gateway.runtime.database.transaction() as session:
        await session.execute(text(statement), parameters)


async def test_one_person_has_the_same_keys_in_every_crm_and_no_text_of_them_leaves(
    gateway: Gateway, crm: CrmState
) -> None:
    for provider in PROVIDERS:
        record = lead(provider)
        if provider in ("hubspot", "pipedrive"):
            crm.put_lead(provider, record)
        await gateway.send(senders.lead_request(gateway.connection(provider), record))
        if provider == "pipedrive":
            await gateway.send(senders.person_request(gateway.connection(provider), record))
    await gateway.understand()
    await gateway.fetch()
    await gateway.understand()
    everything = str(await gateway.rows("SELECT data FROM outbox"))
    told = await _told(gateway)
    known = lead("standard")
    keys = Matcher(MATCH_KEY).keys(name=known.person_name, email=known.email, phone=known.phone)
    expected = {"mail": keys.mail, "phone": keys.phone, "domain": keys.domain, "name": keys.name}
    people = await gateway.rows("SELECT id FROM person WHERE kind <> 'user'")
    assert {key for key, _, _ in told} == {row["id"] for row in people}
    assert len(told) == len(PROVIDERS)
    assert [content for _, _, content in told] == [expected] * len(PROVIDERS)
    assert not [word for word in ("Ada", "Brandt", "ada@", "49 30 1234") if word in everything + str(told)]
    assert await _told(gateway) == [], "nobody changed, so nothing is told"


async def test_a_change_is_told_anew_and_an_erased_person_has_no_keys_whatever_deleted_it(gateway: Gateway) -> None:
    await gateway.send(senders.lead_request(gateway.connection("standard"), lead("standard")))
    await gateway.understand()
    ((person, first, before),) = await _told(gateway)
    await _run(
        gateway, "UPDATE person SET email = 'a@else.example', updated_at = clock_timestamp() WHERE kind = 'lead'"
    )
    ((_, second, after),) = await _told(gateway)
    assert (after["phone"], after["name"]) == (before["phone"], before["name"])
    assert after["mail"] not in (None, before["mail"])

    await _run(gateway, "DELETE FROM person WHERE id = :id", id=person)
    await gateway.send(senders.lead_request(gateway.connection("standard"), lead("standard", role="Founder")))
    await gateway.understand()
    (_, third, gone), (_, fourth, again) = await _told(gateway)
    assert (gone, again) == (NOBODY, before)
    assert first < second < third < fourth


async def test_with_another_secret_everybody_is_told_again_and_without_one_nobody(gateway: Gateway) -> None:
    await gateway.send(senders.lead_request(gateway.connection("standard"), lead("standard")))
    await gateway.understand()
    ((_, _, before),) = await _told(gateway)
    told = []
    for secret in ("another", ""):
        other = Database(gateway.runtime.settings.model_copy(update={"match_key": SecretStr(secret)}))
        await tell_keys(replace(gateway.runtime, database=other))
        await other.close()
        told.append([content for _, _, content in await _outbox(gateway)])
        await _run(gateway, "UPDATE person SET updated_at = clock_timestamp()")
    (after,) = told[0]
    assert told[1] == []
    assert not set(before.values()) & set(after.values())
