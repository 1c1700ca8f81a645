"""Deliveries that must not count: rightly signed and unusable, or with a credential that is damaged. Each has a record of its own."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from deploy.local.checkcrm.plan import new_deal
from libs.common import clock
from libs.common.ids import normalise_external_id
from simulator import senders
from simulator.config import Provider, SimConnection
from simulator.forms import STAGE_IDS
from simulator.records import DealRecord
from simulator.senders import Request

_NUMBERED: dict[Provider, str] = {
    "hubspot": "99{:08d}",
    "salesforce": "006z{:011d}",
    "pipedrive": "9{:07d}",
    "standard": "spoiled-{}",
}
_DAMAGED = 500_000
"""Damaged deliveries number their records from here on, unusable ones below."""


@dataclass(frozen=True)
class Spoiled:
    """A request, and what the CRM must hold before it is sent (HubSpot's records are fetched back)."""

    request: Request
    held: DealRecord | None = None


def unusable(connection: SimConnection, number: int, *, at: datetime) -> Spoiled:
    """Rightly signed at `at`, and nothing that can be understood: the gateway must take and park it."""
    ways = _WAYS[connection.provider]
    return ways[number % len(ways)](connection, _record(connection.provider, number, at), at)


def damaged(connection: SimConnection, number: int, *, at: datetime) -> Request:
    """A change like any other whose signature or credential is wrong or missing: the gateway must refuse it."""
    record = _record(connection.provider, _DAMAGED + number, at)
    request = senders.deal_request(connection, record, event="created", at=at)
    match connection.provider:
        case "salesforce":
            return _damaged_path(connection, request, number % 3)
        case "pipedrive":
            wrong = (("foretell", "not the password"), ("somebody", connection.secrets["password"]))
            return _authorised(request, wrong[number % 3] if number % 3 < len(wrong) else None)
        case _:
            return _damaged_signature(connection, request, at, number % 4)


def _record(provider: Provider, number: int, at: datetime) -> DealRecord:
    external_id = normalise_external_id(_NUMBERED[provider].format(number))
    return new_deal(external_id, (at - timedelta(hours=1)).replace(microsecond=0), Decimal("1234.50"))


# -- unusable -------------------------------------------------------------------------------------------------------

Way = Callable[[SimConnection, DealRecord, datetime], Spoiled]


def _told(connection: SimConnection, record: DealRecord, at: datetime) -> Request:
    return senders.deal_request(connection, record, event="created", at=at)


def _in_an_unknown_currency(connection: SimConnection, record: DealRecord, at: datetime) -> Spoiled:
    strange = replace(record, currency="QQQ")
    return Spoiled(_told(connection, strange, at), strange)


def _in_the_future(connection: SimConnection, record: DealRecord, at: datetime) -> Spoiled:
    return Spoiled(_told(connection, replace(record, changed_at=record.changed_at + timedelta(days=2)), at))


def _cut_off(connection: SimConnection, record: DealRecord, at: datetime) -> Spoiled:
    request = _told(connection, record, at)
    return Spoiled(_signed(connection, request, request.body[: len(request.body) * 9 // 10], at))


def _of_nothing_the_crm_knows(connection: SimConnection, record: DealRecord, at: datetime) -> Spoiled:
    return Spoiled(_told(connection, record, at))


def _edited(change: Callable[[Any], object]) -> Way:
    def way(connection: SimConnection, record: DealRecord, at: datetime) -> Spoiled:
        request = _told(connection, record, at)
        document = json.loads(request.body)
        change(document)
        return Spoiled(_signed(connection, request, json.dumps(document).encode(), at))

    return way


def _rewritten(old: str, new: str) -> Way:
    def way(connection: SimConnection, record: DealRecord, at: datetime) -> Spoiled:
        request = _told(connection, record, at)
        text = request.body.decode()
        if (old := old_of(record)) not in text:
            raise ValueError(f"{old} is not in the body")
        return Spoiled(_signed(connection, request, text.replace(old, new).encode(), at))

    def old_of(record: DealRecord) -> str:
        return old.format(id=record.deal_id)

    return way


_WAYS: dict[Provider, tuple[Way, ...]] = {
    "hubspot": (
        _in_an_unknown_currency,
        _cut_off,
        _edited(lambda events: events[0].update(portalId=1)),
        _edited(lambda events: events[0].update(occurredAt="soon")),
        _of_nothing_the_crm_knows,
    ),
    "salesforce": (
        _rewritten(f"<sf:StageName>{STAGE_IDS['salesforce']['Propose']}<", "<sf:StageName>Moonshot<"),
        _cut_off,
        _rewritten("<sf:Id>{id}</sf:Id>", ""),
        _in_an_unknown_currency,
        _in_the_future,
    ),
    "pipedrive": (
        _edited(lambda body: body["data"].update(stage_id=999)),
        _cut_off,
        _edited(lambda body: body.pop("meta")),
        _in_an_unknown_currency,
        _in_the_future,
    ),
    "standard": (
        _edited(lambda body: body["data"].update(stage="Moonshot")),
        _cut_off,
        _edited(lambda body: body["data"].pop("deal_id")),
        _in_an_unknown_currency,
        _in_the_future,
    ),
}


def _signed(connection: SimConnection, request: Request, body: bytes, at: datetime) -> Request:
    """The request with another body, signed as this CRM signs."""
    headers = dict(request.headers)
    match connection.provider:
        case "hubspot":
            headers |= senders.sign_hubspot(
                connection.secrets["client_secret"],
                method=request.method,
                url=request.url,
                body=body,
                timestamp_ms=clock.to_millis(at),
            )
        case "standard":
            headers |= senders.sign_standard(
                connection.secrets["secret"],
                message_id=request.headers["webhook-id"],
                timestamp=int(at.timestamp()),
                body=body,
            )
        case _:
            pass
    return replace(request, headers=headers, body=body)


# -- damaged --------------------------------------------------------------------------------------------------------


def _damaged_signature(connection: SimConnection, request: Request, at: datetime, way: int) -> Request:
    if way == 0:
        return replace(request, body=request.body.replace(b"1234.50", b"9234.50") + b" ")
    if way == 1:
        other = {"client_secret": "another secret", "secret": "whsec_YW5vdGhlciBzZWNyZXQgb2YgMjQgYnl0"}
        return _signed(replace(connection, secrets=connection.secrets | other), request, request.body, at)
    name = "X-HubSpot-Signature-v3" if connection.provider == "hubspot" else "webhook-signature"
    given = request.headers[name]
    if way == 2:
        place = len(given) // 2
        flipped = "A" if given[place] != "A" else "B"
        return replace(request, headers=request.headers | {name: given[:place] + flipped + given[place + 1 :]})
    return replace(request, headers={key: value for key, value in request.headers.items() if key != name})


def _damaged_path(connection: SimConnection, request: Request, way: int) -> Request:
    """Salesforce proves itself by its path and by its organisation's id."""
    secret = connection.secrets["path_secret"]
    if way == 0:
        return replace(request, url=request.url.replace(secret, secret[:-1] + ("a" if secret[-1] != "a" else "b")))
    if way == 1:
        return replace(request, url=request.url.removesuffix(f"/{secret}"))
    ours = connection.settings["organization_id"].encode()
    return replace(request, body=request.body.replace(ours, b"00D000000000099EAA"))


def _authorised(request: Request, credentials: tuple[str, str] | None) -> Request:
    headers = {name: value for name, value in request.headers.items() if name != "Authorization"}
    return replace(request, headers=headers | (senders.basic_authorization(*credentials) if credentials else {}))
