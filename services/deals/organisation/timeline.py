"""The histories of units and people as folds of all that was said of them: any order of arrival gives the same. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from libs.common.ids import ROOT_UNIT
from services.deals.chronicle import Moment
from services.deals.organisation.standing import Placement, Statement, UnitContent, kind_below

C = TypeVar("C", UnitContent, Placement)


@dataclass(frozen=True, slots=True)
class Word:
    """What the CRM said of a person at an instant: their unit (`is_placed`: it named one), manager, and whether they are there."""

    at: datetime
    unit_id: UUID
    is_placed: bool
    manager_id: UUID | None
    is_active: bool
    is_deleted: bool


class Closures:
    """Since when units are closed, and who took them over. A closed unit stays closed."""

    def __init__(self, statements: Iterable[Statement]) -> None:
        self._of = {
            said.unit: (said.valid_from, said.into_id)
            for said in sorted(statements, key=Statement.order, reverse=True)
            if said.kind == "unit_closed" and said.into_id is not None
        }

    def standing(self, unit: UUID, at: datetime) -> UUID:
        """The unit itself, or who has taken it over by then, however often that happened in turn."""
        seen: set[UUID] = set()
        while unit not in seen:
            seen.add(unit)
            since, into = self._of.get(unit, (None, unit))
            if since is None or since > at:
                return unit
            unit = into
        return ROOT_UNIT

    def between(self, units: Iterable[UUID], at: datetime) -> set[datetime]:
        """The instants after `at` at which one of these, or who takes it over, is closed."""
        found: set[datetime] = set()
        seen: set[UUID] = set()
        waiting = list(units)
        while waiting:
            unit = waiting.pop()
            if unit in seen or unit not in self._of:
                continue
            seen.add(unit)
            since, into = self._of[unit]
            waiting.append(into)
            if since > at:
                found.add(since)
        return found


def unit_moments(
    named: tuple[datetime, UnitContent] | None, statements: Iterable[Statement], closures: Closures
) -> list[Moment[UnitContent]]:
    """The history of a unit. `named`: since when CRM paths name it, and what they say: it holds until somebody says otherwise."""
    said = sorted(statements, key=Statement.order)
    stated: dict[datetime, UnitContent] = {}
    content = named[1] if named else None
    if named is not None:
        stated[min([named[0], *(each.valid_from for each in said)])] = named[1]
    for each in said:
        content = _after(content, each)
        if content is not None:
            stated[each.valid_from] = content
    found: list[Moment[UnitContent]] = []
    for at, held in _entries(
        stated, closures, {each.parent_id for each in stated.values() if each.parent_id is not None}
    ):
        if held.parent_id is not None and not held.removed:
            parent = closures.standing(held.parent_id, at)
            is_kept = parent == held.parent_id
            found.append(Moment(at, held if is_kept else replace(held, parent_id=parent, kind=kind_below(parent))))
        else:
            found.append(Moment(at, held))
    return found


def _after(content: UnitContent | None, said: Statement) -> UnitContent | None:
    if said.kind == "unit_created":
        return UnitContent(said.parent_id, said.name or "", kind_below(said.parent_id), said.lead_id)
    if content is None:
        return None
    if said.kind == "unit_renamed":
        return replace(content, name=said.name or content.name)
    if said.kind == "unit_moved":
        return replace(content, parent_id=said.parent_id, kind=kind_below(said.parent_id))
    if said.kind == "unit_closed":
        return replace(content, removed=True)
    return replace(content, lead_id=said.lead_id)


def person_moments(
    words: Sequence[Word], statements: Iterable[Statement], closures: Closures
) -> list[Moment[Placement]]:
    """The history of a person: the newest word stands, the CRM's and people's alike.

    The CRM repeats all it knows of a person with every change, so only what differs from its own word before is one.
    """
    stated: dict[datetime, Placement] = {}
    content: Placement | None = None
    before: Word | None = None
    steps: list[tuple[datetime, int, int, Word | Statement]] = [
        (word.at, 0, number, word) for number, word in enumerate(words)
    ]
    steps += [(said.valid_from, 1, number, said) for number, said in enumerate(sorted(statements, key=Statement.order))]
    for at, _, _, step in sorted(steps, key=lambda each: each[:3]):
        if isinstance(step, Word):
            content = _told(content, before, step)
            before = (
                replace(step, unit_id=before.unit_id, is_placed=before.is_placed)
                if step.is_deleted and before
                else step
            )
        else:
            content = _said(content, step)
        if content is not None:
            stated[at] = content
    found: list[Moment[Placement]] = []
    for at, held in _entries(stated, closures, {each.unit_id for each in stated.values()}):
        found.append(Moment(at, replace(held, unit_id=closures.standing(held.unit_id, at))))
    return found


def _told(content: Placement | None, before: Word | None, word: Word) -> Placement:
    if content is None:
        return Placement(word.unit_id, word.manager_id, word.is_active and not word.is_deleted)
    was_there = True if before is None else before.is_active and not before.is_deleted
    is_there = word.is_active and not word.is_deleted
    has_moved = word.is_placed if before is None else word.unit_id != before.unit_id
    return Placement(
        word.unit_id if has_moved and not word.is_deleted else content.unit_id,
        content.manager_id if word.is_deleted else word.manager_id,
        is_there if is_there != was_there else content.is_active,
    )


def _said(content: Placement | None, said: Statement) -> Placement | None:
    if said.kind == "person_joined":
        return Placement(said.unit, content.manager_id if content else None, True)
    if content is None:
        return None
    if said.kind == "person_left":
        return replace(content, is_active=False)
    return replace(content, unit_id=said.unit)


def _entries(stated: Mapping[datetime, C], closures: Closures, units: Iterable[UUID]) -> Iterator[tuple[datetime, C]]:
    """What was stated, again at every later instant at which a unit that it speaks of is closed."""
    if not stated:
        return
    held: C | None = None
    for at in sorted({*stated, *closures.between(units, min(stated))}):
        held = stated.get(at, held)
        if held is not None:
            yield at, held
