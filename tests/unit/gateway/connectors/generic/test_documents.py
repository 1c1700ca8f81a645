"""The shipped documents read what the CRMs are known to send."""

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
import yaml
from pydantic import ValidationError

from gateway.connections.schemas import ConnectionIn
from gateway.connectors.generic import auth, catalogue
from gateway.connectors.generic.document import Source
from gateway.connectors.generic.kept import kept
from gateway.connectors.items import (
    FullRecord,
    Ignored,
    Signal,
    Unreadable,
)
from gateway.connectors.verification import WebhookRequest
from gateway.mapping.values import MappingError
from tests.unit.gateway.connectors.generic.shipped import AT, deal_of, filled, parsed, source_of

# What the CRMs send.


@pytest.mark.parametrize("name", catalogue.names())
def test_a_shipped_document_is_complete_once_it_is_filled_in_and_refused_before(name: str) -> None:
    assert filled(name).key == name
    with pytest.raises(ValidationError, match="still to be filled in"):
        ConnectionIn.model_validate(yaml.safe_load(catalogue.document(name)))


@pytest.mark.parametrize("name", catalogue.names())
def test_a_shipped_document_says_what_is_unverified(name: str) -> None:
    assert "nverified" in catalogue.document(name) or name == "standard-webhooks"


@pytest.mark.parametrize("name", catalogue.names())
def test_a_source_means_the_same_after_it_was_stored(name: str) -> None:
    stored = filled(name).stored_settings["source"]
    assert Source.model_validate(stored) == source_of(name)
    assert orjson.loads(orjson.dumps(stored)) == stored


CLOSE = {
    "event": {
        "id": "ev_1",
        "date_created": "2026-02-28T10:00:00.000000",
        "date_updated": "2026-02-28T10:00:00.500000",
        "action": "updated",
        "object_type": "opportunity",
        "object_id": "oppo_1",
        "lead_id": "lead_1",
        "changed_fields": ["value"],
        "previous_data": {"value": 1},
        "data": {
            "id": "oppo_1",
            "lead_id": "lead_1",
            "lead_name": "Bakery",
            "value": 100000,
            "value_currency": "USD",
            "value_period": "one_time",
            "confidence": 75,
            "status_id": "stat_open",
            "status_type": "active",
            "date_updated": "2026-02-28T10:00:00.400000+00:00",
        },
        "meta": {"request_method": "PUT"},
    },
    "subscription_id": "whsub_1",
}


def test_closes_amount_in_cents_and_confidence_in_percent_are_understood() -> None:
    (record,) = parsed(source_of("close"), CLOSE)
    assert isinstance(record, FullRecord)
    assert (record.object_type, record.external_id, record.dedupe_key) == ("deal", "oppo_1", "ev_1")
    assert record.crm_time == datetime(2026, 2, 28, 10, 0, 0, 400000, UTC)
    deal = deal_of("close", record)
    assert (deal["amount"], deal["currency"], deal["stage_probability"]) == ("1000.00", "USD", "0.75")
    assert (deal["state"], deal["value_basis"], deal["name"]) == ("open", "one_off", "Bakery")


def test_a_monthly_value_of_close_is_not_taken_for_a_yearly_one() -> None:
    monthly = CLOSE | {"event": CLOSE["event"] | {"data": CLOSE["event"]["data"] | {"value_period": "monthly"}}}  # type: ignore[operator,index]
    (record,) = parsed(source_of("close"), monthly)
    assert isinstance(record, FullRecord)
    with pytest.raises(MappingError, match="value_basis"):
        deal_of("close", record)


def test_closes_deletion_has_the_events_own_time_which_is_utc_without_saying_so() -> None:
    event = CLOSE["event"] | {"action": "deleted", "data": {}}  # type: ignore[operator]
    (record,) = parsed(source_of("close"), {"event": event})
    assert isinstance(record, FullRecord)
    assert (record.deleted, record.crm_time) == (True, datetime(2026, 2, 28, 10, 0, 0, 500000, UTC))


def test_attios_events_are_signals_and_its_idempotency_key_tells_a_repetition() -> None:
    def event(kind: str, record: str) -> dict[str, Any]:
        return {"event_type": f"record.{kind}", "id": {"object_id": "deals-id", "record_id": record}}

    body = {"webhook_id": "w", "events": [event("updated", "a"), event("deleted", "b"), event("updated", "a")]}
    found = parsed(source_of("attio"), body, **{"idempotency-key": "key-1"})
    assert [(type(each), each.external_id) for each in found] == [(Signal, "a"), (FullRecord, "b"), (Signal, "a")]
    keys = [each.dedupe_key for each in found]
    assert keys[0] == keys[2] == "key-1" != keys[1], "two events of one delivery are two, however the delivery is named"
    assert keys[1].startswith("key-1:")


def test_what_is_no_deal_of_attio_is_ignored() -> None:
    body = {"events": [{"event_type": "note.created", "id": {"object_id": "notes-id", "record_id": "n"}}]}
    (item,) = parsed(source_of("attio"), body)
    assert isinstance(item, Ignored)


def _twenty(**changes: Any) -> dict[str, Any]:
    record = {
        "id": "0d5a",
        "name": "Ovens",
        "amount": {"amountMicros": 1234500000, "currencyCode": "EUR"},
        "stage": "PROPOSAL",
        "updatedAt": "2026-02-28T10:00:00.000Z",
        "companyId": "c1",
    }
    return {
        "targetUrl": "https://x",
        "eventName": "opportunity.updated",
        "objectMetadata": {"id": "m", "nameSingular": "opportunity"},
        "workspaceId": "w",
        "webhookId": "h",
        "eventDate": "2026-02-28T10:00:01.000Z",
        "record": record,
        "updatedFields": ["amount"],
    } | changes


def test_twentys_micros_are_money_and_its_record_has_its_own_time() -> None:
    (record,) = parsed(source_of("twenty"), _twenty())
    assert isinstance(record, FullRecord)
    assert record.crm_time == datetime(2026, 2, 28, 10, tzinfo=UTC)
    deal = deal_of("twenty", record)
    assert (deal["amount"], deal["currency"], deal["category"], deal["state"]) == (
        "1234.50",
        "EUR",
        "best_case",
        "open",
    )


def test_twentys_deletion_and_restoration_happen_when_the_event_says() -> None:
    gone, back = (
        parsed(source_of("twenty"), _twenty(eventName=f"opportunity.{what}"))[0] for what in ("deleted", "restored")
    )
    assert isinstance(gone, FullRecord)
    assert isinstance(back, FullRecord)
    assert (gone.deleted, back.deleted) == (True, False)
    assert gone.crm_time == back.crm_time == datetime(2026, 2, 28, 10, 0, 1, tzinfo=UTC)


def test_an_event_that_no_document_explains_is_parked_with_the_place_to_explain_it() -> None:
    (item,) = parsed(source_of("twenty"), _twenty(eventName="opportunity.teleported"))
    assert isinstance(item, Unreadable)
    assert "source.items.happened.means" in item.advice


def test_odoos_false_is_nothing_and_its_many_to_one_is_an_id_in_either_form() -> None:
    body = {
        "_action": "Foretell(#7)",
        "_id": 1,
        "_model": "crm.lead",
        "active": True,
        "date_deadline": False,
        "expected_revenue": 900.0,
        "name": "Ovens",
        "probability": 40.0,
        "stage_id": [3, "Qualified"],
        "type": "opportunity",
        "user_id": False,
        "write_date": "2026-02-28 10:00:00",
    }
    for stage in ([3, "Qualified"], 3):
        (record,) = parsed(source_of("odoo"), body | {"stage_id": stage})
        assert isinstance(record, FullRecord)
        assert record.crm_time == datetime(2026, 2, 28, 10, tzinfo=UTC)
        deal = deal_of("odoo", record)
        assert (deal["stage"], deal["amount"], deal["currency"], deal["owner_id"]) == (
            "Qualified",
            "900.00",
            "EUR",
            None,
        )
        assert (deal["close_date"], deal["stage_probability"]) == (None, "0.4")
    (lost,) = parsed(source_of("odoo"), body | {"active": False})
    assert isinstance(lost, FullRecord)
    assert deal_of("odoo", lost)["state"] == "lost"
    (gone,) = parsed(source_of("odoo"), body | {"_action": "Foretell delete(#8)"})
    assert isinstance(gone, FullRecord)
    assert gone.deleted


def test_espocrms_items_are_signals_without_a_key_since_their_content_repeats_itself() -> None:
    source = source_of("espocrm")
    url = "https://x/webhooks/espocrm?object=Opportunity&event=update&token=t"
    headers = kept(source, WebhookRequest("POST", url, {"signature": "s"}, b"", AT))
    assert headers == {"?object": "Opportunity", "?event": "update"}
    found = parsed(source, [{"id": "1", "stage": "Proposal"}, {"id": "2"}], **headers)
    assert [(type(each), each.object_type, each.external_id) for each in found] == [
        (Signal, "deal", "1"),
        (Signal, "deal", "2"),
    ]
    assert {each.dedupe_key for each in found} == {None}
    (gone,) = parsed(source, [{"id": "1"}], **headers | {"?event": "delete"})
    assert isinstance(gone, FullRecord)
    assert gone.deleted
    assert {source.answers.success.status, source.answers.refusal.status, source.answers.retry.status} == {
        200,
        403,
        503,
    }


def test_frappes_times_are_of_the_sites_zone() -> None:
    body = {
        "doctype": "Opportunity",
        "event": "changed",
        "name": "CRM-OPP-2026-00001",
        "modified": "2026-02-28 11:00:00.123456",
        "title": "Ovens",
        "status": "Open",
        "sales_stage": "Qualification",
        "probability": 30,
    }
    (record,) = parsed(source_of("frappe"), body)
    assert isinstance(record, FullRecord)
    assert record.crm_time == datetime(2026, 2, 28, 10, 0, 0, 123456, UTC)
    assert deal_of("frappe", record)["stage_probability"] == "0.3"
    (gone,) = parsed(source_of("frappe"), body | {"event": "deleted"})
    assert isinstance(gone, FullRecord)
    assert gone.deleted


def test_zohos_ids_are_signals_and_its_token_is_not_stored() -> None:
    source = source_of("zoho")
    body = {"module": "Deals", "ids": ["111", "222"], "operation": "update", "channel_id": "1", "token": "shared"}
    stored = auth.blank(source.blanked, orjson.dumps(body))
    assert b"shared" not in stored
    assert [(type(each), each.external_id) for each in parsed(source, stored)] == [(Signal, "111"), (Signal, "222")]
    (gone,) = parsed(source, body | {"operation": "delete", "ids": ["111"]})
    assert isinstance(gone, FullRecord)
    assert (gone.deleted, gone.crm_time) == (True, AT)
