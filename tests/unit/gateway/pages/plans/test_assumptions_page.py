"""The tab Assumptions of a plan, as it is written from what the forecast answers."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from gateway.pages.plans.assumed import METRICS, STATES, line, look, picture, ruler, written
from services.forecast.assumptions.measures import METRICS as KNOWN
from tests.support.planned import NORTH, PLAN, UNIT, tree
from tests.unit.gateway.pages.plans.test_plans_page import written as page

MONDAY = datetime(2027, 1, 11, 11, tzinfo=UTC)


def seen(state: str, value: float | None = 0.2, *, week: int = 0, cases: int = 140) -> dict[str, Any]:
    at = (MONDAY + timedelta(weeks=week)).isoformat()
    is_off = state in ("broken", "drifting")
    return {
        "due_at": at, "known_at": at, "state": state, "value": value, "low": value and value - 0.05, "high": value and value + 0.06,
        "cases": cases, "weeks": 11, "below": 0.97 if is_off else 0.1, "above": 0.0, "side": "below" if is_off else None,
        "broken_since": at if state == "broken" else None,
    }  # fmt: skip


def item(*states: str, metric: str = "win_rate", value: float | None = 0.2) -> dict[str, Any]:
    every = [seen(state, value, week=week) for week, state in enumerate(states)]
    return {
        "assumption_id": str(UUID(int=950)), "node_id": str(UNIT), "path": ["Northwind"], "metric": metric,
        "label": METRICS[metric][0], "meaning": "won of the deals that were decided, by count",
        "unit": "share", "expected": "0.400", "tolerance": "0.10", "within": ["0.36", "0.44"], "criticality": "critical",
        "from_cases": 728, "state": states[-1] if states else "not_looked_at", "seen": every[-1] if every else None,
        "locks": [{"due_at": each["due_at"], "state": each["state"]} for each in every],
    }  # fmt: skip


def tab(
    *kinds: str, items: list[dict[str, Any]], one: dict[str, Any] | None = None, review: dict[str, Any] | None = None
) -> str:
    told = {"plan_id": str(PLAN), "currency": "EUR", "looked_at": MONDAY.isoformat() if items else None, "items": items}
    return page(
        "plans/plan_assumptions.html",
        *kinds,
        nodes=tree(*kinds)["nodes"],
        told=told,
        lines=[line(each, "EUR") for each in items],
        states=STATES,
        metrics=METRICS,
        counted={},
        review=review,
        one=one and line(one["assumption"], "EUR"),
        looks=one and [look(each, "share", "EUR") for each in one["history"]],
        picture=one and picture(one, "EUR"),
        csv_href="/csv",
    )


def test_each_assumption_says_what_was_expected_what_was_seen_and_how_it_stands() -> None:
    html = tab("edited", "proposed", "approved", "activated", items=[item("holding", "drifting", "broken")])
    assert "40.0%" in html
    assert "± 10%" in html
    assert "20.0%" in html
    assert "15.0 to 26.0%" in html
    assert "140 in 11 weeks" in html
    assert 'data-state="broken">broken' in html
    assert ", below" in html
    assert len(re.findall(r'<rect class="(holding|drifting|broken)"', html)) == 3
    assert "State one" not in html, "what was approved is not stated anew"


def test_a_draft_without_any_says_what_to_do_and_has_the_forms() -> None:
    html = tab(items=[])
    assert "Nothing is assumed yet" in html
    assert "From the year before" in html
    assert "State one" in html
    assert "Nothing is assumed yet" in tab("edited", "proposed", "approved", "activated", items=[])


def test_what_nobody_has_looked_at_has_no_number_and_is_no_zero() -> None:
    html = tab(items=[item()])
    assert "not looked at yet" in html
    assert "0.0%" not in html.replace("40.0%", "")
    assert "Take back Win rate, Northwind" in html


def test_one_assumption_has_every_lock_with_its_numbers_and_a_picture() -> None:
    states = ("too_little_data", "holding", "drifting", "broken")
    shown = item(*states)
    history = [seen(state, week=week) for week, state in reversed(list(enumerate(states)))]
    review = {"review_id": str(UUID(int=77)), "opened_at": MONDAY.isoformat(), "decided_at": None}
    one = {"assumption": shown, "history": history}
    html = tab("edited", "proposed", "approved", "activated", items=[shown], one=one, review=review)
    assert html.count('<tr><th scope="row">') == 4
    assert "It is critical." in html
    assert f'href="/reviews/{UUID(int=77)}"' in html
    assert 'svg class="held"' in html
    assert "too little data" in html


def test_a_picture_needs_two_locks_that_saw_something() -> None:
    shown = item("holding")
    assert picture({"assumption": shown, "history": [seen("holding")]}, "EUR") is None
    assert picture({"assumption": shown, "history": [seen("holding"), seen("holding", None)]}, "EUR") is None


def test_a_ruler_has_all_of_the_tolerance_and_of_what_was_seen_on_it() -> None:
    for value in (0.01, 0.2, 0.4, 0.9):
        found = ruler(item("holding", value=value))
        places = [each for each in found if each is not None]
        assert all(0 <= each <= 1000 for each in places)
        assert found.low < found.expected < found.high
    assert ruler(item()).seen is None


@pytest.mark.parametrize(
    ("unit", "text"),
    [("share", "20.0%"), ("money", "1,234,568 EUR"), ("days", "70.4 days"), ("a_month", "61.0 a month")],
)
def test_numbers_are_said_in_their_unit(unit: str, text: str) -> None:
    value = {"share": 0.2, "money": 1234567.8, "days": 70.44, "a_month": "61.0"}[unit]
    assert written(value, unit, "EUR").replace("\u202f", ",").replace("\xa0", ",") == text


def test_every_measure_that_a_plan_can_assume_has_its_words() -> None:
    assert tuple(METRICS) == KNOWN
    assert NORTH != UNIT
