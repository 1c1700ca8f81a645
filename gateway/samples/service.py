"""Makes a sample delivery of a connection, signed with its own secrets as its CRM would."""

import base64
from dataclasses import replace
from datetime import datetime
from urllib.parse import quote

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.config import Settings
from gateway.connections import service as connections
from gateway.connections.schemas import GENERIC
from gateway.connections.service import Connection
from gateway.connectors.generic.document import read_source
from gateway.connectors.hubspot import signature as hubspot_signature
from gateway.connectors.standard import signature as standard_signature
from gateway.mapping.presets import PRESETS
from gateway.samples.bodies import BODIES, Kind, Sample, Wanted
from gateway.samples.bodies import change_event as change_event_body
from gateway.samples.forms import form_of
from gateway.samples.signing import signed
from libs.common import clock
from libs.common.ids import new_id
from libs.common.web.auth import Principal, require
from libs.common.web.errors import Conflict, Invalid, NotFound


class UnknownConnection(NotFound):
    """There is no connection of that key."""


class NoSample(Conflict):
    """No sample ships for this connection's provider, or it lacks the secret that a delivery is signed with."""


class NotAnId(Invalid):
    """This provider's ids are numbers."""


async def make(
    session: AsyncSession,
    key: str,
    kind: Kind,
    *,
    external_id: str | None,
    change_event: bool = False,
    at: datetime,
    settings: Settings,
    principal: Principal,
) -> Sample:
    """A sample of the connection of that key. Raises UnknownConnection, NoSample, NotAnId.

    `change_event`: of Salesforce, one by a callout instead of an outbound message.
    """
    require(principal, "sales_ops")
    connection = (await connections.load(session, settings)).get(key)
    if connection is None:
        raise UnknownConnection(f"There is no connection {key}; `python -m gateway connections` lists those there are.")
    url = f"{settings.public_url.rstrip('/')}/webhooks/{connection.key}"
    wanted = _wanted(connection, kind, external_id, at)
    if change_event and connection.provider != "salesforce":
        raise NoSample(f"Change events are Salesforce's; connection {key} is {connection.provider}.")
    if connection.provider == GENERIC:
        return _generic(connection, url, wanted)
    body = change_event_body if change_event else BODIES[connection.provider]
    if connection.provider in ("hubspot", "pipedrive") and kind == "deal" and not (external_id or "1").isdigit():
        raise NotAnId(f"{external_id} is no id of {connection.provider}: they are numbers.")
    made = body(wanted)
    kind_of_body = {"Content-Type": "application/json"} if change_event else {}
    sample = _signed(connection, url, made, at)
    return replace(sample, headers=sample.headers | kind_of_body)


def _generic(connection: Connection, url: str, wanted: Wanted) -> Sample:
    """By the form of the shipped document that the connection's document came from. Raises NoSample."""
    source = read_source(connection.source or "{}")
    form = form_of(source, wanted)
    if form is None:
        raise NoSample(
            f"No sample of a {wanted.kind} ships for the document of {connection.key}; let its CRM send one, most have a button for it."
        )
    try:
        return signed(source, form, url, lambda name: _secret(connection, name), wanted.at)
    except ValueError as error:
        raise NoSample(f"Connection {connection.key}: {error}; correct the secret with connection-put.") from None


def _wanted(connection: Connection, kind: Kind, external_id: str | None, at: datetime) -> Wanted:
    """A sample in the first open stage, and the first status, that the connection's mapping knows."""
    mapping, preset = connection.mapping, PRESETS[connection.provider]
    stages = mapping.stages or preset.stages
    first = next((name for name, stage in stages.items() if stage.state == "open"), "sample")
    # Where pipelines share stage ids a mapping says `pipeline/stage`; the others have ids with slashes of their own.
    pipeline, _, stage = first.rpartition("/") if connection.provider in ("standard", "pipedrive") else ("", "", first)
    statuses = mapping.lead_statuses or preset.lead_statuses
    return Wanted(
        kind=kind,
        at=at,
        external_id=external_id,
        stage=stage,
        pipeline=pipeline or "default",
        status=next((name for name, status in statuses.items() if status == "new"), "new"),
        currency=mapping.currency or "EUR",
        settings=dict(connection.credentials.settings),
    )


def _signed(connection: Connection, url: str, body: bytes, at: datetime) -> Sample:
    json = {"Content-Type": "application/json"}
    match connection.provider:
        case "hubspot":
            timestamp = str(clock.to_millis(at))
            signature = hubspot_signature.sign(_secret(connection, "client_secret"), "POST", url, body, timestamp)
            made = {"X-HubSpot-Signature-v3": signature, "X-HubSpot-Request-Timestamp": timestamp}
            return Sample(url, json | made, body, body)
        case "salesforce":
            return Sample(f"{url}/{_secret(connection, 'path_secret')}", {"Content-Type": "text/xml"}, body, body)
        case "pipedrive":
            pair = f"{_secret(connection, 'username')}:{_secret(connection, 'password')}"
            return Sample(
                url, json | {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}, body, body
            )
        case "dataverse":
            key, named = _secret(connection, "webhook_key"), connection.credentials.settings.get("key_header")
            if named:
                return Sample(url, json | {str(named): key}, body, body)
            return Sample(f"{url}?code={quote(key, safe='')}", json, body, body)
        case _:
            identifier, timestamp = f"msg_sample_{new_id().hex}", str(int(at.timestamp()))
            signature = standard_signature.sign(_secret(connection, "secret"), identifier, timestamp, body)
            names = ("webhook-id", "webhook-timestamp", "webhook-signature")
            return Sample(url, json | dict(zip(names, (identifier, timestamp, signature), strict=True)), body, body)


def _secret(connection: Connection, name: str) -> str:
    """The first of those that are valid. Raises NoSample."""
    found = connection.credentials.all_of(name)
    if not found:
        raise NoSample(f"Connection {connection.key} has no {name}, so no delivery can be signed for it.")
    return found[0]
