"""How Dataverse proves itself and what its contexts are read as."""

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from gateway.connectors.dataverse import parser, verification
from gateway.connectors.items import FullRecord, Ignored, Item, Signal, StoredDelivery, Unreadable, UnreadableBody
from gateway.connectors.verification import Credentials, Forged, MissingCredential, WebhookRequest

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
ROW, OTHER, ORGANISATION = (f"{n}a0c1d2e-1111-2222-3333-444455556666" for n in (1, 2, 3))


def _context(**changes: Any) -> dict[str, Any]:
    context = {
        "MessageName": "Update",
        "Stage": 40,
        "PrimaryEntityName": "opportunity",
        "PrimaryEntityId": ROW,
        "OrganizationId": ORGANISATION,
        "OperationId": "9a0c1d2e-1111-2222-3333-444455556666",
        "CorrelationId": "8a0c1d2e-1111-2222-3333-444455556666",
        "OperationCreatedOn": "/Date(1506384247000)/",
        "InputParameters": [{"key": "Target", "value": {"Attributes": [{"key": "estimatedvalue", "value": 5}]}}],
    }
    return context | changes


def _parse(body: object) -> list[Item]:
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    return parser.parse(StoredDelivery(headers={}, body=raw, received_at=AT))


def test_an_operation_is_a_signal_at_its_time() -> None:
    (item,) = _parse(_context())
    assert item == Signal("deal", ROW, datetime(2017, 9, 26, 0, 4, 7, tzinfo=UTC), item.dedupe_key)


@pytest.mark.parametrize("entity", ["opportunity", "lead", "account", "contact", "systemuser", "product"])
def test_a_deletion_says_all_there_is_to_say(entity: str) -> None:
    (item,) = _parse(_context(MessageName="Delete", PrimaryEntityName=entity))
    assert isinstance(item, FullRecord)
    assert (item.object_type, item.external_id, item.record, item.deleted) == (
        parser.OBJECT_TYPES[entity],
        ROW,
        None,
        True,
    )


def test_a_merge_asks_for_both_rows_under_keys_of_their_own() -> None:
    parameters = [{"key": "SubordinateId", "value": "{" + OTHER.upper() + "}"}]
    items = _parse(_context(MessageName="Merge", PrimaryEntityName="account", InputParameters=parameters))
    assert [(item.object_type, item.external_id) for item in items] == [("account", ROW), ("account", OTHER)]
    assert len({item.dedupe_key for item in items}) == 2


@pytest.mark.parametrize("parameters", [None, [], {}, "stripped", [None], [{"key": "SubordinateId", "value": 5}]])
def test_a_context_stripped_for_its_size_is_still_a_signal(parameters: object) -> None:
    (item,) = _parse(_context(MessageName="Merge", InputParameters=parameters))
    assert isinstance(item, Signal)


def test_a_second_attempt_has_the_same_key_and_another_operation_has_not() -> None:
    (first,), (second,) = _parse(_context()), _parse(_context(OperationCreatedOn="/Date(1506384248000)/"))
    (other,) = _parse(_context(OperationId="7a0c1d2e-1111-2222-3333-444455556666"))
    assert first.dedupe_key == second.dedupe_key != other.dedupe_key


@pytest.mark.parametrize("operation", [None, "00000000-0000-0000-0000-000000000000"])
def test_without_an_operation_the_step_is_named_by_what_makes_it(operation: str | None) -> None:
    keys = {
        _parse(_context(OperationId=operation, **changes))[0].dedupe_key
        for changes in ({}, {"MessageName": "Assign"}, {"CorrelationId": "x"}, {"Stage": 20})
    }
    assert len(keys) == 4


def test_what_is_not_kept_is_ignored_and_what_names_nothing_is_unreadable() -> None:
    assert isinstance(_parse(_context(PrimaryEntityName="task"))[0], Ignored)
    assert isinstance(_parse(_context(PrimaryEntityId="no id"))[0], Unreadable)
    assert isinstance(_parse(_context(OperationCreatedOn="yesterday"))[0], Unreadable)
    assert isinstance(_parse(_context(OperationCreatedOn="/Date(99999999999999999)/"))[0], Unreadable)


@pytest.mark.parametrize("body", [b"\xff", b"[]", b"{}", b'{"MessageName": 5}'])
def test_a_body_that_is_no_context_cannot_be_read(body: bytes) -> None:
    with pytest.raises(UnreadableBody):
        _parse(body)


def _request(query: str = "", **headers: str) -> WebhookRequest:
    return WebhookRequest("POST", f"https://f.example/webhooks/dv{query}", headers, b"{}", AT)


def _credentials(**settings: str) -> Credentials:
    return Credentials({"webhook_key": ["old one", "new&one"]}, settings)


def test_the_key_in_the_query_is_accepted_also_while_it_rotates() -> None:
    verification.verify(_request("?code=old%20one"), _credentials())
    verification.verify(_request("?code=new%26one"), _credentials())


def test_the_key_in_a_header_is_accepted_where_the_connection_says_so() -> None:
    verification.verify(_request(**{"x-foretell-key": "new&one"}), _credentials(key_header="X-Foretell-Key"))


def test_neither_place_stands_in_for_the_other() -> None:
    with pytest.raises(MissingCredential):
        verification.verify(_request("?code=old%20one"), _credentials(key_header="X-Foretell-Key"))
    with pytest.raises(MissingCredential):
        verification.verify(_request(**{"x-foretell-key": "old one"}), _credentials())


@pytest.mark.parametrize("query", ["", "?code=", "?code=old%20one&code=other", "?other=old%20one"])
def test_a_missing_or_repeated_key_is_refused(query: str) -> None:
    with pytest.raises(MissingCredential):
        verification.verify(_request(query), _credentials())


def test_a_wrong_key_is_refused_and_an_unconfigured_one_too() -> None:
    with pytest.raises(Forged):
        verification.verify(_request("?code=other"), _credentials())
    with pytest.raises(MissingCredential):
        verification.verify(_request("?code=other"), Credentials({}, {}))
