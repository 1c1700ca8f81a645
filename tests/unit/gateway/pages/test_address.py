from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.pages.address import MOST_OPEN, CallView, opened


def test_the_plain_call_has_a_plain_address() -> None:
    assert CallView().href() == "/call"


def test_a_view_survives_its_own_address() -> None:
    unit = uuid4()
    view = CallView(period="2026Q4", org=str(unit), date="2026-11-22", by="market", view="cumulative", open=(unit,))
    query = {name: values[0] for name, values in parse_qs(urlsplit(view.href()).query).items()}
    assert CallView(**{**query, "open": opened(query["open"])}) == view  # type: ignore[arg-type]


def test_a_choice_with_characters_of_its_own_stays_one_value() -> None:
    address = CallView(deal_type="a&b=c#d").href()
    assert parse_qs(urlsplit(address).query) == {"deal_type": ["a&b=c#d"]}


def test_opening_a_unit_twice_closes_it() -> None:
    unit = str(uuid4())
    assert CallView().toggled(unit).toggled(unit) == CallView()


def test_the_tree_never_asks_for_more_units_than_allowed() -> None:
    view = CallView()
    for _ in range(MOST_OPEN + 5):
        view = view.toggled(str(uuid4()))
    assert len(view.open) == MOST_OPEN


@given(st.text(max_size=300))
def test_an_address_cut_by_a_mail_program_opens_what_is_left_of_it(text: str) -> None:
    assert all(isinstance(unit, UUID) for unit in opened(text))


@pytest.mark.parametrize("cut", [0, 5, 36, 40])
def test_whole_ids_before_the_cut_stay_open(cut: int) -> None:
    first, second = uuid4(), uuid4()
    assert opened(f"{first},{second}"[: 36 + cut]) == ((first, second) if cut >= 37 else (first,))
