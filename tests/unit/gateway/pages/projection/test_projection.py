"""The pages on the projection as they are written, from readings as the forecast answers them."""

import re
from typing import Any

from gateway.pages.address import ProjectionView
from gateway.pages.format import percent
from gateway.pages.projection import outlook
from gateway.pages.projection.projection import past_shown, projection_shown
from gateway.pages.templates import environment
from tests.support import outlooks

AROUND = {"user": None, "csrf": "", "zone": "Europe/Berlin", "currency": "EUR", "layout": "layout.html"}


def projected(
    view: ProjectionView | None = None, *, promotions: list[dict[str, Any]] | None = None, **changes: Any
) -> str:
    view, found = view or ProjectionView(), outlooks.projection(**changes)
    call = {
        "is_empty": False,
        "tree": {"path": [{"unit_id": str(outlooks.UNIT), "name": "Northwind"}], "children": []},
        "periods": [found["period"]],
        "period": found["period"],
    }
    stated = {
        "lines": promotions or [],
        "period": found["period"],
        "currency": "EUR",
        "in_period": "6100.00",
        "to_come": "4200.00",
        "unknown": sum(each["why_unknown"] is not None for each in promotions or []),
    }
    shown = projection_shown(found, view, outlook.target(view.target))
    return (
        environment()
        .get_template("projection/projection.html")
        .render(**AROUND, path="/projection", call=call, promotions=stated, **shown)
    )


def past(found: dict[str, Any]) -> str:
    template = environment().get_template("projection/projection_past.html")
    return template.render(**AROUND, path="/projection/past", **past_shown(found))


def number(html: str, key: str) -> str:
    found = re.search(rf'<data value="([^"]*)" data-key="{re.escape(key)}"', html)
    assert found, key
    return found[1]


def test_a_period_under_way_has_a_range_pictures_and_deals_that_lead_to_their_pages() -> None:
    html = projected()
    assert number(html, "projection") == number(html, "part.projection") == "4290500.40"
    assert (number(html, "band.low"), number(html, "band.high")) == ("3610000.00", "5020000.00")
    assert "95 % between" not in html
    assert 'href="/deals/00000000-0000-0000-0000-000000000001"' in html
    assert "Where it may land" in html
    assert "answers at set-up" not in html


def test_what_promotions_are_stated_to_bring_stands_apart_and_unknown_is_told_as_such() -> None:
    line = {"promotion_id": "p1", "name": "Spring", "starts_on": "2026-11-01", "last_day": "2026-12-31"}
    known = line | {"in_period": "6100.00", "to_come": "4200.00", "why_unknown": None}
    silent = line | {"promotion_id": "p2", "in_period": None, "to_come": None, "why_unknown": "not stated"}
    html = projected(promotions=[known, silent])
    assert (number(html, "p1.promotion"), number(html, "promotions.left")) == ("6100.00", "4200.00")
    assert "not in the projection" in html
    assert "without 1 unknown" in html
    assert number(html, "projection") == number(projected(), "projection")
    assert 'id="promotions"' not in projected()


def test_a_band_of_95_percent_is_told_when_there_is_one() -> None:
    bands = [{"share": 0.8, "low": "3", "high": "5"}, {"share": 0.95, "low": "2", "high": "6"}]
    html = projected(bands=bands)
    assert (number(html, "wide.low"), number(html, "wide.high")) == ("2", "6")


def test_what_falls_due_is_told_with_the_rate_and_leads_to_the_contracts() -> None:
    html = projected()
    shown = {name: number(html, f"due.{name}") for name in ("amount", "spoken", "ended", "left", "expected", "others")}
    assert shown == {name: outlooks.projection()["due"][name] for name in shown}
    assert 'href="/deals/00000000-0000-0000-0000-000000000007"' in html
    rate, low, high = (percent(share) for share in ("0.84", "0.79", "0.89"))
    assert f"Of what fell due {rate} was renewed (80 % range {low} to {high}), learnt from 61 contracts." in html
    assert "3 won deals recur without an account, a term or an amount" in html
    nothing = {**outlooks.projection()["due"], "contracts": 0, "largest": []}
    assumed = projected(due=nothing | {"rate": nothing["rate"] | {"label": "prior", "contracts": 0}})
    assert "No contract is known to end in" in assumed
    assert f"{rate} is assumed to be renewed" in assumed
    assert "Renewals due" not in projected(due=nothing | {"unknown": 0})
    assert "Renewals due" not in projected(due=None, is_over=True)


def test_what_to_call_is_told_with_the_reason() -> None:
    assert "the middle, since too much and too little are as bad" in projected()
    html = projected(suggested={"amount": "3900000.00", "share": 0.25, "over_cost": 3.0})
    assert number(html, "suggested") == "3900000.00"
    assert "P25, since too much is 3 times as bad as too little" in html
    html = projected(suggested={"amount": "4900000.00", "share": 0.8, "over_cost": 0.25})
    assert "P80, since too little is 4 times as bad as too much" in html


def test_a_period_that_is_over_is_not_projected() -> None:
    html = projected(
        ProjectionView(target="5"), is_over=True, fan=[], histogram=[], contributions=[], suggested=None,
        target={"amount": "5", "probability": 0.0},
    )  # fmt: skip
    assert "Q4 2026 is over" in html
    assert "Not reached" in html
    for part in ("80 %", "Where it may land", "The deals that matter most"):
        assert part not in html


def test_a_target_that_is_no_amount_is_marked_at_its_field_with_what_was_typed() -> None:
    html = projected(ProjectionView(target="a lot"))
    assert 'value="a lot" aria-invalid="true" aria-describedby="target-said"' in html
    assert "target.probability" not in html


def test_without_open_deals_it_says_where_the_number_comes_from() -> None:
    assert "closed, or not created yet" in projected(contributions=[])


def test_hits_and_misses_are_told_by_sign_and_word_and_where_we_lose_is_said() -> None:
    html = past(outlooks.past())
    assert html.count("× missed") == 2
    assert html.count("✓ hit") == 16
    assert html.count('class="miss"') == html.count(">×</text>") == 2
    assert re.search(r"Day 31:\s+<strong>We lose</strong> to Pacing", html)
    assert html.count("We lose") == 1
    assert number(html, "came.2026Q3") == "3900000"
    assert number(html, "wape.same_day_pacing.31") == "0.094"


def test_without_a_past_the_page_says_why_and_what_to_do() -> None:
    html = past(outlooks.no_past())
    assert "No period is over for which" in html
    assert "make import" in html
    assert "Who was closer" not in html
