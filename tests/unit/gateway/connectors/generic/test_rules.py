"""What a document may say, and that one that cannot work is refused with a reason."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gateway.connections.schemas import ConnectionIn
from gateway.connectors.generic import catalogue
from gateway.connectors.generic.document import Source
from gateway.connectors.items import (
    FullRecord,
    Ignored,
    Signal,
    Unreadable,
    UnreadableBody,
)
from tests.unit.gateway.connectors.generic.shipped import AT, parsed, source_of

# What a document may say.


def _document(**changes: Any) -> dict[str, Any]:
    return {
        "auth": {"kind": "path"},
        "items": {
            "object": {"at": "'deal'"},
            "id": "item.id",
            "version": {"at": "item.changed"},
            "record": "item",
        },
    } | changes


def _items(**changes: Any) -> dict[str, Any]:
    return _document(items=_document()["items"] | changes)


@pytest.mark.parametrize(
    ("version", "written", "meant"),
    [
        ({"format": "iso"}, "2026-03-01T10:00:00+02:00", datetime(2026, 3, 1, 8, tzinfo=UTC)),
        ({"format": "iso"}, "2026-03-01T10:00:00.123456789Z", datetime(2026, 3, 1, 10, 0, 0, 123456, UTC)),
        ({"format": "iso", "zone": "America/New_York"}, "2026-03-01 10:00", datetime(2026, 3, 1, 15, tzinfo=UTC)),
        ({"format": "epoch_s"}, 1772359200, datetime(2026, 3, 1, 10, tzinfo=UTC)),
        ({"format": "epoch_s"}, "1772359200.25", datetime(2026, 3, 1, 10, 0, 0, 250000, UTC)),
        ({"format": "epoch_ms"}, 1772359200001, datetime(2026, 3, 1, 10, 0, 0, 1000, UTC)),
    ],
)
def test_a_time_is_read_as_the_document_says(version: dict[str, str], written: Any, meant: datetime) -> None:
    source = Source.model_validate(_items(version={"at": "item.changed"} | version))
    (record,) = parsed(source, {"id": 1, "changed": written})
    assert isinstance(record, FullRecord)
    assert record.crm_time == meant


def test_a_time_in_another_form_is_parked_and_named() -> None:
    (item,) = parsed(Source.model_validate(_items()), {"id": 1, "changed": "yesterday"})
    assert isinstance(item, Unreadable)
    assert "item.changed is 'yesterday'" in item.reason


def test_a_record_without_a_time_is_of_its_arrival_only_where_the_document_says_so() -> None:
    arrival = Source.model_validate(_items(without_version="received"))
    (record,) = parsed(arrival, {"id": 1})
    assert isinstance(record, FullRecord)
    assert (record.crm_time, record.dedupe_key) == (AT, None)
    (item,) = parsed(Source.model_validate(_items()), {"id": 1})
    assert isinstance(item, Signal), "without a time the record has to be fetched"


def test_a_merge_makes_one_record_vanish_into_another() -> None:
    source = Source.model_validate(_items(merged_into="item.winner"))
    lost, kept_one = parsed(
        source, [{"id": 1, "changed": AT.isoformat(), "winner": 2}, {"id": 2, "changed": AT.isoformat()}]
    )
    assert isinstance(lost, FullRecord)
    assert isinstance(kept_one, FullRecord)
    assert (lost.deleted, lost.merged_into) == (True, "2")
    assert not kept_one.deleted


@pytest.mark.parametrize(
    ("document", "told"),
    [
        (_document(extra=1), "extra"),
        (_document(auth=[]), "auth"),
        (_document(auth={"kind": "telepathy"}), "telepathy"),
        (_items(id="item.["), "is not a JMESPath expression"),
        (_items(version={"at": "item.changed", "zone": "Mars/Base"}), "is not a time zone name"),
        (_items(record=None), "say in record where the record stands"),
        (_items(thin=True), "thin needs fetch"),
        (_items(version=None), "without items.version say fetch"),
        (_document(answers={"refusal": {"status": 410}}), "410 makes CRMs delete the webhook"),
        (_document(answers={"success": {"status": 302}}), "must be 200 to 299"),
        (
            _document(auth={"kind": "header_token", "header": "X-Token"}, keep={"headers": ["x-token"]}),
            "holds a credential",
        ),
        (_document(blank=["a[0]"]), "not a path of plain field names"),
    ],
)
def test_a_document_that_cannot_work_is_refused_with_the_place(document: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(told)):
        Source.model_validate(document)


def _fetch(**changes: Any) -> dict[str, Any]:
    deal = {"path": "/deals/{id}", "version": {"at": "changed"}} | changes.pop("deal", {})
    fetch = {"base": "https://crm.example.com", "auth": {"kind": "bearer"}, "objects": {"deal": deal}}
    return _document(fetch=fetch | changes)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"base": "ftp://x"}, "must be an address"),
        ({"base": "https://user:pass@crm.example.com"}, "without a user"),
        ({"base": "https://crm.example.com?a=b"}, "no query"),
        ({"deal": {"path": "//evil.example.com/{id}"}}, "stay below base"),
        ({"deal": {"path": "/../{id}"}}, "stay below base"),
        ({"deal": {"path": "deals/{id}"}}, "should match pattern"),
        ({"deal": {"path": "/deals"}}, "must hold {id}"),
        ({"deal": {"path": "/deals/{id}?ids={ids}"}}, "not both"),
        ({"deal": {"path": "/deals/{id}/{token}"}}, "only {id} and {ids}"),
        ({"deal": {"path": "/deals", "body": {"ids": "{ids}"}}}, "needs method: POST"),
        ({"objects": {}}, "at least 1"),
    ],
)
def test_a_fetch_that_would_leave_its_address_or_ask_for_nothing_is_refused(changes: dict[str, Any], told: str) -> None:
    Source.model_validate(_fetch())
    with pytest.raises(ValidationError, match=re.escape(told)):
        Source.model_validate(_fetch(**changes))


def test_a_generic_connection_needs_its_source_and_the_secrets_that_it_names() -> None:
    base = {"key": "crm", "provider": "generic", "name": "CRM", "source": _fetch()}
    ConnectionIn.model_validate(base | {"secrets": {"secret": "s", "api_token": "t"}})
    for document, told in (
        ({name: value for name, value in base.items() if name != "source"}, "which needs it"),
        (base | {"provider": "hubspot"}, "belongs to provider: generic"),
        (base | {"secrets": {"secret": "s"}}, "needs secrets.api_token"),
        (base | {"secrets": {"secret": "<your secret>", "api_token": "t"}}, "secrets.secret is still to be filled in"),
        (base | {"settings": {"source": {}}}, "stands beside settings"),
    ):
        with pytest.raises(ValidationError, match=re.escape(told)):
            ConnectionIn.model_validate(document)


def test_a_secret_that_cannot_be_decoded_is_refused_without_being_told() -> None:
    hmac = {"kind": "hmac", "signature": {"header": "X"}, "secret_decoding": "hex"}
    document = {"key": "crm", "provider": "generic", "name": "CRM", "source": _document(auth=hmac)}
    with pytest.raises(ValidationError) as refused:
        ConnectionIn.model_validate(document | {"secrets": {"secret": "not-hex-value"}})
    assert "secrets.secret: the secret is not hex" in refused.value.errors(include_input=False)[0]["msg"]


VALUES = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5)
NAMES = st.sampled_from(
    ["event", "events", "data", "id", "record", "ids", "module", "_id", "_model", "object_type", "action"]
)
BODIES = st.recursive(
    VALUES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=8
)


@given(st.binary(max_size=50) | BODIES.map(lambda body: orjson.dumps(body, option=orjson.OPT_NON_STR_KEYS)))
def test_no_body_makes_a_document_fail_in_an_unforeseen_way(body: bytes) -> None:
    for name in catalogue.names():
        try:
            found = parsed(SOURCES[name], body)
        except UnreadableBody:
            continue
        assert all(isinstance(each, Signal | FullRecord | Ignored | Unreadable) for each in found)


SOURCES = {name: source_of(name) for name in catalogue.names()}


def test_a_delivery_within_the_window_is_not_stale_by_default() -> None:
    assert timedelta(seconds=source_of("twenty").auth[0].tolerance_s) == timedelta(minutes=5)  # type: ignore[union-attr]
