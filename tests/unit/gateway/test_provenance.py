"""Where each value of a record is known from."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.deliveries.provenance import Known, provenance, standing
from libs.common.ids import new_id

START = datetime(2026, 3, 2, 9, tzinfo=UTC)


def version(day: int, *, mapping: int = 1, actor: str | None = None, **fields: Any) -> Known:
    clock = {"crm_time": (START + timedelta(days=day)).isoformat(), "sequence": 0, "mapping_version": mapping}
    return Known(new_id(), new_id(), START, actor, {"clock": clock, "received_at": "x", **fields})


def test_a_value_is_known_from_the_version_that_changed_it_last() -> None:
    first, second, third = (
        version(0, amount="1", stage="A"),
        version(1, amount="2", stage="A"),
        version(2, amount="2", stage="B"),
    )

    found = provenance(standing([third, first, second]))

    assert found == {"amount": second, "stage": third}


def test_a_value_that_went_and_came_back_is_known_from_its_return() -> None:
    versions = [version(0, amount="1"), version(1, amount="2"), version(2, amount="1")]

    assert provenance(standing(versions)) == {"amount": versions[2]}


def test_of_a_version_mapped_again_the_new_reading_counts_and_who_changed_it_stays() -> None:
    first, again = version(0, actor="7", stage="A"), version(0, mapping=2, stage="B")

    (found,) = standing([again, first])

    assert (found.event_id, found.actor, found.canonical["stage"]) == (again.event_id, "7", "B")


def test_a_field_that_earlier_versions_did_not_have_is_known_from_the_first_that_has_it() -> None:
    first, second = version(0, amount="1"), version(1, amount="1", market=None)

    assert provenance(standing([first, second])) == {"amount": first, "market": second}


@given(days=st.permutations(range(5)), amounts=st.lists(st.sampled_from("12"), min_size=5, max_size=5))
def test_no_order_of_arrival_changes_where_a_value_is_known_from(days: list[int], amounts: list[str]) -> None:
    versions = [version(day, amount=amounts[day]) for day in range(5)]

    assert provenance(standing([versions[day] for day in days])) == provenance(versions)
