"""The organisation as it comes in and goes out. Names of people are joined at the edge; money is per currency."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from libs.common.web.schemas import In, Out
from services.deals.organisation.standing import Kind, UnitKind

State = Literal["planned", "begun", "revoked"]
Name = Annotated[str, Field(min_length=1, max_length=200)]


class UnitOut(Out):
    """A unit; `people` are those who are there."""

    unit_id: UUID
    parent_id: UUID | None
    name: str
    kind: UnitKind
    lead_id: UUID | None
    version: int
    valid_from: datetime
    people: int


class TreeOut(Out):
    units: list[UnitOut]


class PersonOut(Out):
    person_id: UUID
    unit_id: UUID
    manager_id: UUID | None
    is_active: bool
    version: int
    valid_from: datetime


class PeopleOut(Out):
    people: list[PersonOut]


class UnitThen(Out):
    """A unit at an instant."""

    unit_id: UUID
    parent_id: UUID | None
    name: str
    kind: UnitKind
    lead_id: UUID | None
    people: int


class PersonThen(Out):
    """A person at an instant; not active: left."""

    person_id: UUID
    unit_id: UUID
    manager_id: UUID | None
    is_active: bool


class OrganisationThen(Out):
    """The organisation at `as_of` as known at `known_at`; for a coming instant with what is planned until then."""

    as_of: datetime
    known_at: datetime
    units: list[UnitThen]
    people: list[PersonThen]


class StatementIn(In):
    """What is said from `valid_from` on (without it: from now on). Which fields are needed depends on `kind`."""

    kind: Kind
    valid_from: AwareDatetime | None = None
    unit_id: UUID | None = None
    parent_id: UUID | None = None
    name: Name | None = None
    person_id: UUID | None = None
    lead_id: UUID | None = None
    into_id: UUID | None = None


class StatementsIn(In):
    """Statements that are made together: all of them or none."""

    statements: Annotated[list[StatementIn], Field(min_length=1, max_length=500)]


class StatementOut(Out):
    """A statement; `planned` until it begins, `revoked` if it was taken back before."""

    statement_id: UUID
    kind: Kind
    valid_from: datetime
    state: State
    unit_id: UUID | None
    parent_id: UUID | None
    name: str | None
    person_id: UUID | None
    lead_id: UUID | None
    into_id: UUID | None
    recorded_at: datetime
    recorded_by: str
    revoked_at: datetime | None
    revoked_by: str | None


class StatementsOut(Out):
    """Statements, the latest to begin first."""

    statements: list[StatementOut]


class Holding(Out):
    """Open deals in one currency (null: without one); `unpriced` of them have no amount."""

    currency: str | None
    deals: int
    amount: Decimal
    unpriced: int


class VacancyOut(Out):
    """The vacant line of a unit: open deals whose owners have left. They are in the roll-up of the unit and in nobody's own."""

    unit_id: UUID
    holdings: list[Holding]


class VacanciesOut(Out):
    vacancies: list[VacancyOut]


class MovedPerson(Out):
    """A person whom statements move, or who leaves by them; `open` are the open deals that go along."""

    person_id: UUID
    from_unit_id: UUID
    to_unit_id: UUID
    leaves: bool
    from_path: list[UUID]
    to_path: list[UUID]
    open: list[Holding]


class MovedUnit(Out):
    """A unit whose open deals become others: before and after, all below it and the vacant included."""

    unit_id: UUID
    name: str
    before: list[Holding]
    after: list[Holding]


class PreviewOut(Out):
    """What would become of today's open deals at `as_of`, the instant when the last of the statements begins."""

    as_of: datetime
    people: list[MovedPerson]
    units: list[MovedUnit]


class RefusedRow(Out):
    """A line of a file that was not taken, the column at fault, its value, and why. The header is line 1."""

    line: int
    column: str | None
    value: str | None
    reason: str


class ImportOut(Out):
    """What became of the rows: `accepted` are new, `known` were there already; a dry run writes none of them."""

    dry_run: bool
    rows: int
    accepted: int
    planned: int
    known: int
    refused: list[RefusedRow]
