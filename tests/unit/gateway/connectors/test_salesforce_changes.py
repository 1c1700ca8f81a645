"""What Salesforce's change events are read as, in each form that a callout may send."""

import contextlib
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.connectors.items import Ignored, Item, Signal, StoredDelivery, Unreadable, UnreadableBody
from gateway.connectors.providers import PROVIDERS
from gateway.connectors.salesforce import changes

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
COMMITTED = datetime(2026, 3, 1, 9, 30, 0, 700_000, tzinfo=UTC)
DEAL, OTHER = "0067F000003pmdWQAQ", "0067F000003pmdXQAQ"


def _event(**header: object) -> dict[str, Any]:
    told = {
        "entityName": "Opportunity",
        "recordIds": [DEAL],
        "changeType": "UPDATE",
        "changeOrigin": "com/salesforce/api/soap/61.0;client=Sales",
        "transactionKey": "000046c7-a642-11e2-c29b-229c6786473e",
        "sequenceNumber": 1,
        "commitTimestamp": 1772357400700,
        "commitNumber": 17272018345,
        "commitUser": "0057F000003pmdWQAQ",
    }
    return {"ChangeEventHeader": told | header, "Amount": 12.5, "LastModifiedDate": "2026-03-01T09:30:00.000Z"}


def _streamed(uuid: str = "e981b488-81f3-4fcc-bd6f-f7033c9d7ac3", replay_id: int = 6, **header: object) -> object:
    return {"schema": "s", "payload": _event(**header), "event": {"replayId": replay_id, "EventUuid": uuid}}


def _parse(body: object) -> list[Item]:
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    headers = {"content-type": "application/json; charset=UTF-8"}
    return PROVIDERS["salesforce"].parse(StoredDelivery(headers, raw, AT, {}))


def _one(body: object) -> Item:
    (item,) = _parse(body)
    return item


ORGANISED = {"organizationId": "00D7F00000107XsUAI"}


@pytest.mark.parametrize(
    "body",
    [
        _event(),
        [_event()],
        ORGANISED | {"events": [_event()]},
        ORGANISED | _event(),
        {"events": _event()},
        {"payload": _event()},
        [{"payload": _event(), "event": {"replayId": 6}}],
        {"data": {"schema": "s", "payload": _event(), "event": {"replayId": 6}}, "channel": "/data/ChangeEvents"},
        {"ChangeEventHeader": {name.lower(): value for name, value in _event()["ChangeEventHeader"].items()}},
    ],
    ids=[
        "one",
        "list",
        "events",
        "with its organisation",
        "events as one",
        "payload",
        "streamed",
        "as a message",
        "as Apex spells it",
    ],
)
def test_an_event_in_any_form_is_the_same_signal(body: object) -> None:
    key = f"000046c7-a642-11e2-c29b-229c6786473e:1:Opportunity:UPDATE:1772357400700:{DEAL}"
    assert _parse(body) == [Signal("deal", DEAL, COMMITTED, key)]


@pytest.mark.parametrize("gap", ["", "GAP_"])
@pytest.mark.parametrize("change", ["CREATE", "UPDATE", "DELETE", "UNDELETE"])
def test_every_change_asks_for_the_record_and_only_a_return_says_since_when_it_is_back(gap: str, change: str) -> None:
    item = _one(_event(changeType=gap + change))
    assert isinstance(item, Signal)
    assert (item.object_type, item.external_id, item.crm_time) == ("deal", DEAL, COMMITTED)
    assert (item.restored_at is not None) == (change == "UNDELETE")


def test_a_return_is_dated_to_the_second_so_that_a_change_of_the_same_second_is_not_older() -> None:
    item = _one(_event(changeType="UNDELETE"))
    assert isinstance(item, Signal)
    assert item.restored_at == COMMITTED.replace(microsecond=0)


@pytest.mark.parametrize(
    ("entity", "object_type"),
    [
        ("OpportunityChangeEvent", "deal"),
        ("Lead", "lead"),
        ("AccountChangeEvent", "account"),
        ("Contact", "contact"),
        ("UserChangeEvent", "user"),
        ("Product2", "product"),
    ],
)
def test_an_entity_is_known_by_its_own_name_and_by_that_of_its_event(entity: str, object_type: str) -> None:
    assert _one(_event(entityName=entity)).object_type == object_type


@pytest.mark.parametrize("entity", ["Case", "Machine__c", "Machine__ChangeEvent", "ChangeEvent"])
def test_an_entity_that_is_not_kept_is_ignored_and_its_neighbours_are_not(entity: str) -> None:
    ignored, kept = _parse([_event(entityName=entity, recordIds=["5007F000003pmdWQAQ"]), _event()])
    assert isinstance(ignored, Ignored)
    assert ignored.reason == f"{entity} is not kept"
    assert isinstance(kept, Signal)


def test_a_change_of_several_records_is_one_signal_for_each_once() -> None:
    items = _parse(_event(recordIds=[DEAL, OTHER, DEAL[:15]]))
    assert [each.external_id for each in items] == [DEAL, OTHER]
    assert len({each.dedupe_key for each in items}) == 2


@pytest.mark.parametrize("change", ["UPDATE", "GAP_UPDATE", "GAP_DELETE"])
def test_a_wildcard_is_parked_with_the_time_to_import_and_its_neighbours_are_not(change: str) -> None:
    parked, kept = _parse(_event(recordIds=["006*", DEAL], changeType=change))
    assert isinstance(parked, Unreadable)
    assert (parked.object_type, parked.external_id) == ("deal", "006*")
    assert "006* stands for all Opportunity records" in parked.reason
    assert "Import the Opportunity records that changed around 2026-03-01 09:30 UTC" in parked.advice
    assert isinstance(kept, Signal)


def test_an_overflow_is_parked_as_a_whole_with_the_time_to_import() -> None:
    item = _one(_event(changeType="GAP_OVERFLOW", recordIds=["000000000000000AAA"]))
    assert isinstance(item, Unreadable)
    assert "more Opportunity records changed" in item.reason
    assert "2026-03-01 09:30 UTC" in item.advice
    assert isinstance(_one(_event(changeType="GAP_OVERFLOW", entityName="Case")), Ignored)


def test_the_overflows_of_two_entities_are_no_duplicates_of_each_other() -> None:
    header = {"changeType": "GAP_OVERFLOW", "recordIds": ["000000000000000AAA"]}
    deals, leads = _parse([_event(**header), _event(**header, entityName="Lead")])
    assert deals.dedupe_key != leads.dedupe_key


@pytest.mark.parametrize(
    "event",
    [
        7,
        None,
        {},
        {"payload": {"Amount": 1}},
        {"ChangeEventHeader": "Opportunity"},
        _event(entityName=None),
        _event(recordIds=[]),
        _event(recordIds=DEAL),
        _event(recordIds=["006' OR Id != '"]),
        _event(recordIds=["0067F000003pmdWQ"]),
        _event(recordIds=[None]),
        _event(changeType="MERGE"),
        _event(changeType=None),
        _event(commitTimestamp=None),
        _event(commitTimestamp="yesterday"),
        _event(commitTimestamp=10**18),
    ],
)
def test_an_event_that_makes_no_sense_is_parked_alone_and_says_why(event: object) -> None:
    parked, kept = _parse([event, _event()])
    assert isinstance(parked, Unreadable)
    assert parked.reason
    assert parked.advice
    assert isinstance(kept, Signal)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "not JSON"),
        (b"<soapenv:Envelope/>", "not JSON"),
        (b'{"ChangeEventHeader": ', "not JSON"),
        (b"\xff\xfe{}", "not JSON"),
        (b"7", "neither a change event nor a list"),
        (b'{"events": "all"}', "neither a change event nor a list"),
        (b'{"events": null}', "neither a change event nor a list"),
        (b"[" * 900 + b"]" * 900, "levels deep"),
        (b"[" * 5000 + b"]" * 5000, "not JSON"),
        (orjson.dumps([{}] * (changes.MAX_ITEMS + 1)), "at most 10000"),
    ],
)
def test_a_body_that_is_no_list_of_events_cannot_be_read(body: bytes, why: str) -> None:
    with pytest.raises(UnreadableBody, match=why):
        _parse(body)


def test_no_events_are_no_items() -> None:
    assert _parse({"events": []}) == _parse([]) == []


def test_a_repetition_has_the_key_of_its_event_whatever_its_replay_id() -> None:
    first, again = _one(_streamed(replay_id=6)), _one(_streamed(replay_id=7))
    assert first.dedupe_key == again.dedupe_key == f"e981b488-81f3-4fcc-bd6f-f7033c9d7ac3:{DEAL}"
    assert _one(_streamed(uuid="another")).dedupe_key != first.dedupe_key
    assert _one(_event() | {"EventUuid": "another"}).dedupe_key == _one(_streamed(uuid="another")).dedupe_key


def test_without_an_event_uuid_the_key_is_all_that_tells_one_change_of_a_record_from_another() -> None:
    keys = [
        _one(_event()).dedupe_key,
        _one(_event(sequenceNumber=2)).dedupe_key,
        _one(_event(transactionKey="another")).dedupe_key,
        _one(_event(recordIds=[OTHER])).dedupe_key,
    ]
    assert len(set(keys)) == 4
    assert None not in keys
    assert _one(_event(changeOrigin="")).dedupe_key == keys[0]


def test_gap_events_of_one_record_are_apart_although_all_have_the_sequence_1() -> None:
    first = _one(_event(changeType="GAP_UPDATE")).dedupe_key
    assert _one(_event(changeType="GAP_DELETE")).dedupe_key != first
    assert _one(_event(changeType="GAP_UPDATE", commitTimestamp=1772357400701)).dedupe_key != first


@pytest.mark.parametrize("missing", ["transactionKey", "sequenceNumber"])
def test_an_event_that_nothing_names_has_no_key_and_is_fetched_once_more(missing: str) -> None:
    item = _one(_event(**{missing: None}))
    assert isinstance(item, Signal)
    assert item.dedupe_key is None


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(list(_event()) + list(_event()["ChangeEventHeader"]) + ["data", "payload", "event", "events", "EventUuid"]), inner, max_size=4),
        max_leaves=12,
    )
)  # fmt: skip
def test_whatever_json_arrives_it_is_read_or_refused(content: object) -> None:
    with contextlib.suppress(UnreadableBody):
        _parse(orjson.dumps(content))
    with contextlib.suppress(UnreadableBody):
        _parse(orjson.dumps(_event() | {"ChangeEventHeader": content}))
