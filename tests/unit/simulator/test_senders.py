"""The requests as an independent reader sees them: signatures verified by others' code, bodies by the vendors' descriptions."""

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from xml.etree import ElementTree

import pytest
from hubspot.utils.signature import Signature
from standardwebhooks import Webhook

from simulator import senders
from simulator.config import PROVIDERS, Provider
from simulator.forms.pipedrive import custom_key
from simulator.senders import Change
from tests.unit.simulator.given import AT, connection, deal, lead

OUTBOUND = "{http://soap.sforce.com/2005/09/outbound}"
SOBJECT = "{urn:sobject.enterprise.soap.sforce.com}"


def test_hubspot_tells_of_each_changed_property_and_signs_the_request() -> None:
    hub, before = connection("hubspot"), deal("hubspot")
    after = replace(before, amount=Decimal("13000.00"), stage="Negotiate", changed_at=AT + timedelta(minutes=1))
    request = senders.deal_request(hub, after, previous=before, at=AT + timedelta(minutes=2))
    events = json.loads(request.body)
    told = {event["propertyName"]: event["propertyValue"] for event in events}
    assert told == {"amount": "13000.00", "dealstage": "contractsent"}
    assert {event["subscriptionType"] for event in events} == {"deal.propertyChange"}
    assert {event["objectId"] for event in events} == {int(after.deal_id)}
    assert {event["occurredAt"] for event in events} == {round(after.changed_at.timestamp() * 1000)}
    assert {event["portalId"] for event in events} == {62515}
    assert request.url == "https://foretell.example/webhooks/sim-hubspot"
    assert request.headers["X-HubSpot-Signature-v3"] == Signature.get_signature(
        client_secret=hub.secrets["client_secret"],
        request_body=request.body.decode(),
        signature_version="v3",
        http_uri=request.url,
        http_method="POST",
        timestamp=request.headers["X-HubSpot-Request-Timestamp"],
    )


def test_hubspot_puts_a_hundred_events_into_a_request_and_no_more() -> None:
    changes = [Change(deal("hubspot", deal_id=str(18_000_000_011 + 37 * i)), "created") for i in range(250)]
    sizes = [len(json.loads(request.body)) for request in senders.requests(connection("hubspot"), changes)]
    assert sizes == [100, 100, 50]


def test_a_hubspot_merge_names_who_lives_on_and_who_is_gone() -> None:
    request = senders.deal_request(connection("hubspot"), deal("hubspot"), "merged", merged_into="18000000048")
    (event,) = json.loads(request.body)
    assert event["subscriptionType"] == "deal.merge"
    assert event["mergedObjectIds"] == [int(deal("hubspot").deal_id)]
    assert event["primaryObjectId"] == event["newObjectId"] == 18000000048


def test_a_salesforce_message_carries_the_chosen_fields_of_several_records_of_one_type() -> None:
    changes = [Change(deal("salesforce")), Change(lead("salesforce")), Change(deal("salesforce", deal_id="006x"))]
    requests = senders.requests(connection("salesforce"), changes)
    assert [request.url for request in requests] == ["https://foretell.example/webhooks/sim-salesforce/in-the-path"] * 2
    root = ElementTree.fromstring(requests[0].body)  # noqa: S314 - our own message
    notifications = root.findall(f".//{OUTBOUND}Notification")
    assert root.findtext(f".//{OUTBOUND}OrganizationId") == "00D7F00000107XsUAI"
    assert len(notifications) == len({each.findtext(f"{OUTBOUND}Id") for each in notifications}) == 2
    fields = {
        child.tag.removeprefix(SOBJECT): child.text for child in notifications[0].find(f"{OUTBOUND}sObject") or []
    }
    assert fields["Name"] == "Boreal Works & Söhne <GmbH> - Insight"
    assert (fields["StageName"], fields["Amount"], fields["CloseDate"]) == (
        "Proposal/Price Quote",
        "12500.0",
        "2026-03-31",
    )
    assert (fields["IsDeleted"], fields["IsClosed"], fields["Region__c"]) == ("false", "false", "EMEA Central")
    assert fields["SystemModstamp"] == "2026-03-02T09:30:05.000Z"


def test_a_pipedrive_change_holds_the_record_what_it_was_and_a_steady_id() -> None:
    before = deal("pipedrive", stage="Negotiate")
    after = replace(
        before, stage="Won", closed_on=datetime(2026, 3, 3, tzinfo=UTC).date(), changed_at=AT + timedelta(days=1)
    )
    pipe = connection("pipedrive")
    request = senders.deal_request(pipe, after, previous=before)
    body = json.loads(request.body)
    assert (body["data"]["status"], body["data"]["stage_id"], body["previous"]["status"]) == ("won", 4, "open")
    assert body["data"]["custom_fields"][custom_key("region")] == "EMEA Central"
    assert body["meta"]["entity_id"] == after.deal_id
    assert body["data"]["id"] == int(after.deal_id)
    user, _, password = (
        base64.b64decode(request.headers["Authorization"].removeprefix("Basic ")).decode().partition(":")
    )
    assert (user, password) == ("user", "pass")
    again = senders.requests(pipe, [Change(after, previous=before)], attempt=2)[0]
    assert json.loads(again.body)["meta"]["id"] == body["meta"]["id"]
    assert json.loads(again.body)["meta"]["attempt"] == 3


def test_a_deleted_pipedrive_deal_has_no_data_but_its_last_state() -> None:
    body = json.loads(senders.deal_request(connection("pipedrive"), deal("pipedrive", deleted=True), "deleted").body)
    assert body["data"] is None
    assert body["previous"]["id"] == int(deal("pipedrive").deal_id)
    assert body["meta"]["action"] == "delete"


def test_a_new_pipedrive_lead_comes_with_its_person() -> None:
    first, second = senders.requests(connection("pipedrive"), [Change(lead("pipedrive"), "created")])
    told, person = json.loads(first.body), json.loads(second.body)
    assert (told["meta"]["entity"], person["meta"]["entity"]) == ("lead", "person")
    assert told["data"]["person_id"] == person["data"]["id"]
    assert person["data"]["emails"][0]["value"] == "clara@boreal.example"
    assert "clara" not in first.body.decode().lower()


def test_a_standard_webhook_verifies_with_the_reference_library_and_holds_the_full_record() -> None:
    in_house = connection("standard")
    request = senders.deal_request(in_house, deal("standard"), at=datetime.now(UTC))  # noqa: TID251 - the library reads the real clock
    body = Webhook(in_house.secrets["secret"]).verify(request.body, request.headers)
    assert body["type"] == "deal.updated"
    assert body["data"]["amount"] == "12500.00"
    assert body["data"]["version_time"] == body["data"]["changed_at"] == "2026-03-02T09:30:05.250Z"


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_repeated_delivery_is_byte_for_byte_the_same(provider: Provider) -> None:
    first = senders.deal_request(connection(provider), deal(provider), at=AT)
    assert first == senders.deal_request(connection(provider), deal(provider), at=AT)
    assert first != senders.deal_request(
        connection(provider), deal(provider, changed_at=AT + timedelta(seconds=5)), at=AT
    )
