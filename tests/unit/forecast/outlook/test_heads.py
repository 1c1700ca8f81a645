"""What a part of the organisation has of all people: shares of units below one add up, whoever asks."""

from dataclasses import replace
from uuid import UUID

import pytest

from libs.common.ids import ROOT_UNIT, UNASSIGNED_UNIT
from services.forecast.organisation.tree import Organisation, Unit
from services.forecast.outlook.heads import heads, of_unit
from services.forecast.past.view import View

NORTH, ONE, SOUTH = (UUID(int=number) for number in (1, 2, 3))
ADA, BEN, CLEO, DEV, LEFT = (UUID(int=number) for number in range(101, 106))
UNITS = {
    each.unit_id: each
    for each in (
        Unit(ROOT_UNIT, None, "Company", "company"),
        Unit(UNASSIGNED_UNIT, ROOT_UNIT, "Unassigned", "unassigned"),
        Unit(NORTH, ROOT_UNIT, "North", "region"),
        Unit(ONE, NORTH, "One", "team"),
        Unit(SOUTH, ROOT_UNIT, "South", "region"),
    )
}
ORGANISED = Organisation(UNITS, {ADA: NORTH, BEN: ONE, CLEO: ONE, DEV: SOUTH, LEFT: SOUTH}, frozenset({LEFT}))
WHOLE = View(ORGANISED, None, {})


def test_units_have_the_share_of_their_people_and_who_has_left_counts_nowhere() -> None:
    assert heads(WHOLE, "arr") == 1
    assert [of_unit(WHOLE, unit, "arr") for unit in (NORTH, ONE, SOUTH, UNASSIGNED_UNIT)] == [0.75, 0.5, 0.25, 0]
    assert of_unit(WHOLE, NORTH, "arr", alone=True) == 0.25
    assert sum(of_unit(WHOLE, unit.unit_id, "arr") or 0 for unit in ORGANISED.children(ROOT_UNIT)) == 1


def test_a_scope_narrows_it_and_a_person_is_one_of_all() -> None:
    mine = replace(WHOLE, units=ORGANISED.below(ONE))
    assert (heads(mine, "arr"), of_unit(mine, NORTH, "arr"), of_unit(mine, SOUTH, "arr")) == (0.5, 0.5, 0)
    assert heads(replace(mine, filters={"owner": str(BEN)}), "arr") == 0.25
    assert heads(replace(mine, filters={"owner": str(ADA)}), "arr") == 0, "beyond the scope"
    assert heads(replace(WHOLE, filters={"owner": str(LEFT)}), "arr") == 0


@pytest.mark.parametrize(
    ("filters", "share"),
    [
        ({"value_basis": "arr"}, 1.0),
        ({"value_basis": "tcv"}, None),
        ({"product": "Bread"}, None),
        ({"market": ""}, None),
    ],
)
def test_people_tell_nothing_of_products_and_answers_are_in_the_basis_of_calls(
    filters: dict[str, str], share: float | None
) -> None:
    assert heads(replace(WHOLE, filters=filters), "arr") == share


def test_without_people_nobody_tells_of_a_share() -> None:
    nobody = View(Organisation(UNITS, {}), frozenset({NORTH}), {})
    assert heads(nobody, "arr") is None
