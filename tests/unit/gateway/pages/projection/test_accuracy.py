"""The page on how right the projection was as it is written, and its pictures' geometry."""

import re
from typing import Any
from uuid import UUID

from gateway.pages.projection import reliability
from gateway.pages.projection.accuracy import AccuracyView, accuracy_shown
from gateway.pages.projection.champion import DECIDERS, Typed, champion_shown
from gateway.pages.templates import environment
from libs.common.web.auth import Principal
from services.forecast.champion.service import DECIDERS as FORECASTS_DECIDERS

AROUND = {"user": None, "csrf": "", "zone": "Europe/Berlin", "currency": "EUR", "layout": "layout.html"}
CALL = {"tree": {"path": [{"unit_id": str(UUID(int=7)), "name": "Northwind"}], "children": []}}
PERSON = UUID(int=9)


def covered(share: float, low: float, high: float) -> dict[str, Any]:
    return {"share": share, "n": 96, "periods": 8, "low": low, "high": high}


def method(name: str, wape: float | None, closer: str | None = None) -> dict[str, Any]:
    return {
        "method": name, "n": 96, "periods": 8, "absolute_error": "100.00", "wape": wape, "wape_remaining": wape,
        "bias": -0.021, "bias_remaining": -0.04, "crps": 0.07, "interval_score": 0.4,
        "cover_80": covered(0.75, 0.4, 0.93), "foretell_wape": None if name == "foretell" else 0.1, "compared": None,
        "closer": closer,
    }  # fmt: skip


def judged(*methods: dict[str, Any], early: str | None = None, **others: Any) -> dict[str, Any]:
    return {
        "n": 96, "periods": 8, "too_early": early, "noise_floor": 0.06, "noise_floor_remaining": 0.1, "cover_95": None,
        "methods": list(methods), **others,
    }  # fmt: skip


def reading(**changes: Any) -> dict[str, Any]:
    overall = judged(
        method("foretell", 0.1), method("moving_average", 0.2, "foretell"), method("commit", 0.12, "unclear"),
        method("same_day_pacing", 0.05, "other"), method("weighted_pipeline", 2.5, "foretell"),
    )  # fmt: skip
    parts = [
        judged(
            method("foretell", wape), method("moving_average", wape * 2), method("weighted_pipeline", 2.5),
            kind="lead", key=str(lead), label=f"{lead} weeks before the end",
        )
        for lead, wape in ((12, 0.16), (6, 0.1), (0, 0.02))
    ]  # fmt: skip
    levels = [
        {"said": 0.1, "came": covered(0.12, 0.02, 0.4)},
        {"said": 0.5, "came": covered(0.52, 0.3, 0.7)},
        {"said": 0.9, "came": covered(0.5, 0.3, 0.7)},
    ]
    found = {
        "value_basis": "one_off", "currency": "EUR", "excluded_incomplete": 1, "unknown_completeness": 95, "made_late": 3,
        "waiting": 7, "settings": ["0123456789ab"], "overall": overall, "parts": parts, "reliability": levels,
    }  # fmt: skip
    return found | changes


def champion(**changes: Any) -> dict[str, Any]:
    chosen = [
        {"method": "engine", "chosen_by": "decision", "reason": "Nobody trusts <the blend>", "made_by": "user:7",
         "made_at": "2026-10-05T08:00:00Z"},
        {"method": "blended", "chosen_by": "rule", "reason": "Nearer by 3 %", "made_by": "system", "made_at": "2026-07-05T08:00:00Z"},
    ]  # fmt: skip
    evidence = {
        "n": 13, "periods": 1, "champion_wape": 0.081, "challenger_wape": 0.074, "compared": None, "is_met": False,
        "why": "too early: 1 of 6 quarters",
    }  # fmt: skip
    found = {"method": "engine", "challenger": "blended", "chosen": chosen[0], "evidence": evidence, "history": chosen}
    return found | changes


def written(
    found: dict[str, Any] | None = None,
    nodes: list[dict[str, Any]] | None = None,
    answering: dict[str, Any] | None = None,
    typed: Typed | None = None,
    role: str = "cso",
) -> str:
    shown = accuracy_shown(
        found or reading(), {"parts": nodes or []}, view=AccuracyView(), names={PERSON: "Ada Lovelace"}
    )
    template = environment().get_template("projection/accuracy.html")
    principal = Principal(subject="user:7", roles=frozenset({role}), scope=())
    card = champion_shown(answering or champion(), {"user:7": "Ada Lovelace"}, typed, principal=principal)
    return template.render(**AROUND, path="/projection/accuracy", call=CALL, **shown, **card)


def test_which_method_answers_is_told_with_who_chose_it_why_and_every_earlier_choice() -> None:
    html = written()
    assert 'id="champion-method">Engine alone</strong>' in html
    assert "decided by Ada Lovelace: <q>Nobody trusts &lt;the blend&gt;</q>" in html
    assert html.index("Nobody trusts") < html.index("Nearer by 3 %")
    assert '<input type="hidden" name="method" value="blended">' in html
    assert "Nobody has ever chosen" in written(answering=champion(chosen=None, history=[]))


def test_only_those_who_may_decide_get_the_form_and_a_refused_decision_is_kept() -> None:
    assert set(DECIDERS) == set(FORECASTS_DECIDERS)
    assert "champion-reason" not in written(role="analyst")
    html = written(typed=Typed("as agreed", {"": "method: engine answers already; there is nothing to decide."}))
    assert "there is nothing to decide" in html
    assert ">as agreed</textarea>" in html
    html = written(typed=Typed("", {"reason": "Fill this in."}))
    assert 'class="mistake">Fill this in.' in html


def test_where_we_lose_is_said_first_and_what_is_unclear_is_called_so() -> None:
    html = written()
    assert re.search(r"<strong>We lose</strong> to Pacing \(5\.0.% against our 10\.0.%\)\.", html)
    assert html.index('id="method-same_day_pacing"') < html.index('id="method-commit"')
    assert html.index('id="method-commit"') < html.index('id="method-moving_average"')
    assert "too close to call" in html
    assert "Too little was said by" in html


def test_a_promise_whose_interval_does_not_reach_it_is_drawn_hollow_and_stands_in_the_table() -> None:
    html = written()
    assert html.count('class="broken"') == 1
    assert html.count('class="kept"') == 2
    assert '<data value="0.5" data-key="promise.0.9">' in html


def test_a_method_that_errs_by_multiples_is_named_and_not_drawn() -> None:
    drawn = reliability.errors(reading()["parts"])
    assert drawn is not None
    assert [line.name for line in drawn.lines] == ["foretell", "moving_average"]
    assert [each.label for each in drawn.left_out] == ["Weighted pipeline"]
    assert drawn.lines[0].points.split()[0].startswith("0.00,")
    assert drawn.lines[0].points.split()[-1].startswith("1000.00,")
    assert "erred so much that its line is not drawn" in written()


def test_too_early_shows_no_share_but_how_often_ranges_held_and_what_to_do() -> None:
    early = judged(method("foretell", None), method("commit", None), early="too early", periods=3)
    parts = [{**early, "kind": "lead", "key": "5", "label": "5 weeks before the end"}]
    html = written(reading(overall=early, parts=parts))
    assert "Too early to say" in html
    assert "<strong>3 of 6</strong>" in html
    assert 'data-key="wape"' not in html
    assert "We lose" not in html
    assert "promise.0.5" in html
    assert html.count("too early</span>") == 1


def test_people_have_their_names_and_units_theirs() -> None:
    nodes = [
        judged(method("foretell", 0.3), kind="person", key=str(PERSON), label=None),
        judged(method("foretell", 0.3), kind="person", key=str(UUID(int=0)), label=None),
        judged(method("foretell", 0.2), kind="unit", key=str(UUID(int=8)), label="North"),
    ]
    html = written(nodes=nodes)
    for label in ("Ada Lovelace", "Nobody", "North"):
        assert f'<th scope="row">{label}</th>' in html


def test_without_anything_scored_the_page_says_what_to_do_and_draws_nothing() -> None:
    nothing = judged(early="too early", n=0, periods=0)
    html = written(reading(overall=nothing, parts=[], reliability=[], waiting=4))
    assert "<strong>0 of 6</strong>" in html
    assert "4 waiting for their quarter" in html
    assert '<svg class="plot' not in html
