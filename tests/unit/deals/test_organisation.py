"""Histories of units and people: in any order and number what was said ends in one tree at every instant."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.ids import ROOT_UNIT, UNASSIGNED_UNIT, entity_id, unit_id
from services.deals.chronicle import Moment
from services.deals.organisation.entries import words_of
from services.deals.organisation.judging import admit
from services.deals.organisation.paths import COMPANY, UNASSIGNED, units_on
from services.deals.organisation.standing import (
    OF_PEOPLE,
    Organisation,
    Placement,
    Refused,
    Statement,
    UnitContent,
)
from services.deals.organisation.table import read
from services.deals.organisation.timeline import Closures, person_moments, unit_moments
from tests.unit.deals.given import day, user, user_id

PATHS = ("EMEA", "EMEA/North", "EMEA/South", "APAC")
UNITS = {path: unit_id(path) for path in (*PATHS, "New")}
PEOPLE = {"Ann": "EMEA/North", "Bob": "EMEA/South", "Cid": "APAC"}
NAMED = {
    unit.unit_id: (day(0), UnitContent(unit.parent_id, unit.name, unit.kind))
    for unit in (COMPANY, UNASSIGNED, *(each for path in PATHS for each in units_on(path)))
}
WORDS = {user_id(name): words_of([user(day(0), name, team_path=path)]) for name, path in PEOPLE.items()}
INSTANTS = [day(number / 2) for number in range(1, 14)]
HELD = {user_id("Ann"): Decimal("10.10"), user_id("Bob"): Decimal("20.02"), None: Decimal("0.70")}


def base() -> Organisation:
    people = {person: person_moments(words, [], Closures([]))[0].content for person, words in WORDS.items()}
    return Organisation({unit: content for unit, (_, content) in NAMED.items()}, people)


def said(number: int, kind: str, at: datetime, **fields: UUID | str | None) -> Statement:
    return Statement(
        entity_id("test", "said", str(number)),
        kind,
        at,
        recorded_at=day(100 + number),
        **fields,  # type: ignore[arg-type]
    )


@st.composite
def spoken(draw: st.DrawFn) -> list[Statement]:
    """Statements that could be made, each when those before it had been, of instants in any order."""
    kept: list[Statement] = []
    units, people = st.sampled_from(list(UNITS.values())), st.sampled_from([*WORDS, user_id("Dee")])
    kinds = st.sampled_from(
        ["unit_closed"] * 4 + ["unit_moved", "person_moved", "person_joined"] * 3
        + ["unit_created", "unit_created", "unit_renamed", "lead_named", "person_left"]
    )  # fmt: skip
    parents = st.sampled_from([ROOT_UNIT, *UNITS.values()])
    wanted = draw(st.lists(st.tuples(kinds, st.integers(1, 6), units, parents, people), min_size=3, max_size=12))
    for number, (kind, at, unit, parent, person) in enumerate(wanted):
        fields: dict[str, UUID | str | None] = {"unit_id": UNITS["New"] if kind == "unit_created" else unit}
        if kind in OF_PEOPLE:
            fields = {"person_id": person, **({} if kind == "person_left" else fields)}
        elif kind in ("unit_created", "unit_moved"):
            fields["parent_id"] = parent
        if kind in ("unit_created", "unit_renamed"):
            fields["name"] = f"name {number}"
        if kind == "unit_closed":
            fields["into_id"] = parent
        if kind == "lead_named":
            fields["lead_id"] = person
        kept += admit(base(), kept, [said(number, kind, day(at), **fields)], within=None).admitted
    return kept


def tree(statements: Sequence[Statement], at: datetime) -> Organisation:
    """What the folds of all units and people say of an instant."""
    closures = Closures(statements)
    units: dict[UUID, UnitContent] = {}
    for unit in {*NAMED, *UNITS.values()}:
        own = [each for each in statements if each.kind not in OF_PEOPLE and each.unit_id == unit]
        if content := _read(unit_moments(NAMED.get(unit), own, closures), at):
            units[unit] = content
    people: dict[UUID, Placement] = {}
    for person in {*WORDS, *(each.person for each in statements if each.kind in OF_PEOPLE)}:
        own = [each for each in statements if each.kind in OF_PEOPLE and each.person_id == person]
        if placed := _read(person_moments(WORDS.get(person, []), own, closures), at):
            people[person] = placed
    return Organisation(units, people)


def _read(moments: Sequence[Moment], at: datetime):  # type: ignore[no-untyped-def, type-arg]
    seen = [moment for moment in moments if moment.valid_from <= at]
    return seen[-1].content if seen else None


def replayed(statements: Sequence[Statement], at: datetime) -> Organisation:
    organisation = base()
    for each in sorted(statements, key=Statement.order):
        if each.valid_from <= at:
            organisation.say(each)
    return organisation


def open_units(organisation: Organisation) -> dict[UUID, UnitContent]:
    return {unit: content for unit, content in organisation.units.items() if not content.removed}


@given(spoken(), st.randoms(use_true_random=False))
def test_any_order_and_repetition_of_statements_gives_the_same_tree_at_every_instant(statements, random):
    again = [*statements, *random.sample(statements, len(statements) // 2)]
    random.shuffle(again)

    for at in INSTANTS:
        found, expected = tree(again, at), replayed(statements, at)
        assert open_units(found) == open_units(expected)
        assert found.people == expected.people


@given(spoken())
def test_the_parts_add_to_the_whole_at_every_instant(statements):
    for at in INSTANTS:
        organisation = tree(statements, at)
        below: dict[UUID, Decimal] = {}
        for owner, amount in HELD.items():
            for unit in organisation.path(organisation.unit_of(owner)):
                below[unit] = below.get(unit, Decimal()) + amount
        assert below[ROOT_UNIT] == sum(HELD.values())
        assert not any(
            content.parent_id == unit
            for unit in below
            for content in open_units(organisation).values()
            if organisation.units[unit].removed
        )
        for unit, whole in below.items():
            children = [each for each, content in organisation.units.items() if content.parent_id == unit]
            own = sum(amount for owner, amount in HELD.items() if organisation.unit_of(owner) == unit)
            assert whole == own + sum(below.get(child, Decimal()) for child in children)


@given(spoken())
def test_what_is_said_for_later_changes_nothing_before(statements):
    cut = day(3.5)
    earlier = [each for each in statements if each.valid_from <= cut]

    for at in (each for each in INSTANTS if each < cut):
        assert open_units(tree(statements, at)) == open_units(tree(earlier, at))
        assert tree(statements, at).people == tree(earlier, at).people


def refusal(statement: Statement, *kept: Statement, within: Sequence[UUID] | None = None) -> tuple[str, str]:
    (found,) = admit(base(), kept, [statement], within=within).refused.values()
    return found.why, found.reason


def test_what_cannot_be_is_refused_by_name():
    north, south, emea = UNITS["EMEA/North"], UNITS["EMEA/South"], UNITS["EMEA"]

    assert refusal(said(1, "unit_moved", day(1), unit_id=emea, parent_id=north)) == (
        "unit_cycle",
        "EMEA would stand below itself: North below EMEA",
    )
    moved = said(1, "unit_moved", day(1), unit_id=north, parent_id=UNITS["APAC"])
    assert refusal(replace(moved, statement_id=user_id("x"), parent_id=ROOT_UNIT), moved)[0] == "two_parents"
    assert refusal(said(1, "lead_named", day(1), unit_id=north, lead_id=user_id("Nobody")))[0] == "unknown_lead"
    left = said(1, "person_left", day(1), person_id=user_id("Ann"))
    assert refusal(said(2, "lead_named", day(2), unit_id=north, lead_id=user_id("Ann")), left) == (
        "unknown_lead",
        "this person has left",
    )
    created = said(1, "unit_created", day(1), unit_id=UNITS["New"], name="New")
    assert refusal(created)[0] == "unit_without_parent"
    assert refusal(replace(created, parent_id=UNITS["New"]))[0] == "unknown_unit"
    closed = said(1, "unit_closed", day(2), unit_id=north, into_id=south)
    assert refusal(said(2, "person_moved", day(3), person_id=user_id("Cid"), unit_id=north), closed)[0] == "closed_unit"
    assert refusal(said(2, "unit_closed", day(1), unit_id=south, into_id=emea), closed) == (
        "closed_unit",
        "what was said for 2026-03-04T09:00:00+00:00 could not be any more: South is closed by then",
    )
    assert refusal(said(1, "unit_renamed", day(1), unit_id=ROOT_UNIT, name="x"))[0] == "fixed_unit"
    assert refusal(said(1, "person_left", day(1), person_id=user_id("Dee")))[0] == "unknown_person"
    moved_away = said(1, "person_moved", day(1), person_id=user_id("Ann"), unit_id=UNITS["APAC"])
    assert refusal(moved_away, within=[emea]) == ("not_yours", "this is not below your units")


def test_of_two_statements_of_one_instant_the_later_recorded_stands():
    north = UNITS["EMEA/North"]
    later = said(2, "unit_renamed", day(1), unit_id=north, name="Nord")
    sooner = replace(said(1, "unit_renamed", day(1), unit_id=north, name="Norden"), statement_id=UUID(int=2**128 - 1))

    moments = unit_moments(NAMED[north], [later, sooner], Closures([]))

    assert [moment.content.name for moment in moments] == ["North", "Nord"]


def test_a_bad_statement_changes_nothing_and_the_others_of_a_file_are_made():
    wanted = [
        said(1, "person_moved", day(1), person_id=user_id("Ann"), unit_id=UNITS["APAC"]),
        said(2, "person_moved", day(1), person_id=user_id("Bob"), unit_id=UNITS["New"]),
        said(3, "person_left", day(2), person_id=user_id("Cid")),
    ]

    found = admit(base(), [], wanted, within=None)

    assert found.admitted == [wanted[0], wanted[2]]
    assert {identifier: (why.why, why.field) for identifier, why in found.refused.items()} == {
        wanted[1].statement_id: ("unknown_unit", "unit_id")
    }
    organisation = base()
    with pytest.raises(Refused):
        organisation.say(wanted[1])
    assert organisation == base()


def test_the_crm_repeating_itself_takes_nothing_back_and_a_change_of_its_own_does():
    moved = said(1, "person_moved", day(2), person_id=user_id("Ann"), unit_id=UNITS["APAC"])
    left = said(2, "person_left", day(3), person_id=user_id("Ann"))
    records = [user(day(number), "Ann", team_path="EMEA/North") for number in (0, 4)]
    records.append(user(day(5), "Ann", team_path="EMEA/South", is_active=True))

    moments = person_moments(words_of(records), [left, moved], Closures([]))

    assert [(each.content.unit_id, each.content.is_active) for each in moments] == [
        (UNITS["EMEA/North"], True),
        (UNITS["APAC"], True),
        (UNITS["APAC"], False),
        (UNITS["APAC"], False),
        (UNITS["EMEA/South"], False),
    ]


def test_a_file_is_read_line_by_line_and_what_is_wrong_is_named():
    body = "\n".join(
        [
            "kind,valid_from,unit,parent,name,person,lead,into",
            "unit_created,2027-01-01,EMEA / West,EMEA,West,,,",
            "person_moved,2027-01-01T00:00:00+01:00,EMEA/West,,,crm:Ann,,",
            "person_moved,tomorrow,EMEA/West,,,crm:Ann,,",
            "person_gone,2027-01-01,,,,crm:Ann,,",
            "person_left,2027-01-01,,,,,,",
            "unit_moved,2027-01-01T00:00:00,EMEA,,,,,",
            "unit_moved,2027-01-01",
        ]
    )

    lines = list(read(body.encode(), ZoneInfo("Europe/Berlin")))

    assert lines[0].values == {
        "kind": "unit_created", "valid_from": datetime.fromisoformat("2026-12-31T23:00:00+00:00"), "name": "West",
        "unit_id": unit_id("EMEA/West"), "parent_id": UNITS["EMEA"], "person_id": None, "lead_id": None, "into_id": None,
    }  # fmt: skip
    assert lines[1].values is not None
    assert lines[1].values["person_id"] == user_id("Ann")
    assert [(each.number, each.refusal.column, each.refusal.value) for each in lines if each.refusal] == [
        (4, "valid_from", "tomorrow"),
        (5, "kind", "person_gone"),
        (6, "person", ""),
        (7, "valid_from", "2027-01-01T00:00:00"),
        (8, None, None),
    ]
    assert UNASSIGNED_UNIT not in {line.values["unit_id"] for line in lines if line.values}
