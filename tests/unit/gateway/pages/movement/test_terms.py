"""Words for the terms of movements: every term has some, and the guide has the same."""

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.pages.address import MovementView, UnreadableTime
from gateway.pages.movement.movement import _choices
from gateway.pages.movement.terms import CLOSED, OPEN, TERMS, Side, term_of
from services.forecast.movement.identity import CLOSED_TERMS, OPEN_TERMS

GUIDE = Path(__file__).parents[5] / "docs" / "guides" / "movement.md"
ZONE = "Europe/Berlin"


def test_every_term_of_both_identities_has_its_words() -> None:
    assert tuple(OPEN) == OPEN_TERMS
    assert tuple(CLOSED) == CLOSED_TERMS


@pytest.mark.parametrize(("side", "name"), [(side, name) for side, words in TERMS.items() for name in words])
def test_the_guide_says_of_each_term_what_the_page_says(side: Side, name: str) -> None:
    term = term_of(side, name)
    rows = [line for line in GUIDE.read_text().splitlines() if line.startswith(f"| {term.label} |")]
    assert any(term.meaning in row for row in rows)


def test_a_day_of_the_address_is_its_beginning_or_as_an_end_all_of_it() -> None:
    asked = MovementView(since="2026-11-15", as_of="2026-11-15", known_at="2026-11-15T12:00Z").asked(ZONE)
    assert asked["since"] == "2026-11-15T00:00:00+01:00"
    assert asked["as_of"] == "2026-11-16T00:00:00+01:00"
    assert asked["known_at"] == "2026-11-15T12:00:00+00:00"


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "9999-12-31", "2026-11-15T", "1e9"])
def test_what_is_no_time_is_refused_by_name(text: str) -> None:
    with pytest.raises(UnreadableTime, match=r"as_of: .*2026-11-15T12:00"):
        MovementView(as_of=text).asked(ZONE)


def _found(start: str, end: str, until: str) -> dict[str, Any]:
    period = {"label": "Q4 2026", "start": start, "end": end}
    return json.loads(json.dumps({"period": period, "until": {"as_of": f"{until}T12:00:00Z", "day": until}}))  # type: ignore[no-any-return]


LOCKS = [
    {"kind": "weekly", "due_at": "2026-11-30T11:00:00Z"},
    {"kind": "closed", "due_at": "2026-11-21T11:00:00Z"},
    {"kind": "weekly", "due_at": "2026-11-16T11:00:00Z"},
    {"kind": "weekly", "due_at": "2026-11-09T11:00:00Z"},
]


def test_a_start_can_be_the_last_lock_before_the_end_a_week_ago_or_the_start_of_the_period() -> None:
    offered = _choices(MovementView(), _found("2026-10-01", "2026-12-31", "2026-11-22"), LOCKS, ZONE)
    assert [(each.label, each.href, each.is_chosen) for each in offered] == [
        ("Last lock, 16 Nov 2026 12:00:00", "/movement?since=2026-11-16T11:00:00Z", False),
        ("A week before", "/movement", True),
        ("Start of Q4 2026", "/movement?since=2026-10-01", False),
    ]


def test_a_period_that_is_over_is_offered_as_a_whole_and_one_to_come_has_no_start_yet() -> None:
    over = _choices(MovementView(), _found("2026-07-01", "2026-09-30", "2026-11-22"), [], ZONE)
    assert [each.href for each in over] == ["/movement", "/movement?since=2026-07-01&as_of=2026-09-30"]
    coming = _choices(MovementView(), _found("2027-01-01", "2027-03-31", "2026-11-22"), [], ZONE)
    assert [each.label for each in coming] == ["A week before"]
