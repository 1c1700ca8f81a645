"""The organisation as the page draws it: units within units, the people in each, and its vacant line. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from libs.common.ids import UNASSIGNED_UNIT


@dataclass
class Node:
    """A unit with who is there, who has left, the units in it, and what is open of those who left. `within` counts all below."""

    id: str
    name: str
    kind: str
    lead: str | None
    people: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    vacant: list[Mapping[str, Any]] = field(default_factory=list)
    children: list["Node"] = field(default_factory=list)

    @property
    def within(self) -> int:
        return len(self.people) + sum(child.within for child in self.children)


@dataclass(frozen=True)
class Chart:
    """`tops`: the units of which the reader sees no parent. `labels`: every unit by id with its path. `unplaced`: whom nobody placed."""

    tops: list[Node]
    labels: Mapping[str, str]
    unplaced: list[str]
    is_empty: bool


def chart(found: Mapping[str, Any], vacancies: Iterable[Mapping[str, Any]], names: Mapping[str, str]) -> Chart:
    """The units of a reading, parents before their children, put into one another."""
    nodes: dict[str, Node] = {}
    labels: dict[str, str] = {}
    tops: list[Node] = []
    unassigned = Node(str(UNASSIGNED_UNIT), "Unassigned", "unassigned", None)
    for unit in found["units"]:
        if unit["kind"] == "unassigned":
            nodes[unit["unit_id"]] = unassigned
            continue
        lead = _called(unit["lead_id"], names) if unit["lead_id"] else None
        node = nodes[unit["unit_id"]] = Node(unit["unit_id"], unit["name"], unit["kind"], lead)
        parent = nodes.get(unit["parent_id"] or "")
        (parent.children if parent else tops).append(node)
        above = labels.get(unit["parent_id"] or "", "")
        is_below_company = parent is not None and parent.kind != "company"
        labels[node.id] = f"{above} / {node.name}" if is_below_company else node.name
    for person in sorted(found["people"], key=lambda each: _called(each["person_id"], names)):
        at = nodes.get(person["unit_id"])
        if at is not None:
            (at.people if person["is_active"] else at.left).append(_called(person["person_id"], names))
    for vacancy in vacancies:
        if vacancy["unit_id"] in nodes:
            nodes[vacancy["unit_id"]].vacant.extend(vacancy["holdings"])
    is_empty = not found["people"] and len(nodes) <= len(tops) + 1
    return Chart(tops, labels, unassigned.people, is_empty)


_SAID: Final = {
    "unit_created": "{unit} is created in {parent}",
    "unit_renamed": "{unit} is called {name}",
    "unit_moved": "{unit} moves to {parent}",
    "unit_closed": "{unit} is closed; {into} takes over its people and units",
    "lead_named": "{lead} leads {unit}",
    "person_joined": "{person} joins {unit}",
    "person_moved": "{person} moves to {unit}",
    "person_left": "{person} leaves",
}


def told(statement: Mapping[str, Any], shown: Chart, names: Mapping[str, str]) -> str:
    """What a statement says, in words."""

    def unit(identifier: str | None) -> str:
        return shown.labels.get(identifier or "", "a unit to come" if identifier else "nothing")

    created = statement["kind"] == "unit_created"
    return _SAID[statement["kind"]].format(
        unit=statement["name"] if created else unit(statement["unit_id"]),
        parent=unit(statement["parent_id"]),
        into=unit(statement["into_id"]),
        name=statement["name"],
        person=_called(statement["person_id"], names),
        lead=_called(statement["lead_id"], names),
    )


def _called(person: str | None, names: Mapping[str, str]) -> str:
    return names.get(person, f"Person {person[:8]}") if person else "Nobody"
