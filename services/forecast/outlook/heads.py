"""How many of all people a part of the organisation has: what it gets of answers that tell of the whole company. Pure."""

from dataclasses import replace
from uuid import UUID

from services.forecast.past.view import View


def heads(view: View, basis: str) -> float | None:
    """The share of all people who are there whose deals are asked for; None where people do not tell, as of one product, or where
    nobody is known.

    Answers are in the value basis of calls.
    """
    asked = {name: text for name, text in view.filters.items() if (name, text) != ("value_basis", basis)}
    owner = asked.pop("owner", None)
    if asked:
        return None
    if view.units is None and owner is None:
        return 1.0
    there = people(replace(view, units=None, filters={}))
    return len(people(view)) / len(there) if there else None


def people(view: View) -> list[UUID]:
    """Those whose deals are asked for and who are there."""
    organised, owner = view.organisation, view.filters.get("owner")
    return [
        person
        for person in organised.places
        if person not in organised.gone
        and (view.units is None or organised.unit_of(person) in view.units)
        and owner in (None, str(person))
    ]


def of_unit(view: View, unit: UUID, basis: str, *, alone: bool = False) -> float | None:
    """The same of a unit within a view, or of those right in it `alone`."""
    units = frozenset({unit}) if alone else view.organisation.below(unit)
    return heads(replace(view, units=units if view.units is None else units & view.units), basis)
