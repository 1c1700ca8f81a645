"""One record of a mapping compiled against one file's columns: a row in, its canonical changes out."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson
from pydantic import ValidationError

from gateway.imports.reading.casts import Cast, cast_for, instant_cast
from gateway.imports.reading.changes import Change, Person
from gateway.imports.reading.document import MappingDocument, Record, Value
from gateway.imports.reading.expressions import Cells, Columns, Read, column_of, compile_value, compile_when
from gateway.imports.reading.joins import Joined
from gateway.imports.reading.memory import Memory
from gateway.imports.reading.refusal import NO_DATE, Refused
from gateway.imports.reading.targets import OBJECTS, TARGETS
from gateway.mapping.values import remark
from libs.common import ids
from libs.common.clock import MAX_AHEAD
from libs.common.events.crm import CrmRecord, RecordClock
from libs.common.money import quantise

_AMOUNTS = frozenset({"amount", "list_price", "cost"})


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    read: Read
    cast: Cast | None
    column: str
    refers_to: str


@dataclass(frozen=True, slots=True)
class _Moment:
    """One change that every selected row tells of."""

    selects: Callable[[Cells], bool]
    at: _Field
    fields: Sequence[_Field]
    has_category: bool


class RecordReader:
    """Turns rows into changes. Holds no state of its own; what rows must know of each other is in `memory`."""

    def __init__(
        self,
        mapping: MappingDocument,
        record: Record,
        columns: Columns,
        joins: Sequence[Joined],
        memory: Memory,
        *,
        place: str,
        received_at: datetime,
    ) -> None:
        self._mapping, self._record, self._columns, self._joins, self._memory = mapping, record, columns, joins, memory
        self._received_at = received_at
        self._latest = received_at + MAX_AHEAD
        self._zone = ZoneInfo(mapping.timezone)
        self._canonical = OBJECTS[record.object]
        self._selects = compile_when(record.when, columns, place=f"{place}.when")
        self._id = compile_value(record.id, columns, place=f"{place}.id")
        self._connection = (
            compile_value(record.connection, columns, place=f"{place}.connection")
            if record.connection
            else (lambda _cells: mapping.connection)
        )
        self._moments = [
            self._moment(number, place=f"{place}.changes.{number}") for number in range(len(record.changes))
        ]
        self._person = {
            name: compile_value(value, columns, place=f"{place}.person.{name}")
            for name in ("name", "email", "phone")
            if record.person and (value := getattr(record.person, name)) is not None
        }

    def read(self, cells: Sequence[str]) -> list[Change] | None:
        """The changes that a row tells of, all or none; None when the mapping leaves the row out. Raises Refused."""
        joined: list[str] = list(cells)
        for join in self._joins:
            joined += join.match(joined)
        if not self._selects(joined):
            return None
        connection = self._connection(joined)
        if connection is None:
            raise Refused("no connection", column=column_of(self._record.connection or self._record.id))
        external_id = self._own_id(joined, connection)
        if self._record.distinct and not self._memory.first(connection, self._record.object, external_id):
            return None
        changes = []
        before: datetime | None = None
        for number, moment in enumerate(self._moments):
            if moment.selects(joined):
                change = self._change(number, moment, joined, connection, external_id, before)
                before = change.event.clock.crm_time
                changes.append(change)
        if not changes:
            raise Refused("none of the mapping's changes applies to this row")
        return changes

    def _own_id(self, cells: Cells, connection: str) -> str:
        text = self._id(cells)
        if text is None:
            raise Refused("no id", column=column_of(self._record.id), value="")
        return self._external_id(connection, self._record.object, text)

    def _external_id(self, connection: str, object_type: str, text: str) -> str:
        """The id as events carry it: a person's name used as an id is replaced by its digest."""
        if object_type in self._mapping.hash_ids:
            return hashlib.sha256(f"{connection}:{object_type}:{text}".encode()).hexdigest()[:24]
        return ids.normalise_external_id(text)

    def _moment(self, number: int, *, place: str) -> _Moment:
        change = self._record.changes[number]
        values = dict(self._record.fields) | dict(change.fields)
        at = _Field(
            "at",
            compile_value(change.at, self._columns, place=f"{place}.at"),
            instant_cast(change.at.format, self._zone),
            column_of(change.at),
            "",
        )
        return _Moment(
            selects=compile_when(change.when, self._columns, place=f"{place}.when"),
            at=at,
            fields=[self._field(name, value, place=place) for name, value in values.items()],
            has_category="category" in values,
        )

    def _field(self, name: str, value: Value, *, place: str) -> _Field:
        target = TARGETS[self._record.object][name]
        read = compile_value(value, self._columns, place=f"{place}.fields.{name}")
        return _Field(name, read, cast_for(target, value, self._zone), column_of(value), target.refers_to)

    def _change(
        self, number: int, moment: _Moment, cells: Cells, connection: str, external_id: str, before: datetime | None
    ) -> Change:
        at = self._time(moment.at, cells, before)
        content: dict[str, Any] = {"connection": connection, "external_id": external_id}
        for field in moment.fields:
            text = field.read(cells)
            if text is not None:
                content[field.name] = self._typed(field, text, connection)
        if self._record.object == "deal":
            self._complete_deal(content, moment, at, external_id)
            self._complete_care(content, moment)
        if "currency" in TARGETS[self._record.object]:
            self._complete_money(content, moment)
        entity = _entity(connection, self._record.object, external_id)
        content[self._canonical.id_field] = entity
        person = self._person_of(cells, connection, external_id, entity, at)
        if person is not None and self._record.object == "lead":
            content["person_id"] = person.id
        tie = self._memory.tie(entity, at, number) if self._record.ties == "file_order" else 0
        clock = RecordClock.model_construct(
            crm_time=at,
            sequence=tie * len(self._moments) + number,
            mapping_version=self._mapping.version,
            digest=_digest(content),
        )
        return Change(self._event(content, clock, moment), entity, person)

    def _time(self, field: _Field, cells: Cells, before: datetime | None) -> datetime:
        text = field.read(cells)
        if text is None:
            raise Refused(NO_DATE, column=field.column, value="")
        at: datetime = _cast(field, text)
        if at > self._latest:
            raise Refused("lies in the future", column=field.column, value=text)
        if before is not None and at < before:
            raise Refused("lies before the change that precedes it", column=field.column, value=text)
        return at

    def _typed(self, field: _Field, text: str, connection: str) -> Any:
        if field.refers_to:
            return _entity(connection, field.refers_to, self._external_id(connection, field.refers_to, text))
        return text if field.cast is None else _cast(field, text)

    def _complete_deal(self, content: dict[str, Any], moment: _Moment, at: datetime, external_id: str) -> None:
        """Adds what the stage means and, on a close that names no day, the day of the change."""
        name = content.get("stage")
        stage_field = next(field for field in moment.fields if field.name == "stage")
        if name is None:
            raise Refused("no stage", column=stage_field.column, value="")
        stage = self._mapping.stages.get(name)
        if stage is None:
            known = ", ".join(self._mapping.stages)
            raise Refused(f"unknown stage; the mapping knows: {known}", column=stage_field.column, value=name)
        content["stage"], content["state"] = stage.stage or name, stage.state
        if stage.state == "open":
            content["stage_probability"], content["mapped_category"] = stage.probability, stage.category
            if not moment.has_category:
                content["category"] = stage.category
        else:
            content["stage_probability"] = Decimal(stage.state == "won")
            content.pop("category", None)
        content.setdefault("pipeline", self._mapping.pipeline)
        closing = at
        if self._record.closed_is_final:
            key = _entity(content["connection"], "deal", external_id)
            closing = self._memory.close(key, at, is_open=stage.state == "open", column=moment.at.column)
        if stage.state != "open":
            day = content.setdefault("closed_on", closing.astimezone(self._zone).date())
            content.setdefault("close_date", day)

    def _complete_care(self, content: dict[str, Any], moment: _Moment) -> None:
        """Adds which of the facts the file tells at all: an empty cell of those is none, and not unknown."""
        mapped = {field.name for field in moment.fields}
        told = {"next_step_known": "next_step" in mapped, "activity_known": "last_activity_at" in mapped}
        content |= {name: True for name, is_told in told.items() if is_told}
        if "next_step" in content:
            content["next_step"] = remark(content["next_step"])

    def _complete_money(self, content: dict[str, Any], moment: _Moment) -> None:
        """Gives amounts their currency and its number of decimals."""
        amounts = [field for field in moment.fields if field.name in _AMOUNTS and field.name in content]
        currency = content.setdefault("currency", self._mapping.currency)
        for field in amounts:
            told = str(content[field.name])
            if currency is None:
                raise Refused("has no currency; give the mapping one", column=field.column, value=told)
            try:
                content[field.name] = quantise(content[field.name], currency)
            except InvalidOperation:
                raise Refused("is too large", column=field.column, value=told) from None

    def _person_of(self, cells: Cells, connection: str, external_id: str, entity: UUID, at: datetime) -> Person | None:
        if not self._person:
            return None
        found: Mapping[str, str | None] = {name: read(cells) for name, read in self._person.items()}
        if not any(found.values()):
            return None
        return Person(
            id=entity if self._record.object == "user" else _entity(connection, "person", external_id),
            connection=connection,
            kind=self._record.object,
            external_id=external_id,
            name=found.get("name"),
            email=found.get("email"),
            phone=found.get("phone"),
            clock=at,
        )

    def _event(self, content: dict[str, Any], clock: RecordClock, moment: _Moment) -> CrmRecord:
        try:
            return self._canonical.event(**content, clock=clock, received_at=self._received_at, reconstructed=True)
        except ValidationError as error:
            fault = error.errors(include_url=False)[0]
            name = str(fault["loc"][0]) if fault["loc"] else ""
            column = next((field.column for field in moment.fields if field.name == name), name)
            raise Refused(fault["msg"], column=column, value=str(fault["input"])) from None


def _cast(field: _Field, text: str) -> Any:
    try:
        return text if field.cast is None else field.cast(text)
    except Refused as refused:
        raise Refused(refused.reason, column=field.column, value=text) from None


@lru_cache(maxsize=50_000)
def _entity(connection: str, object_type: str, external_id: str) -> UUID:
    return ids.entity_id(connection, object_type, external_id)


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(orjson.dumps(content, default=str, option=orjson.OPT_SORT_KEYS)).hexdigest()
