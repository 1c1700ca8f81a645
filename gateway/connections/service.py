"""Connections to CRMs: which there are, their credentials, and how their words are to be understood."""

import contextlib
from collections.abc import Mapping as Mapping_
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

import httpx
import orjson
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.audit import service as audit
from gateway.config import Settings
from gateway.connections import repository
from gateway.connections.schemas import (
    GENERIC,
    ConnectionDetail,
    ConnectionDocument,
    ConnectionIn,
    ConnectionOut,
    PutResult,
    wrong_secrets,
)
from gateway.connections.secrets import seal, sealed_anew, unseal
from gateway.connectors.generic.document import Source
from gateway.connectors.guard import allowed_hosts, is_public
from gateway.connectors.verification import Credentials
from gateway.mapping import writing
from gateway.mapping.schemas import Mapping
from libs.common import clock
from libs.common.events.crm import CrmMappingActivated, CrmWriteBackOffered, EditedField, OfferedStage
from libs.common.ids import entity_id
from libs.common.messaging import outbox
from libs.common.web.auth import Principal, require
from libs.common.web.errors import Conflict, Invalid, NotFound

READERS = ("viewer", "seller", "manager", "sales_ops", "finance", "cso", "ceo")


class ProviderIsFixed(Conflict):
    """A connection's provider cannot change: its records would become others."""


class SecretsMissing(Invalid):
    """A new connection needs its secrets, and a source those that it names."""


class NotConnected(NotFound):
    """There is no connection of this key."""


class OtherKey(Invalid):
    """The document is of another connection than the address."""


class FetchNotAllowed(Invalid):
    """The document wants to fetch from where a connection must not."""


@dataclass(frozen=True)
class Connection:
    """A connection ready for use, secrets open; kept in memory only."""

    key: str
    provider: str
    name: str
    state: str
    credentials: Credentials
    mapping: Mapping
    mapping_version: int
    source: str | None = None
    """Of a generic connection: its document's `source`, as JSON with sorted keys."""


def opened(row: RowMapping, settings: Settings) -> Connection:
    """Raises WrongSecretsKey."""
    source = row["settings"].get("source") if row["provider"] == GENERIC else None
    return Connection(
        key=row["key"],
        provider=row["provider"],
        name=row["name"],
        state=row["state"],
        credentials=Credentials(unseal(settings.secrets_key, bytes(row["secrets"])), row["settings"]),
        mapping=Mapping.model_validate(row["mapping"]),
        mapping_version=row["mapping_version"],
        source=_source_text(source),
    )


async def load(session: AsyncSession, settings: Settings) -> dict[str, Connection]:
    """All connections by key."""
    return {row["key"]: opened(row, settings) for row in await repository.all_rows(session)}


def check_key(document: ConnectionIn, key: str) -> None:
    """Raises OtherKey."""
    if document.key != key:
        raise OtherKey(f"The document is of connection {document.key!r}, the address of {key!r}.")


async def seal_anew(session: AsyncSession, *, settings: Settings, principal: Principal) -> int:
    """Encrypt the secrets of all connections under the first key of the settings; how many. Raises WrongSecretsKey."""
    require(principal, "admin")
    rows = await repository.sealed_for_update(session)
    await repository.seal(
        session, {row["key"]: sealed_anew(settings.secrets_key, bytes(row["secrets"])) for row in rows}
    )
    return len(rows)


async def put(session: AsyncSession, document: ConnectionIn, *, settings: Settings, principal: Principal) -> PutResult:
    """Create or change a connection: `created`, `changed`, `remapped` (its mapping got a new version) or `unchanged`.

    A changed mapping always gets a higher version, so that records mapped by it supersede those mapped before.
    """
    require(principal, "sales_ops")
    row = await repository.row_for_update(session, document.key)
    mapping = document.mapping.model_dump(mode="json", exclude_defaults=True)
    before = _comparable(row, settings) if row is not None else None
    secrets = _checked_secrets(document, row, before, settings)
    after = {
        "name": document.name,
        "state": document.state,
        "secrets": secrets,
        "settings": document.stored_settings,
        "mapping": mapping,
    }
    if before == after:
        return "unchanged"
    remapped = before is not None and before["mapping"] != mapping
    version = (
        document.mapping.version if row is None else max(row["mapping_version"] + remapped, document.mapping.version)
    )
    sealed = seal(settings.secrets_key, secrets)
    values = after | {"key": document.key, "provider": document.provider, "secrets": sealed, "mapping_version": version}
    await repository.upsert(session, values)
    if before is not None:
        await repository.ask_again(session, document.key)
    if before is not None and document.state == "active" and (remapped or before["state"] != "active"):
        event = CrmMappingActivated(
            connection=document.key,
            mapping_version=version,
            previous_version=row["mapping_version"] if row else version,
        )
        outbox.add(
            session,
            event,
            key=entity_id(document.key, "connection", document.key),
            version=version,
            occurred_at=clock.now(),
            actor=principal.subject,
        )
    _tell_write_back(session, document, before, actor=principal.subject)
    result: PutResult = "created" if before is None else "remapped" if remapped else "changed"
    detail = {"state": document.state, "mapping_version": version}
    await audit.record(
        session, f"connection.{result}", actor=principal.subject, on=f"connection:{document.key}", detail=detail
    )
    return result


def _tell_write_back(
    session: AsyncSession, document: ConnectionIn, before: Mapping_[str, Any] | None, *, actor: str
) -> None:
    """Tell what the connection takes back from here, where that is not what was told before."""
    offer = _offer(document.provider, document.state, document.settings, document.mapping)
    known = before and _offer(
        document.provider, before["state"], before["settings"], Mapping.model_validate(before["mapping"])
    )
    if offer != (known or ((), ())):
        now = clock.now()
        version = clock.to_millis(now)
        event = CrmWriteBackOffered(connection=document.key, version=version, fields=offer[0], stages=offer[1])
        key = entity_id(document.key, "write back", document.key)
        outbox.add(session, event, key=key, version=version, occurred_at=now, actor=actor)


def _offer(
    provider: str, state: str, settings: Mapping_[str, Any], mapping: Mapping
) -> tuple[tuple[EditedField, ...], tuple[OfferedStage, ...]]:
    fields = tuple(sorted(writing.targets(settings))) if provider in writing.PROVIDERS and state == "active" else ()
    return fields, writing.stages(provider, mapping) if fields else ()


async def hypothetical(
    session: AsyncSession, document: ConnectionIn, *, settings: Settings, principal: Principal
) -> Connection:
    """The connection as it would be under the document, with the next version of its mapping; nothing is stored.

    Raises NotConnected for a key that nobody has put: without a connection there are no deliveries to try it with.
    """
    require(principal, "sales_ops")
    row = await repository.row(session, document.key)
    if row is None:
        raise NotConnected(
            f"There is no connection {document.key!r}; put it with state: paused, let its CRM send, then try the document."
        )
    secrets = _checked_secrets(document, row, _comparable(row, settings), settings)
    source = document.stored_settings.get("source")
    return Connection(
        key=document.key,
        provider=document.provider,
        name=document.name,
        state=document.state,
        credentials=Credentials(secrets, document.stored_settings),
        mapping=document.mapping,
        mapping_version=max(row["mapping_version"] + 1, document.mapping.version),
        source=_source_text(source),
    )


def _checked_secrets(
    document: ConnectionIn, row: RowMapping | None, before: Mapping_[str, Any] | None, settings: Settings
) -> dict[str, Any]:
    """The document's secrets, else the stored ones. Raises what is wrong with the document beside what is stored."""
    if row is not None and row["provider"] != document.provider:
        raise ProviderIsFixed(
            f"Connection {document.key} is {row['provider']}; give the {document.provider} account a key of its own."
        )
    secrets = document.secrets if document.secrets is not None else (before or {}).get("secrets")
    if secrets is None:
        raise SecretsMissing(f"Connection {document.key} is new and needs its secrets.")
    if wrong := wrong_secrets(document.provider, document.source, secrets):
        raise SecretsMissing(f"Connection {document.key}: {wrong}.")
    if document.source is not None:
        _check_base(document.source, settings)
    return dict(secrets)


def _source_text(source: Any) -> str | None:
    return orjson.dumps(source, option=orjson.OPT_SORT_KEYS).decode() if source is not None else None


def _check_base(source: Source, settings: Settings) -> None:
    """Raises FetchNotAllowed for an address that no fetch could reach; names are resolved only when it is asked."""
    base = httpx.URL(source.fetch.base) if source.fetch else None
    if base is None or base.host.lower() in allowed_hosts(settings.fetch_allow):
        return
    if base.scheme != "https":
        raise FetchNotAllowed(f"source.fetch.base is {base}: use https, or name the host in FORETELL_FETCH_ALLOW.")
    with contextlib.suppress(ValueError):
        if not is_public(str(ip_address(base.host))):
            raise FetchNotAllowed(f"source.fetch.base is {base}, which is no address of the public internet.")


def _comparable(row: RowMapping, settings: Settings) -> dict[str, Any]:
    return {name: row[name] for name in ("name", "state", "settings", "mapping")} | {
        "secrets": unseal(settings.secrets_key, bytes(row["secrets"]))
    }


async def listed(session: AsyncSession, *, settings: Settings, principal: Principal) -> Sequence[ConnectionOut]:
    """Every connection, without secrets."""
    require(principal, *READERS)
    return [ConnectionOut(**_shown(row, settings)) for row in await repository.all_rows(session)]


async def detail(session: AsyncSession, key: str, *, settings: Settings, principal: Principal) -> ConnectionDetail:
    """One connection with its document; of its secrets only the names. Raises NotConnected."""
    require(principal, *READERS)
    row = await repository.row(session, key)
    if row is None:
        raise NotConnected(f"There is no connection {key!r}; the list of connections shows those there are.")
    stored = dict(row["settings"])
    source = stored.pop("source", None) if row["provider"] == GENERIC else None
    # The database sorts names; through the model they stand in the order of the guide.
    document = ConnectionDocument(
        key=row["key"],
        provider=row["provider"],
        name=row["name"],
        state=row["state"],
        settings=stored,
        source=_ordered(Source, source) if source is not None else None,
        mapping=_ordered(Mapping, row["mapping"]),
    )
    names = sorted(name for name, value in unseal(settings.secrets_key, bytes(row["secrets"])).items() if value)
    return ConnectionDetail(**_shown(row, settings), document=document, secrets=names)


def _ordered(model: type[Source] | type[Mapping], stored: Any) -> dict[str, Any]:
    return model.model_validate(stored).model_dump(mode="json", exclude_defaults=True)


def _shown(row: RowMapping, settings: Settings) -> dict[str, Any]:
    base = settings.public_url.rstrip("/")
    url = f"{base}/webhooks/{row['key']}" + ("/{path_secret}" if _has_path_secret(row) else "")
    names = ("key", "provider", "name", "state", "settings", "mapping_version", "created_at", "updated_at")
    return {name: row[name] for name in names} | {"webhook_url": url}


def _has_path_secret(row: RowMapping) -> bool:
    schemes = row["settings"].get("source", {}).get("auth", [])
    return row["provider"] == "salesforce" or any(scheme["kind"] == "path" for scheme in schemes)
