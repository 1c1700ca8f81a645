"""What statements are understood as, and what is answered when one cannot be made."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.ids import entity_id
from libs.common.web.auth import Principal
from libs.common.web.errors import Conflict, Forbidden, Invalid, Problem
from services.deals.organisation import found
from services.deals.organisation.schemas import StatementIn
from services.deals.organisation.standing import Kind, Refused, Statement, Why

SPEAKERS = ("sales_ops", "manager", "cso")
NEEDED: Final[Mapping[Kind, tuple[str, ...]]] = {
    "unit_created": ("name",),
    "unit_renamed": ("unit_id", "name"),
    "unit_moved": ("unit_id",),
    "unit_closed": ("unit_id", "into_id"),
    "lead_named": ("unit_id",),
    "person_joined": ("person_id", "unit_id"),
    "person_moved": ("person_id", "unit_id"),
    "person_left": ("person_id",),
}
ALLOWED: Final[Mapping[Kind, tuple[str, ...]]] = {
    "unit_created": ("unit_id", "parent_id", "name", "lead_id"),
    "unit_renamed": ("unit_id", "name"),
    "unit_moved": ("unit_id", "parent_id"),
    "unit_closed": ("unit_id", "into_id"),
    "lead_named": ("unit_id", "lead_id"),
    "person_joined": ("person_id", "unit_id"),
    "person_moved": ("person_id", "unit_id"),
    "person_left": ("person_id",),
}
FIELDS: Final = ("unit_id", "parent_id", "name", "person_id", "lead_id", "into_id")


class UnitCycle(Conflict):
    """A unit would stand below itself."""


class TwoParents(Conflict):
    """A unit would have two parents from one instant on."""


class UnknownLead(Invalid):
    """Who is named as the lead is nobody of the organisation, or has left."""


class UnitWithoutParent(Invalid):
    """A unit would belong to nothing."""


class UnknownUnit(Invalid):
    """The organisation has no such unit then."""


class UnknownPerson(Invalid):
    """The organisation has no such person."""


class ClosedUnit(Conflict):
    """The unit is closed by then."""


class UnitExists(Conflict):
    """There is such a unit already."""


class FixedUnit(Invalid):
    """The company and the line of the unassigned stay as they are."""


class UnitOutOfScope(Forbidden):
    """The statement speaks of what is not below the caller's units."""


class FieldMissing(Invalid):
    """A statement of this kind needs another field, or has one that means nothing in it."""


PROBLEMS: Mapping[Why, type[Problem]] = {
    "unit_cycle": UnitCycle,
    "two_parents": TwoParents,
    "unknown_lead": UnknownLead,
    "unit_without_parent": UnitWithoutParent,
    "unknown_unit": UnknownUnit,
    "unknown_person": UnknownPerson,
    "closed_unit": ClosedUnit,
    "unit_exists": UnitExists,
    "fixed_unit": FixedUnit,
    "not_yours": UnitOutOfScope,
}


def understood(
    wanted: Sequence[StatementIn],
    ids: Sequence[UUID],
    *,
    at: datetime,
    principal: Principal,  # noqa: ARG001
) -> list[Statement]:
    """The statements as they would be kept, from now on where no time was given. Raises FieldMissing."""
    now = clock.now()
    made: list[Statement] = []
    for number, (each, identifier) in enumerate(zip(wanted, ids, strict=True)):
        values = each.model_dump(include=set(FIELDS))
        for name in FIELDS:
            if (name in NEEDED[each.kind]) and values[name] is None:
                raise FieldMissing(f"statements.{number}.{name}: {each.kind} needs it.", statement=number, field=name)
            if name not in ALLOWED[each.kind] and values[name] is not None:
                raise FieldMissing(
                    f"statements.{number}.{name}: {each.kind} has no such field; leave it out.",
                    statement=number,
                    field=name,
                )
        if each.kind == "unit_created" and values["unit_id"] is None:
            values["unit_id"] = entity_id("foretell", "unit", str(identifier))
        made.append(
            Statement(
                statement_id=identifier,
                kind=each.kind,
                valid_from=each.valid_from or now,
                recorded_at=at,
                position=number,
                **values,
            )
        )
    return made


async def allow(session: AsyncSession, said: Sequence[Statement], *, principal: Principal) -> None:
    """Raise the problem of the first of these statements that cannot be made."""
    refused = (await found.admission(session, said, principal=principal)).refused
    for number, each in enumerate(said):
        if each.statement_id in refused:
            raise problem(refused[each.statement_id], number)


def problem(refused: Refused, number: int | None = None) -> Problem:
    """The answer for a statement that cannot be made."""
    where = "" if number is None else f"statements.{number}."
    extra = {} if number is None else {"statement": number}
    return PROBLEMS[refused.why](
        f"{where}{refused.field}: {refused.reason}.", field=refused.field, value=refused.value, **extra
    )
