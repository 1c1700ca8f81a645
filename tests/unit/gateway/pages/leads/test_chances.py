from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.pages.leads.calibration import calibration_shown
from gateway.pages.leads.chances import contributions
from gateway.pages.templates import environment
from services.leads.conversion.facts import WORDS, Facts

worths = st.floats(-4, 4).filter(lambda worth: abs(worth) > 1e-6)


def told(average: float, reasons: list[float], **more: Any) -> dict[str, Any]:
    return {
        "chance": 0.37,
        "prior_share": 0.125,
        "effective_leads": 35.0,
        "horizon_days": 60,
        "method": "model",
        "model_id": "m",
        "fitted_at": "2026-11-22T01:00:00+00:00",
        "average_log_odds": average,
        "reasons": [{"column": "source", "detail": "unknown", "log_odds": worth} for worth in reasons],
    } | more


def near(position: float) -> Any:
    return pytest.approx(position, abs=0.02)


@given(average=st.floats(-4, 4), reasons=st.lists(worths, max_size=13))
def test_bars_lie_end_to_end_from_the_average_lead_to_this_one(average: float, reasons: list[float]) -> None:
    made = contributions(told(average, reasons))
    at = float(made.start)
    for step in made.steps:
        left, right = float(step.x), float(step.x) + float(step.width)
        before, after = (left, right) if step.log_odds > 0 else (right, left)
        assert before == near(at)
        at = after
    assert at == near(float(made.end))
    assert made.total == pytest.approx(average + sum(reasons))
    assert (float(made.end) > float(made.even)) == (made.total > 0) or abs(made.total) < 0.01


def written(likely: dict[str, Any] | None) -> str:
    return (
        environment()
        .get_template("leads/lead_chance.html")
        .render(likely=likely, made=contributions(likely) if likely else None, zone="Europe/Berlin")
    )


def test_a_chance_says_what_it_rests_on_and_unknown_stays_unknown() -> None:
    html = written(told(-1.0, [0.5]))
    assert "37\u202f%" in html
    assert "by the model of 22 Nov 2026 02:00:00" in html
    assert "12.5\u202f%" in html
    assert ">35</data> leads like this one" in html
    assert '<td class="muted">unknown</td>' in html
    rules = written(told(-1.0, [], method="rules", model_id=None, fitted_at=None))
    assert "by the rules" in rules
    assert "No model was learnt yet" in rules
    assert "waits no more" in written(None)


def test_every_column_that_the_model_reads_has_a_name_on_the_page() -> None:
    columns = Facts({name: [] for name in WORDS}, *[[]] * 4).table().names  # type: ignore[arg-type]
    assert set(columns) <= set(calibration_shown(None, [])["labels"])


def page_of(model: dict[str, Any] | None, nights: list[dict[str, Any]]) -> str:
    values = {"path": "/leads/calibration", "user": None, "layout": "fragment.html", "zone": "Europe/Berlin"}
    return environment().get_template("leads/calibration.html").render(**calibration_shown(model, nights), **values)


def test_before_the_first_night_the_page_says_what_will_come_and_shows_no_figure() -> None:
    html = page_of(None, [])
    assert "No model was learnt yet" in html
    assert "data-key" not in html


def test_a_night_that_nothing_could_be_judged_on_shows_why_and_no_figure() -> None:
    night = {
        "fitted_at": "2026-11-22T01:00:00+00:00",
        "method": "rules",
        "why": "3 conversions are too few to learn from",
        "horizon_days": 60,
        "leads": 12,
        "conversions": 3,
        "leaks": [],
        "figures": None,
        "segments": [],
    }
    html = page_of(night, [night])
    assert "Too early to say" in html
    assert "3 conversions are too few" in html
    assert "data-key" not in html
