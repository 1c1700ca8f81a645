"""What statements would move: people, and today's open deals with their money, before anything is said."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.ids import new_id
from libs.common.web.auth import Principal, require
from services.deals.organisation import found, repository
from services.deals.organisation.answers import SPEAKERS, allow, understood
from services.deals.organisation.schemas import Holding, MovedPerson, MovedUnit, PreviewOut, StatementIn
from services.deals.organisation.standing import Organisation, Placement, Statement

Sums = dict[str | None, tuple[int, Decimal, int]]
"""Deals, amount and how many without an amount, by currency."""


async def preview(session: AsyncSession, wanted: Sequence[StatementIn], *, principal: Principal) -> PreviewOut:
    """What would become of today's open deals within scope if this were said. Raises what stating it raises."""
    require(principal, *SPEAKERS)
    now = clock.now()
    said = understood(wanted, [new_id() for _ in wanted], at=now, principal=principal)
    await allow(session, said, principal=principal)
    as_of = max(each.valid_from for each in said)
    base, later = await found.ground(session, min(each.valid_from for each in said))
    before = _say(base, [each for each in later if each.valid_from <= as_of])
    after = _say(base, [*(each for each in later if each.valid_from <= as_of), *said])
    held = _held(await repository.open_deals(session, principal=principal))
    return PreviewOut(as_of=as_of, people=_people(before, after, held), units=_units(before, after, held))


def _say(base: Organisation, statements: Sequence[Statement]) -> Organisation:
    organisation = base.copy()
    for said in sorted(statements, key=Statement.order):
        organisation.say(said)
    return organisation


def _held(rows: Sequence[Mapping[str, Any]]) -> dict[UUID | None, Sums]:
    held: dict[UUID | None, Sums] = {}
    for row in rows:
        held.setdefault(row["owner_id"], {})[row["currency"]] = (row["deals"], row["amount"], row["unpriced"])
    return held


def _people(before: Organisation, after: Organisation, held: Mapping[UUID | None, Sums]) -> list[MovedPerson]:
    moved: list[MovedPerson] = []
    for person in sorted(before.people.keys() | after.people.keys()):
        come_from, go_to = before.unit_of(person), after.unit_of(person)
        paths = before.path(come_from)[::-1], after.path(go_to)[::-1]
        leaves = _is_there(before, person) and not _is_there(after, person)
        if paths[0] != paths[1] or leaves:
            moved.append(
                MovedPerson(
                    person_id=person,
                    from_unit_id=come_from,
                    to_unit_id=go_to,
                    leaves=leaves,
                    from_path=paths[0],
                    to_path=paths[1],
                    open=_out(held.get(person, {})),
                )
            )
    return moved


def _is_there(organisation: Organisation, person: UUID) -> bool:
    placed: Placement | None = organisation.people.get(person)
    return placed is not None and placed.is_active


def _units(before: Organisation, after: Organisation, held: Mapping[UUID | None, Sums]) -> list[MovedUnit]:
    sums = _rolled_up(before, held), _rolled_up(after, held)
    units = {**before.units, **after.units}
    return [
        MovedUnit(
            unit_id=unit,
            name=units[unit].name,
            before=_out(sums[0].get(unit, {})),
            after=_out(sums[1].get(unit, {})),
        )
        for unit in sorted(units, key=lambda each: (len(after.path(each)), units[each].name, each))
        if sums[0].get(unit, {}) != sums[1].get(unit, {})
    ]


def _rolled_up(organisation: Organisation, held: Mapping[UUID | None, Sums]) -> dict[UUID, Sums]:
    """What is open below each unit; every deal is once in each unit above its owner."""
    found_of: dict[UUID, Sums] = {}
    for owner, sums in held.items():
        for unit in organisation.path(organisation.unit_of(owner)):
            whole = found_of.setdefault(unit, {})
            for currency, (deals, amount, unpriced) in sums.items():
                known = whole.get(currency, (0, Decimal(), 0))
                whole[currency] = (known[0] + deals, known[1] + amount, known[2] + unpriced)
    return found_of


def _out(sums: Sums) -> list[Holding]:
    return [
        Holding(currency=currency, deals=deals, amount=amount, unpriced=unpriced)
        for currency, (deals, amount, unpriced) in sorted(sums.items(), key=lambda each: each[0] or "~")
    ]
