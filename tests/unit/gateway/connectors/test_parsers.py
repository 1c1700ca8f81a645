"""What each provider's body is read as."""

import contextlib
from datetime import UTC, datetime

import orjson
from hypothesis import given
from hypothesis import strategies as st

from gateway.connectors.items import FullRecord, Ignored, Signal, StoredDelivery, Unreadable, UnreadableBody
from gateway.connectors.providers import PROVIDERS

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def _parse(provider: str, body: object, **headers: str) -> list[object]:
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    stored = StoredDelivery(headers=headers, body=raw, received_at=AT, settings={"portal_id": "62515"})
    return list(PROVIDERS[provider].parse(stored))


def _hubspot(**changes: object) -> dict[str, object]:
    event = {
        "eventId": 1,
        "portalId": 62515,
        "occurredAt": 1715203101896,
        "subscriptionType": "deal.propertyChange",
        "attemptNumber": 0,
        "objectId": 7,
        "propertyName": "amount",
        "propertyValue": "REDACTED",
    }
    return event | changes


def test_every_event_of_a_hubspot_batch_is_a_signal_of_its_own() -> None:
    items = _parse("hubspot", [_hubspot(), _hubspot(objectId=8), _hubspot(subscriptionType="contact.creation")])
    assert [(type(each), each.object_type, each.external_id) for each in items] == [  # type: ignore[attr-defined]
        (Signal, "deal", "7"),
        (Signal, "deal", "8"),
        (Signal, "contact", "7"),
    ]


def test_a_new_attempt_of_a_hubspot_event_has_the_same_key_and_another_event_has_not() -> None:
    first, again, other = _parse("hubspot", [_hubspot(), _hubspot(attemptNumber=3), _hubspot(propertyName="dealstage")])
    assert first.dedupe_key == again.dedupe_key != other.dedupe_key  # type: ignore[attr-defined]


def test_hubspots_generic_events_are_told_by_their_object_type() -> None:
    (item,) = _parse("hubspot", [_hubspot(subscriptionType="object.propertyChange", objectTypeId="0-3")])
    assert isinstance(item, Signal)
    assert item.object_type == "deal"


def test_another_portals_event_is_parked_and_its_neighbours_are_not() -> None:
    ours, theirs = _parse("hubspot", [_hubspot(), _hubspot(portalId=1)])
    assert isinstance(ours, Signal)
    assert isinstance(theirs, Unreadable)


def test_a_hubspot_merge_buries_the_merged_and_fetches_the_survivor() -> None:
    merge = _hubspot(
        subscriptionType="deal.merge", primaryObjectId=7, mergedObjectIds=[8, 9], newObjectId=10, objectId=10
    )
    survivor, *buried = _parse("hubspot", [merge])
    assert isinstance(survivor, Signal)
    assert survivor.external_id == "10"
    assert {each.external_id for each in buried} == {"7", "8", "9"}  # type: ignore[attr-defined]
    assert all(isinstance(each, FullRecord) and each.deleted and each.merged_into == "10" for each in buried)


def _soap(*notifications: str, prefix: str = "") -> bytes:
    p = f"{prefix}:" if prefix else ""
    xmlns = f"xmlns:{prefix}" if prefix else "xmlns"
    return (
        '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns:i="http://www.w3.org/2001/XMLSchema-instance">'
        f'<e:Body><{p}notifications {xmlns}="http://soap.sforce.com/2005/09/outbound">'
        f"<{p}OrganizationId>00D</{p}OrganizationId>{''.join(notifications)}</{p}notifications></e:Body></e:Envelope>"
    ).encode()


def _note(number: str, fields: str, *, type_name: str = ' i:type="q:Opportunity"', prefix: str = "") -> str:
    p = f"{prefix}:" if prefix else ""
    return (
        f'<{p}Notification><{p}Id>{number}</{p}Id><{p}sObject{type_name} xmlns:q="urn:sobject.enterprise.soap.sforce.com">'
        f"{fields}</{p}sObject></{p}Notification>"
    )


FIELDS = (
    "<q:Id>0067F000003pmdW</q:Id><q:SystemModstamp>2026-03-01T09:30:00.000Z</q:SystemModstamp>"
    "<q:Amount>12.0</q:Amount><q:NextStep i:nil='true'/>"
)


def test_every_notification_of_an_outbound_message_counts() -> None:
    items = _parse("salesforce", _soap(_note("04l1", FIELDS), _note("04l2", FIELDS.replace("12.0", "13.0"))))
    assert [each.record["Amount"] for each in items] == ["12.0", "13.0"]  # type: ignore[attr-defined]
    assert items[0].external_id == "0067F000003pmdWQAQ"  # type: ignore[attr-defined]
    assert items[0].record["NextStep"] is None  # type: ignore[attr-defined]


def test_an_outbound_message_is_read_by_namespace_and_by_key_prefix() -> None:
    (item,) = _parse("salesforce", _soap(_note("04l1", FIELDS, type_name="", prefix="ns0"), prefix="ns0"))
    assert isinstance(item, FullRecord)
    assert item.object_type == "deal"
    assert item.crm_time == datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


def test_a_repeated_notification_with_newer_content_is_not_a_duplicate() -> None:
    first, newer, again = _parse(
        "salesforce",
        _soap(_note("04l1", FIELDS), _note("04l1", FIELDS.replace("12.0", "99.0")), _note("04l1", FIELDS)),
    )
    assert first.dedupe_key == again.dedupe_key != newer.dedupe_key  # type: ignore[attr-defined]


def test_an_sobject_without_a_version_time_is_only_a_signal() -> None:
    bare = FIELDS.replace("SystemModstamp", "Description")
    (item,) = _parse("salesforce", _soap(_note("04l1", bare + "<q:CreatedDate>2026-01-01T00:00:00Z</q:CreatedDate>")))
    assert isinstance(item, Signal)


def _pipedrive(**changes: object) -> dict[str, object]:
    meta = {"action": "change", "entity": "deal", "entity_id": "8", "id": "u1", "timestamp": "2026-03-01T09:30:00.089Z"}
    data = {"id": 8, "update_time": "2026-03-01T09:30:00Z", "add_time": "2026-01-01T00:00:00Z", "status": "open"}
    return {"data": data, "previous": None, "meta": meta} | changes


def test_a_new_pipedrive_deal_has_no_update_time_and_is_dated_by_its_creation() -> None:
    (item,) = _parse("pipedrive", _pipedrive(data={"id": 8, "update_time": None, "add_time": "2026-01-01T00:00:00Z"}))
    assert isinstance(item, FullRecord)
    assert item.crm_time == datetime(2026, 1, 1, tzinfo=UTC)


def test_a_pipedrive_deletion_in_the_second_of_a_change_comes_after_it() -> None:
    (change,) = _parse("pipedrive", _pipedrive())
    meta = _pipedrive()["meta"] | {"action": "delete", "timestamp": "2026-03-01T09:30:00.900Z"}  # type: ignore[operator]
    (gone,) = _parse("pipedrive", _pipedrive(data=None, previous=_pipedrive()["data"], meta=meta))
    assert isinstance(change, FullRecord)
    assert isinstance(gone, FullRecord)
    assert gone.deleted
    assert (gone.crm_time, gone.sequence) > (change.crm_time, change.sequence)


def test_what_foretell_does_not_keep_is_ignored_with_a_reason() -> None:
    meta = _pipedrive()["meta"] | {"entity": "activity"}  # type: ignore[operator]
    (item,) = _parse("pipedrive", _pipedrive(meta=meta))
    assert isinstance(item, Ignored)
    assert "activity" in item.reason


VALUES = st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5)
NAMES = st.sampled_from(["data", "meta", "type", "id", "entity", "objectId", "occurredAt", "timestamp", "previous"])
DOCUMENTS = st.recursive(
    VALUES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=8
)


@given(st.binary(max_size=50) | DOCUMENTS.map(orjson.dumps))
def test_no_body_makes_a_parser_fail_in_an_unforeseen_way(body: bytes) -> None:
    for provider in PROVIDERS:
        with contextlib.suppress(UnreadableBody):
            assert isinstance(_parse(provider, body), list)
