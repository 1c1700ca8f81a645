"""Makes a sample delivery of a connection, signed with its own secrets as its CRM would."""

import base64
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.config import Settings
from gateway.connections import service as connections
from gateway.connections.service import Connection
from gateway.connectors.hubspot import signature as hubspot_signature
from gateway.connectors.standard import signature as standard_signature
from gateway.mapping.presets import PRESETS
from gateway.samples.bodies import BODIES, Kind, Wanted
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


@dataclass(frozen=True)
class Sample:
    """A request ready to be sent; it holds a credential, so it is never logged or printed."""

    url: str
    headers: dict[str, str]
    body: bytes


async def make(
    session: AsyncSession,
    key: str,
    kind: Kind,
    *,
    external_id: str | None,
    at: datetime,
    settings: Settings,
    principal: Principal,
) -> Sample:
    """A sample of the connection of that key. Raises UnknownConnection, NoSample, NotAnId."""
    require(principal, "sales_ops")
    connection = (await connections.load(session, settings)).get(key)
    if connection is None:
        raise UnknownConnection(f"There is no connection {key}; `python -m gateway connections` lists those there are.")
    body = BODIES.get(connection.provider)
    if body is None:
        raise NoSample(
            f"No sample ships for {connection.provider}; let the CRM behind {key} send one, most have a button for it."
        )
    if connection.provider in ("hubspot", "pipedrive") and kind == "deal" and not (external_id or "1").isdigit():
        raise NotAnId(f"{external_id} is no id of {connection.provider}: they are numbers.")
    made = body(_wanted(connection, kind, external_id, at))
    url = f"{settings.public_url.rstrip('/')}/webhooks/{connection.key}"
    return _signed(connection, url, made, at)


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
            signed = {"X-HubSpot-Signature-v3": signature, "X-HubSpot-Request-Timestamp": timestamp}
            return Sample(url, json | signed, body)
        case "salesforce":
            return Sample(f"{url}/{_secret(connection, 'path_secret')}", {"Content-Type": "text/xml"}, body)
        case "pipedrive":
            pair = f"{_secret(connection, 'username')}:{_secret(connection, 'password')}"
            return Sample(url, json | {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}, body)
        case "dataverse":
            key, named = _secret(connection, "webhook_key"), connection.credentials.settings.get("key_header")
            if named:
                return Sample(url, json | {str(named): key}, body)
            return Sample(f"{url}?code={quote(key, safe='')}", json, body)
        case _:
            identifier, timestamp = f"msg_sample_{new_id().hex}", str(int(at.timestamp()))
            signature = standard_signature.sign(_secret(connection, "secret"), identifier, timestamp, body)
            names = ("webhook-id", "webhook-timestamp", "webhook-signature")
            return Sample(url, json | dict(zip(names, (identifier, timestamp, signature), strict=True)), body)


def _secret(connection: Connection, name: str) -> str:
    """The first of those that are valid. Raises NoSample."""
    found = connection.credentials.all_of(name)
    if not found:
        raise NoSample(f"Connection {connection.key} has no {name}, so no delivery can be signed for it.")
    return found[0]
