"""Why a projection moved, and what leads from a call to it, as they are written, from readings as the forecast answers them."""

import re
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import pytest

from gateway.pages.address import ProjectionView
from gateway.pages.movement.moved import bridge_shown, moved_shown
from gateway.pages.movement.reasons import LEVELS, STEPS, TERMS, explanation, ladder, words_of
from gateway.pages.templates import environment
from services.forecast.outlook.reasons import LevelOut, StepOut, Term
from tests.support import reasons

AROUND = {"user": None, "csrf": "", "zone": "Europe/Berlin", "currency": "EUR", "layout": "layout.html"}
GUIDE = Path(__file__).parents[5] / "docs" / "guides" / "projection.md"


def written(found: dict[str, Any]) -> str:
    shown = moved_shown(found, ProjectionView(), since="", choices=[], zone="Europe/Berlin")
    return (
        environment().get_template("movement/projection_moved.html").render(**AROUND, path="/projection/moved", **shown)
    )


def test_the_bars_lead_from_the_projection_then_to_the_projection_now() -> None:
    found = reasons.moved()
    why = explanation(found)
    assert {row.name: str(row.amount) for row in why.rows} == reasons.MOVED
    bars = why.picture.bars
    assert bars[0].end == bars[1].start
    assert all(before.end == after.start for before, after in pairwise(bars[1:-1]))
    assert [row.name for row in why.largest] == ["created", "stage", "lost"]
    assert "Reopened" in why.still


def test_each_term_and_each_deal_is_written_and_the_deals_lead_to_their_pages() -> None:
    html = written(reasons.moved())
    for name, amount in reasons.MOVED.items():
        assert f'value="{amount}" data-key="moved.{name}"' in html
    assert html.count('class="leaf" href="/deals/') == 4
    assert "41 other deals" in html
    assert "not explained" not in html
    assert re.search(r"<strong>Stage</strong> \+137,000", html)
    assert "new</span> →" in html


def test_what_no_term_explains_is_told_as_a_defect() -> None:
    assert "12 EUR are not explained by any term" in written(reasons.moved(residual="12.00"))


def test_every_term_level_and_step_has_its_words() -> None:
    assert list(TERMS) == list(get_args(Term))
    assert list(LEVELS) == list(get_args(LevelOut.model_fields["level"].annotation))
    assert list(STEPS) == list(get_args(StepOut.model_fields["reason"].annotation))
    assert words_of("gut_feeling").label == "Gut feeling"


@pytest.mark.parametrize("words", [*TERMS.values(), *STEPS.values()], ids=lambda words: words.label)
def test_the_guide_says_of_each_term_and_step_what_the_page_says(words: tuple[str, str]) -> None:
    label, meaning = words
    rows = [line for line in GUIDE.read_text().splitlines() if line.startswith(f"| {label} |")]
    assert any(meaning in row for row in rows)


def test_the_way_from_the_call_to_the_projection_adds_up_level_by_level() -> None:
    found = reasons.bridge()
    rungs = ladder(found).rungs
    running = Decimal()
    for at, rung in enumerate(rungs):
        if not at:
            running = rung.amount
        elif rung.is_level:
            assert running == rung.amount
            assert rung.bar.end == rungs[at - 1].bar.end
        else:
            running += rung.amount
            assert rung.bar.start == rungs[at - 1].bar.end
    assert [rung.name for rung in rungs if rung.is_level] == ["call", "below", "crm", "projection"]
    assert "closed" not in {rung.name for rung in rungs}, "steps of nothing are left out"


def test_with_a_quota_the_way_goes_on_to_it_and_says_that_it_is_one() -> None:
    found = reasons.bridge()
    projection, quota = found["levels"][-2]["amount"], "5000000.00"
    found["levels"][-1]["amount"] = quota
    short = str(Decimal(quota) - Decimal(projection))
    found["steps"].append({"to": "target", "reason": "short_of_target", "amount": short})
    for target_is, label in (("quota", "Quota"), ("typed", "Target")):
        found["target_is"] = target_is
        *_, step, last = ladder(found).rungs
        assert (last.words.label, str(last.amount), step.name, str(step.amount)) == (
            label,
            quota,
            "short_of_target",
            short,
        )
        html = (
            environment()
            .get_template("movement/call_bridge.html")
            .render(**AROUND, path="/call/bridge", **bridge_shown(found, ProjectionView()))
        )
        assert ("No quota is set" in html) == (target_is == "typed")


def test_without_a_call_the_way_begins_below_and_says_so() -> None:
    found = reasons.bridge()
    found["levels"][0]["amount"] = None
    found["steps"] = found["steps"][1:]
    shown = bridge_shown(found, ProjectionView())
    html = environment().get_template("movement/call_bridge.html").render(**AROUND, path="/call/bridge", **shown)
    assert "Nobody has called for Northwind itself" in html
    assert 'data-key="bridge.below"' in html
    assert 'data-key="bridge.call"' not in html
