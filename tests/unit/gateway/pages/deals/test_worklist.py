"""The address of a list of deals says what is asked for, and a form finds its way back to it."""

from dataclasses import replace
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from gateway.pages.deals.worklist import CATEGORIES, CHECKS, SORTS, WorkView, view_of
from gateway.pages.format import grouped

VIEWS = st.builds(
    WorkView,
    mine=st.booleans(),
    q=st.text(max_size=20),
    stage=st.text(max_size=20),
    category=st.sampled_from(["", *CATEGORIES]),
    owner=st.sampled_from(["", "nobody", str(UUID(int=7))]),
    check=st.sampled_from(["", *CHECKS]),
    closes_until=st.sampled_from(["", "2026-12-31"]),
    sort=st.sampled_from(list(SORTS)),
    cursor=st.sampled_from(["", "abc"]),
)


@given(view=VIEWS)
def test_a_form_finds_its_view_again_on_the_first_page(view: WorkView):
    assert view_of(view.href().partition("?")[2]) == replace(view, mine=False, cursor="")


@given(view=VIEWS)
def test_my_deals_ask_for_the_readers_own_unless_an_owner_is_named(view: WorkView):
    me = UUID(int=9)
    asked = view.asked([me])

    named = {"": [str(me)] if view.mine else None, "nobody": None}.get(view.owner, [view.owner])
    assert asked.get("owner") == named
    assert (asked.get("unowned") == "true") == (view.owner == "nobody")
    assert asked.get("cursor", "") == view.cursor


def test_amounts_are_shown_exactly_and_what_was_typed_stays():
    assert [grouped(each) for each in ("1234567.80", "999", "much")] == ["1,234,567.80", "999", "much"]
