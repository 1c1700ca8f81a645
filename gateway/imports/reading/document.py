"""The mapping document: which file holds what, and how its columns become canonical fields."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from gateway.imports.reading.targets import OBJECTS, TARGETS
from libs.common.events.crm import Category, Probability, State
from libs.common.money import exponent

ObjectType = Literal["user", "account", "product", "lead", "deal"]


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _as_text(value: Any) -> Any:
    """YAML reads `2016-10-01` as a date and `12` as a number; a mapping means the text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value) if isinstance(value, int | float | Decimal) else value


Text = Annotated[str, BeforeValidator(_as_text)]


def _column(value: Any) -> Any:
    return {"column": value} if isinstance(value, str) else value


class Value(Part):
    """Where a text comes from and how it is tidied; a bare string is the name of a column.

    Order: source, `blank`, `lower`/`upper`, `replace` (others stay), `map` (others are refused). `format` and `decimal`
    say how the text is read as a time, date or number.
    """

    column: str | None = None
    constant: Text | None = None
    template: str | None = None
    first: "tuple[Expression, ...] | None" = None
    blank: tuple[Text, ...] = ()
    lower: bool = False
    upper: bool = False
    replace: Mapping[Text, Text] = {}
    map: Mapping[Text, Text | None] | None = None
    format: str | None = None
    decimal: Literal[".", ","] = "."

    @model_validator(mode="after")
    def _one_source(self) -> "Value":
        given = [name for name in ("column", "constant", "template", "first") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(
                f"give exactly one of column, constant, template, first; here: {', '.join(given) or 'none'}"
            )
        return self


Expression = Annotated[Value, BeforeValidator(_column)]
Value.model_rebuild()


class Source(Part):
    """A role that one or more files play, found by a name pattern such as `deals*.csv*`."""

    match: str
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    encoding: str = "utf-8"


class Join(Part):
    """Rows of another file, kept in memory, whose columns are used as `<alias>.<column>`.

    `on` is right column -> left expression. A left value without a match refuses the row, unless `missing: ignore`;
    a blank left value simply has no match.
    """

    file: str
    on: dict[str, Expression] = Field(min_length=1)
    missing: Literal["refuse", "ignore"] = "refuse"


class Change(Part):
    """One change that a row tells of: when it happened, and fields that differ from the record's."""

    at: Expression
    when: dict[str, tuple[Text, ...]] = {}
    fields: dict[str, Expression] = {}


class Person(Part):
    """Person data of a record; kept apart from its event."""

    name: Expression | None = None
    email: Expression | None = None
    phone: Expression | None = None


class Record(Part):
    """How rows of one file become changes of one kind of object."""

    object: ObjectType
    file: str
    id: Expression
    connection: Expression | None = None
    when: dict[str, tuple[Text, ...]] = {}
    distinct: bool = False
    ties: Literal["none", "file_order"] = "none"
    closed_is_final: bool = False
    joins: dict[str, Join] = {}
    person: Person | None = None
    fields: dict[str, Expression] = {}
    changes: tuple[Change, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _known_fields(self) -> "Record":
        allowed = TARGETS[self.object]
        for fields in (self.fields, *(change.fields for change in self.changes)):
            for name in fields:
                if name not in allowed:
                    raise ValueError(f"{self.object} has no field {name!r}; it has: {', '.join(sorted(allowed))}")
        for change in self.changes:
            missing = OBJECTS[self.object].required - self.fields.keys() - change.fields.keys()
            if missing:
                raise ValueError(f"a {self.object} needs the field {', '.join(sorted(missing))}")
        if self.person and self.object not in ("user", "lead"):
            raise ValueError("only a user or a lead has a person")
        if self.closed_is_final and self.object != "deal":
            raise ValueError("closed_is_final is for deals")
        return self


class Stage(Part):
    """What a stage of the source means here. An unknown probability stays null; none is invented."""

    stage: str | None = None
    state: State = "open"
    probability: Probability | None = None
    category: Category | None = None


class MappingDocument(Part):
    """A whole mapping. `version` goes into the clock of every record: raising it lets a corrected mapping supersede."""

    version: int = Field(ge=1)
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=60)
    connection: Text | None = None
    timezone: str = "UTC"
    currency: str | None = None
    pipeline: str = "default"
    hash_ids: frozenset[ObjectType] = frozenset()
    files: dict[str, Source] = Field(min_length=1)
    stages: dict[Text, Stage] = {}
    records: tuple[Record, ...] = Field(min_length=1)

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except Exception as error:
            raise ValueError(f"{value!r} is not a time zone name such as Europe/Berlin") from error
        return value

    @field_validator("currency")
    @classmethod
    def _known_currency(cls, value: str | None) -> str | None:
        if value is not None:
            exponent(value)
        return value

    @model_validator(mode="after")
    def _hangs_together(self) -> "MappingDocument":
        for number, record in enumerate(self.records):
            for role in (record.file, *(join.file for join in record.joins.values())):
                if role not in self.files:
                    raise ValueError(f"records.{number} uses the file {role!r}; files has: {', '.join(self.files)}")
            if record.connection is None and self.connection is None:
                raise ValueError(f"records.{number} has no connection, nor has the mapping")
            if record.object == "deal" and not self.stages:
                raise ValueError(f"records.{number} are deals, so the mapping needs stages")
        return self
