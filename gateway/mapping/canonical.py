"""A provider's record and a connection's mapping, turned into a canonical event and the person behind it. Pure."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson

from gateway.connectors.items import FullRecord
from gateway.mapping import values
from gateway.mapping.paths import field_paths, property_names, read
from gateway.mapping.presets import PRESETS, Preset
from gateway.mapping.schemas import Kind, Mapping
from gateway.mapping.values import MappingError
from libs.common.events.crm import CrmRecord, RecordClock
from libs.common.ids import entity_id, normalise_external_id

PersonKind = Literal["contact", "user", "lead"]
PERSON_FIELDS = frozenset({"name", "first_name", "last_name", "email", "phone"})
PERSON_PROPERTIES = frozenset(
    [
        "name",
        "first_name",
        "last_name",
        "firstname",
        "lastname",
        "person_name",
        "email",
        "emails",
        "phone",
        "phones",
        "FirstName",
        "LastName",
        "Name",
        "Email",
        "Phone",
        "MobilePhone",
        "mobilephone",
        "HomePhone",
        "OtherPhone",
        "Fax",
        "fax",
        "fullname",
        "yomifullname",
        "emailaddress1",
        "internalemailaddress",
        "telephone1",
    ]
)
"""Property names that hold person data in any CRM, whether they are mapped or not."""


@dataclass(frozen=True)
class Context:
    """What a record is mapped with: its connection and when its delivery arrived. `org_zone` turns instants into dates unless the mapping has its own."""

    connection: str
    provider: str
    mapping: Mapping
    mapping_version: int
    received_at: datetime
    org_zone: ZoneInfo

    @cached_property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.mapping.timezone) if self.mapping.timezone else self.org_zone

    @cached_property
    def preset(self) -> Preset:
        return PRESETS[self.provider]

    def id_of(self, object_type: str, external_id: Any) -> UUID | None:
        """Our id of a record the CRM names; None where it names none."""
        written = values.text(external_id)
        return None if written is None else entity_id(self.connection, object_type, written)

    def actor_id(self, actor: str | None) -> UUID | None:
        """Our id of who changed a record: that of the user where the CRM names both by one key."""
        return self.id_of("user" if self.preset.actors_are_users else "actor", actor)


@dataclass(frozen=True)
class Person:
    """Name, mail and phone: kept in the gateway, never in an event."""

    id: UUID
    kind: PersonKind
    external_id: str
    name: str | None
    email: str | None
    phone: str | None


@dataclass(frozen=True)
class Mapped:
    """A record in canonical form. `event` is None for a contact that is no lead; `clock` is the version of both."""

    source: FullRecord
    entity_id: UUID
    clock: RecordClock
    event: CrmRecord | None
    person: Person | None


class Fields:
    """The mapped values of one record, by canonical name."""

    def __init__(self, context: Context, kind: Kind, record: Any) -> None:
        self.paths = field_paths(context.mapping, context.provider, kind)
        self._provider = context.provider
        self._record = record

    def __getitem__(self, name: str) -> Any:
        return read(self.paths.get(name), self._record)

    def tells(self, name: str) -> bool:
        """Whether the record has what the mapping reads for a field, empty or not: else its value is unknown, not missing."""
        path = self.paths.get(name)
        if path is None:
            return False
        nested = self._record.get("properties") if self._provider == "hubspot" else self._record
        named = property_names(path, self._provider)
        return self[name] is not None or any(each in (nested or {}) for each in named)

    def text(self, name: str) -> str | None:
        return values.text(self[name])


@dataclass(frozen=True)
class Draft:
    """An event without its clock yet, and the person found beside it."""

    event: type[CrmRecord] | None
    content: dict[str, Any]
    person: Person | None = None


def complete(source: FullRecord, context: Context, entity: UUID, draft: Draft) -> Mapped:
    """Give the draft its clock: the CRM's time and sequence, the mapping's version, the digest of the content."""
    content = draft.content | {"deleted": source.deleted}
    # Who changed a record, and when, is no part of what it is: a push tells it, an answer to the same question may not.
    digested = {name: value for name, value in content.items() if name not in ("changed_by", "since")}
    digest = hashlib.sha256(orjson.dumps(digested, default=str, option=orjson.OPT_SORT_KEYS)).hexdigest()
    clock = RecordClock(
        crm_time=source.crm_time, sequence=source.sequence, mapping_version=context.mapping_version, digest=digest
    )
    if draft.event is None:
        return Mapped(source, entity, clock, None, draft.person)
    event = draft.event.model_validate(
        content
        | {
            "connection": context.connection,
            "external_id": normalise_external_id(source.external_id),
            "clock": clock,
            "received_at": context.received_at,
        }
    )
    return Mapped(source, entity, clock, event, draft.person)


def person(context: Context, kind: PersonKind, external_id: str, fields: Fields) -> Person | None:
    """The person of a record; None if it tells neither name nor mail nor phone."""
    parts = [part for part in (fields.text("first_name"), fields.text("last_name")) if part]
    name = fields.text("name") or " ".join(parts) or None
    email, phone = fields.text("email"), fields.text("phone")
    if not (name or email or phone):
        return None
    identifier = entity_id(context.connection, "user" if kind == "user" else "person", external_id)
    return Person(identifier, kind, normalise_external_id(external_id), name, email, phone)


def without_person_data(context: Context, source: FullRecord) -> dict[str, Any] | None:
    """The provider's record to keep: of a person only what a lead is mapped from, of a lead or user no name, mail or phone."""
    if source.record is None:
        return None
    if source.object_type not in ("contact", "lead", "user"):
        return dict(source.record)
    kinds: tuple[Kind, ...] = (source.object_type, "lead")
    named: dict[bool, set[str]] = {True: set(PERSON_PROPERTIES), False: {"id"}}
    for kind in kinds:
        for field, path in field_paths(context.mapping, context.provider, kind).items():
            named[field in PERSON_FIELDS] |= property_names(path, context.provider)
    if expression := context.mapping.lead_when or context.preset.lead_when:
        named[False] |= property_names(expression, context.provider)

    def kept(values: Any) -> dict[str, Any]:
        chosen = named[False] if source.object_type == "contact" else values
        return {name: value for name, value in values.items() if name in chosen and name not in named[True]}

    nested = source.record.get("properties")
    if isinstance(nested, dict):
        return {"id": source.external_id, "properties": kept(nested)}
    return kept(source.record)


Mapper = Callable[[FullRecord, Context], Draft]


def choose(field: str, value: str | None, known: dict[str, Any], where: str) -> Any:
    """The meaning of a CRM's word, exactly or ignoring case. Raises MappingError for a word nobody has explained."""
    if value is None:
        return None
    if value in known:
        return known[value]
    folded = {key.casefold(): meaning for key, meaning in known.items()}
    if value.casefold() in folded:
        return folded[value.casefold()]
    raise MappingError(field, value, f"Add {value!r} to {where} in the mapping of this connection, then replay.")
