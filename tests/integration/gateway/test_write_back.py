"""Edits written to CRMs over HTTP: taken, refused in the CRM's words, met by another change."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio
import yaml
from sqlalchemy import text

from gateway.connections.schemas import ConnectionIn
from libs.common import clock
from libs.common.ids import entity_id
from simulator.connections import documents
from simulator.fakecrm.state import CrmState
from tests.integration.gateway.conftest import SIMULATED, Gateway
from tests.integration.gateway.records import DEAL_IDS, deal
from tests.integration.gateway.writing import every_crm, key_of, opt_in, told, want, wanted, write


@pytest_asyncio.fixture
async def opted_in(gateway: Gateway, crm: CrmState) -> CrmState:
    await opt_in(gateway)
    return crm


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
    opted_in.put_deal(provider, deal(provider, changed_at=clock.now() - timedelta(hours=1)))
    key, at = key_of(provider), DEAL_IDS[provider]
    await want(
        gateway,
        wanted(key, at, "close_date", (clock.now() + timedelta(days=3000)).date().isoformat(), "2026-12-18"),
        wanted(key, at, "next_step", "Call", None),
        wanted(key, at, "amount", "2000.10", "1234.50"),
    )

    await write(gateway)

    answers = {each["field"]: each for each in await told(gateway)}
    assert answers["close_date"]["outcome"] == "refused"
    assert answers["close_date"]["reason"] == "Close date lies more than five years ahead."
    assert {answers[field]["outcome"] for field in ("next_step", "amount")} == {"taken"}, "each moved the version"
    after = opted_in.deal(provider, at)
    assert after is not None
    assert (after.close_date, after.next_step) == (date(2026, 12, 18), "Call")
    assert after.amount == Decimal("2000.10")


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
