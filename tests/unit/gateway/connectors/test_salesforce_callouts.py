"""Which callouts of Salesforce are let in, and what is stored of their bodies."""

import contextlib
from datetime import UTC, datetime

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.connectors.salesforce import signature
from gateway.connectors.verification import Credentials, Forged, MissingCredential, WebhookRequest

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
ORGANISED = {"organizationId": "00D7F00000107XsUAI"}
EVENT = {"ChangeEventHeader": {"entityName": "Opportunity", "changeType": "UPDATE"}, "Amount": 12.5}


def _verify(body: bytes, path: str | None = "right", organization: str | None = "00D7F00000107Xs") -> None:
    headers = {"content-type": "Application/JSON; charset=utf-8"}
    request = WebhookRequest("POST", "https://foretell.example/webhooks/sf/right", headers, body, AT, path)
    signature.verify(request, Credentials({"path_secret": ["older", "right"]}, {"organization_id": organization}))


@pytest.mark.parametrize("named", ["00D7F00000107XsUAI", "00D7F00000107Xs", " 00D7F00000107XsUAI "])
def test_a_callout_of_the_right_organisation_is_let_in(named: str) -> None:
    _verify(orjson.dumps({"organizationId": named, "events": []}))


@pytest.mark.parametrize("named", ["00D7F00000107XtUAI", "00D7F00000107xs"])
def test_a_callout_of_another_organisation_is_forged_although_it_knows_the_path(named: str) -> None:
    with pytest.raises(Forged):
        _verify(orjson.dumps({"organizationId": named, "events": []}))


@pytest.mark.parametrize(
    "content",
    [
        [],
        {},
        EVENT,
        [ORGANISED | EVENT],
        {"events": [ORGANISED]},
        {"OrganizationId": "00D7F00000107XsUAI"},
        {"organizationId": ""},
        {"organizationId": ["00D7F00000107XsUAI"]},
        7,
    ],
)
def test_a_callout_that_does_not_name_its_organisation_at_the_top_is_refused_where_one_is_configured(
    content: object,
) -> None:
    with pytest.raises(MissingCredential):
        _verify(orjson.dumps(content))
    _verify(orjson.dumps(content), organization=None)


@pytest.mark.parametrize(
    ("path_secret", "refusal"), [(None, MissingCredential), ("", MissingCredential), ("r", Forged)]
)
@pytest.mark.parametrize("body", [orjson.dumps(ORGANISED | {"events": []}), b"{not JSON"])
def test_a_callout_without_the_right_path_is_refused(
    body: bytes, path_secret: str | None, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        _verify(body, path_secret)


def test_what_is_not_json_proves_itself_by_the_path_and_is_parked_later() -> None:
    _verify(b"{not JSON")


@given(st.text(max_size=20))
def test_a_body_of_json_is_stored_as_it_came(note: str) -> None:
    for written in (note, f"<SessionId>{note}"):
        body = orjson.dumps(EVENT | {"Description": written, "NextStep": "call"})
        blanked = orjson.loads(signature.blank(body))
        assert blanked | {"Description": ""} == EVENT | {"Description": "", "NextStep": "call"}
        if "sessionid" not in written.lower():
            assert signature.blank(body) == body


TOKEN = "00D5e!AQ.live"


@pytest.mark.parametrize(
    "body",
    [
        orjson.dumps({"SessionId": TOKEN, "Amount": 1}),
        orjson.dumps([{"a": [{"sessionId": 'odd " \\ ' + TOKEN}]}]),
        orjson.dumps({"text": f'<n:SessionId a="1">{TOKEN}</n:SessionId>', "Amount": 1}),
        orjson.dumps({"text": f"<SessionId>{TOKEN}"}),
        b'{"SessionId" : "' + TOKEN.encode(),
        b'{"SessionId":"\\' + TOKEN.encode() + b"\\",
        b"{ <SessionId>" + b'"' + TOKEN.encode() + b"</SessionId>",
    ],
)
def test_a_session_token_in_a_callout_is_blanked_whatever_state_the_json_is_in(body: bytes) -> None:
    blanked = signature.blank(body)
    assert TOKEN.encode() not in blanked
    with contextlib.suppress(orjson.JSONDecodeError):
        assert type(orjson.loads(body)) is type(orjson.loads(blanked))
