"""Edits written to CRMs over HTTP: taken, refused in the CRM's words, met by another change, and healed after a crash."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from itertools import count
from typing import Any, cast

import httpx
import orjson
import pytest
import yaml
from sqlalchemy import text

from gateway.connections.cache import Connections
from gateway.connections.schemas import ConnectionIn
from gateway.consumers import HANDLERS
from gateway.writeback import service
from gateway.writeback.keeping import leased
from libs.common import clock
from libs.common.events.base import Received
from libs.common.events.deals import EditWanted
from libs.common.ids import entity_id, new_id
from libs.common.web.auth import Principal
from simulator.connections import documents
from simulator.fakecrm.state import CrmState
from tests.integration.gateway.conftest import SIMULATED, Gateway
from tests.integration.gateway.records import DEAL_IDS, deal
from tests.integration.gateway.test_dataverse import (
    DEAL,
    Environment,
    environment,  # noqa: F401 - a fixture
)

SEQUENCE = count(1)
PROVIDERS = ("hubspot", "salesforce", "pipedrive")
every_crm = pytest.mark.parametrize("provider", PROVIDERS)


@pytest.fixture
async def opted_in(gateway: Gateway, crm: CrmState) -> CrmState:
    for document in documents(SIMULATED.model_copy(update={"write_back": True})):
        await gateway.put_connection(document)
    async with gateway.runtime.database.transaction() as session:
        await (await session.connection()).exec_driver_sql("DELETE FROM write_back")
    return crm


def wanted(key: str, external_id: str, field: Any, value: str | None, *bases: str | None, **more: Any) -> EditWanted:
    return EditWanted(
        edit_id=new_id(),
        sequence=next(SEQUENCE),
        deal_id=entity_id(key, "deal", external_id),
        connection=key,
        external_id=external_id,
        field=field,
        wanted=value,
        bases=bases,
        currency="EUR",
        wanted_at=clock.now(),
        **more,
    )


def received(edit: EditWanted) -> Received[Any]:
    now = clock.now()
    return Received(edit, new_id(), edit.TYPE, edit.deal_id, now, now, 1, edit.TOPIC.name, 0)


async def want(gateway: Gateway, *edits: EditWanted) -> None:
    async with gateway.runtime.database.transaction() as session:
        await HANDLERS[EditWanted](session, [received(each) for each in edits])


async def write(gateway: Gateway, transport: httpx.AsyncBaseTransport | None = None, *, now: bool = True) -> int:
    """Write what is due, once; with `now` also what was put off."""
    if now:
        async with gateway.runtime.database.transaction() as session:
            await (await session.connection()).exec_driver_sql(
                "UPDATE write_back SET due_at = now() WHERE state = 'due'"
            )
    cache = Connections(gateway.runtime.database, cast("Any", gateway.runtime.settings))
    count = 0
    async with httpx.AsyncClient(transport=transport or gateway.crm, timeout=5) as http:
        for connection, due in await leased(gateway.runtime, cache, busy=[]):
            count += len(due)
            system = Principal.system("gateway")
            await service.write(gateway.runtime.database, connection, due, http, principal=system)
    return count


async def told(gateway: Gateway, kind: str = "crm.edit.answered.v1") -> list[dict[str, Any]]:
    rows = await gateway.rows("SELECT data FROM outbox WHERE type = :kind ORDER BY position", kind=kind)
    return [orjson.loads(row["data"]) for row in rows]


def key_of(provider: str) -> str:
    return SIMULATED.connection(cast("Any", provider)).key


@every_crm
async def test_every_field_is_written_and_the_record_comes_back_by_the_usual_path(
    provider: Any, gateway: Gateway, opted_in: CrmState
):
    before = deal(provider)
    opted_in.put_deal(provider, before)
    key, at = key_of(provider), DEAL_IDS[provider]
    soon = (clock.now() + timedelta(days=30)).date()
    edits = [
        wanted(key, at, "next_step", "Call the board", None),
        wanted(key, at, "close_date", soon.isoformat(), "2026-12-18"),
        wanted(key, at, "amount", "2000.10", "1234.50"),
        wanted(key, at, "stage", "Negotiate", "Propose"),
        wanted(key, at, "category", "best_case", "commit"),
    ]
    await want(gateway, *edits, *edits)

    assert await write(gateway) == 5

    after = opted_in.deal(provider, at)
    assert after is not None
    assert (after.next_step, after.close_date, after.amount) == ("Call the board", soon, Decimal("2000.10"))
    assert (after.stage, after.category, after.name) == ("Negotiate", "best_case", before.name)
    answers = await told(gateway)
    assert [each["outcome"] for each in answers] == ["taken"] * 5
    assert await write(gateway) == 0, "each is written once"
    assert await gateway.fetch() == 1
    (record,) = await told(gateway, "crm.deal.changed.v1")
    assert (record["amount"], record["stage"], record["close_date"]) == ("2000.10", "Negotiate", soon.isoformat())


@every_crm
async def test_a_value_that_nobody_had_seen_is_a_conflict_and_is_not_overwritten(
    provider: Any, gateway: Gateway, opted_in: CrmState
):
    opted_in.put_deal(provider, deal(provider, amount=Decimal("999.00")))
    await want(gateway, wanted(key_of(provider), DEAL_IDS[provider], "amount", "2000.00", "1234.50"))

    await write(gateway)

    (answer,) = await told(gateway)
    assert (answer["outcome"], answer["crm_value"]) == ("conflict", "999.00")
    after = opted_in.deal(provider, DEAL_IDS[provider])
    assert after is not None
    assert after.amount == Decimal("999.00")


@every_crm
async def test_what_the_crm_refuses_is_told_in_its_words_and_costs_no_other_field(
    provider: Any, gateway: Gateway, opted_in: CrmState
):
    opted_in.put_deal(provider, deal(provider))
    key, at = key_of(provider), DEAL_IDS[provider]
    await want(
        gateway,
        wanted(key, at, "close_date", (clock.now() + timedelta(days=3000)).date().isoformat(), "2026-12-18"),
        wanted(key, at, "next_step", "Call", None),
    )

    await write(gateway)

    answers = {each["field"]: each for each in await told(gateway)}
    assert answers["close_date"]["outcome"] == "refused"
    assert answers["close_date"]["reason"] == "Close date lies more than five years ahead."
    assert answers["next_step"]["outcome"] == "taken"
    after = opted_in.deal(provider, at)
    assert after is not None
    assert (after.close_date, after.next_step) == (date(2026, 12, 18), "Call")


class _Through(httpx.AsyncBaseTransport):
    """Lets `act` change what comes back of a change, after the CRM has made it."""

    def __init__(self, inner: httpx.AsyncBaseTransport, act: Callable[[int, httpx.Response], httpx.Response]) -> None:
        self.inner, self.act, self.changes = inner, act, 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self.inner.handle_async_request(request)
        if request.method != "PATCH":
            return response
        await response.aread()
        self.changes += 1
        return self.act(self.changes, response)


@every_crm
async def test_an_answer_that_was_lost_after_the_crm_took_the_value_is_healed_by_reading_back(
    provider: Any, gateway: Gateway, opted_in: CrmState
):
    opted_in.put_deal(provider, deal(provider))
    await want(gateway, wanted(key_of(provider), DEAL_IDS[provider], "amount", "2000.00", "1234.50"))
    assert gateway.crm is not None

    def lost(number: int, response: httpx.Response) -> httpx.Response:
        raise httpx.ReadTimeout("the connection was cut")

    cut = _Through(gateway.crm, lost)
    await write(gateway, cut)
    assert await told(gateway) == [], "nobody knows yet whether it was taken"
    assert await gateway.value("SELECT state FROM write_back") == "due"
    await write(gateway, cut)

    (answer,) = await told(gateway)
    assert (answer["outcome"], cut.changes) == ("taken", 1), "it is not sent a second time"


@pytest.mark.parametrize("status", [429, 503])
async def test_a_busy_crm_is_asked_again_when_it_wishes(status: int, gateway: Gateway, opted_in: CrmState):
    opted_in.put_deal("hubspot", deal("hubspot"))
    await want(gateway, wanted("hub", DEAL_IDS["hubspot"], "next_step", "Call", None))
    assert gateway.crm is not None
    original = opted_in.deal("hubspot", DEAL_IDS["hubspot"])
    assert original is not None

    def busy(number: int, response: httpx.Response) -> httpx.Response:
        if number == 1:
            opted_in.put_deal("hubspot", original)  # a CRM that is busy has changed nothing
            return httpx.Response(status, headers={"retry-after": "30"})
        return response

    through = _Through(gateway.crm, busy)
    await write(gateway, through)
    assert await told(gateway) == []
    assert await gateway.value("SELECT due_at > now() + interval '20 seconds' FROM write_back") is True
    assert await write(gateway, through, now=False) == 0, "not before the time that it named"
    await write(gateway, through)
    assert [each["outcome"] for each in await told(gateway)] == ["taken"]


async def test_a_value_that_the_crm_takes_and_does_not_keep_is_told_after_a_few_tries(
    gateway: Gateway, opted_in: CrmState
):
    original = deal("hubspot")
    opted_in.put_deal("hubspot", original)
    await want(gateway, wanted("hub", DEAL_IDS["hubspot"], "next_step", "Call", None))
    assert gateway.crm is not None

    def undone(number: int, response: httpx.Response) -> httpx.Response:
        opted_in.put_deal("hubspot", original)
        return response

    for _ in range(7):
        await write(gateway, _Through(gateway.crm, undone))

    (answer,) = await told(gateway)
    assert (answer["outcome"], answer["reason"]) == ("refused", "The CRM takes the value and does not keep it.")


async def test_only_the_last_edit_of_a_field_is_written_in_whatever_order_they_come(
    gateway: Gateway, opted_in: CrmState
):
    opted_in.put_deal("hubspot", deal("hubspot"))
    at = DEAL_IDS["hubspot"]
    first, second = (
        wanted("hub", at, "amount", "1.00", "1234.50"),
        wanted("hub", at, "amount", "2.00", "1234.50", "1.00"),
    )
    await want(gateway, second)
    await want(gateway, first, second)

    assert await write(gateway) == 1

    after = opted_in.deal("hubspot", at)
    assert after is not None
    assert after.amount == Decimal("2.00")
    assert [each["edit_id"] for each in await told(gateway)] == [str(second.edit_id)]


async def test_a_paused_connection_is_written_to_when_it_is_active_again(gateway: Gateway, opted_in: CrmState):
    opted_in.put_deal("hubspot", deal("hubspot"))
    await want(gateway, wanted("hub", DEAL_IDS["hubspot"], "next_step", "Call", None))
    (document,) = (
        each for each in documents(SIMULATED.model_copy(update={"write_back": True})) if each["key"] == "hub"
    )
    await gateway.put_connection(document | {"state": "paused"})
    assert await write(gateway) == 0
    assert (await told(gateway, "crm.write_back.offered.v1"))[-1]["fields"] == [], "meanwhile it takes nothing more"
    await gateway.put_connection(document)
    assert await write(gateway) == 1


async def test_a_deal_that_is_gone_or_a_field_no_longer_taken_back_is_refused(gateway: Gateway, opted_in: CrmState):
    opted_in.put_deal("hubspot", deal("hubspot", deleted=True))
    opted_in.put_deal("pipedrive", deal("pipedrive"))
    (document,) = (each for each in documents(SIMULATED) if each["key"] == "pipe")
    await gateway.put_connection(document)
    await want(
        gateway,
        wanted("hub", DEAL_IDS["hubspot"], "next_step", "Call", None),
        wanted("pipe", DEAL_IDS["pipedrive"], "next_step", "Call", None),
        wanted("sf", "0067F000003pmdXQAQ", "next_step", "Call", None),
    )

    await write(gateway)

    reasons = {each["connection"]: (each["outcome"], each["reason"]) for each in await told(gateway)}
    assert reasons == {
        "hub": ("refused", "The deal was deleted in the CRM."),
        "pipe": ("refused", "The connection no longer takes this field back."),
        "sf": ("refused", "The CRM does not know the deal."),
    }


async def test_a_deal_is_given_to_a_user_of_its_crm_only(gateway: Gateway, opted_in: CrmState):
    opted_in.put_deal("pipedrive", deal("pipedrive"))
    owner = entity_id("pipe", "user", "56")
    async with gateway.runtime.database.transaction() as session:
        statement = text(
            "INSERT INTO person (id, connection, kind, external_id, name, email, phone, clock) "
            "VALUES (:owner, 'pipe', 'user', '56', 'Eve', '', '', now())"
        )
        await session.execute(statement, {"owner": owner})
    before = str(entity_id("pipe", "user", "55"))
    at = DEAL_IDS["pipedrive"]
    await want(gateway, wanted("pipe", at, "owner_id", str(owner), before))
    await write(gateway)
    after = opted_in.deal("pipedrive", at)
    assert after is not None
    assert after.owner_id == "56"
    await want(gateway, wanted("pipe", at, "owner_id", str(entity_id("hub", "user", "57")), str(owner)))
    await write(gateway)
    assert [each["outcome"] for each in await told(gateway)] == ["taken", "refused"]


class _Changeable(Environment):
    """The Web API takes changes of the version that is named, and of no other."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method != "PATCH":
            return await super().handle_async_request(request)
        await request.aread()
        (row,) = self.rows["opportunities"]
        assert request.url.path.endswith(f"/opportunities({DEAL})")
        if request.headers["if-match"] != row["@odata.etag"]:
            return httpx.Response(412, json={"error": {"code": "0x1", "message": "The version does not match."}})
        values = orjson.loads(request.content)
        if values.get("estimatedvalue", 0) > 10**6:
            return httpx.Response(400, json={"error": {"code": "0x2", "message": "A validation error occurred."}})
        row.update(values | {"@odata.etag": 'W/"2"', "modifiedon": "2026-03-01T13:00:00Z"})
        return httpx.Response(204)


@pytest.mark.usefixtures("environment")
async def test_dataverse_changes_the_version_that_was_read_and_no_other(gateway: Gateway):
    crm = _Changeable()
    crm.has()
    gateway.crm = crm
    document = {
        "key": "dv",
        "provider": "dataverse",
        "name": "Dataverse",
        "settings": {
            "api_base": "https://org.example",
            "tenant_id": "t1",
            "client_id": "c1",
            "write_back": {"amount": "estimatedvalue", "close_date": "estimatedclosedate"},
        },
    }
    await gateway.put_connection(document)
    await want(
        gateway,
        wanted("dv", DEAL, "amount", "2000.10", "1234.50"),
        wanted("dv", DEAL, "close_date", "2027-01-31", "2026-12-18"),
    )
    await write(gateway)
    (row,) = crm.rows["opportunities"]
    assert (row["estimatedvalue"], row["estimatedclosedate"]) == (2000.1, "2027-01-31")
    assert {each["outcome"] for each in await told(gateway)} == {"taken"}
    await want(gateway, wanted("dv", DEAL, "amount", "3000000.00", "2000.10"))
    await write(gateway)
    assert (await told(gateway))[-1]["reason"] == "A validation error occurred."


@pytest.mark.usefixtures("environment")
async def test_a_version_that_moved_between_reading_and_writing_is_read_again(gateway: Gateway):
    crm = _Changeable()
    crm.has()
    document = {
        "key": "dv", "provider": "dataverse", "name": "Dataverse",
        "settings": {"api_base": "https://org.example", "tenant_id": "t1", "client_id": "c1",
                     "write_back": {"amount": "estimatedvalue"}},
    }  # fmt: skip
    await gateway.put_connection(document)
    await want(gateway, wanted("dv", DEAL, "amount", "2000.00", "1234.50"))

    class Meanwhile(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.method == "PATCH":
                crm.has(**{"@odata.etag": 'W/"7"', "estimatedvalue": 777.0})
            return await crm.handle_async_request(request)

    await write(gateway, Meanwhile())
    assert await told(gateway) == []
    await write(gateway, crm)

    (answer,) = await told(gateway)
    assert (answer["outcome"], answer["crm_value"]) == ("conflict", "777.00")


def test_a_document_says_which_property_takes_which_field():
    (document,) = (each for each in documents(SIMULATED) if each["key"] == "hub")

    def put(told: Any) -> ConnectionIn:
        return ConnectionIn.model_validate(
            yaml.safe_load(yaml.safe_dump(document | {"settings": {"write_back": told}}))
        )

    assert put({"category": {"property": "hs_manual_forecast_category", "values": {"commit": "COMMIT"}}})
    with pytest.raises(ValueError, match=r"settings.write_back.*weather"):
        put({"weather": "rain"})
    with pytest.raises(ValueError, match=r"settings.write_back"):
        put({"amount": {"property": "no spaces"}})
    standard = next(each for each in documents(SIMULATED) if each["key"] == "std")
    with pytest.raises(ValueError, match="nothing is written back to standard"):
        ConnectionIn.model_validate(standard | {"settings": {"write_back": {"amount": "amount"}}})
