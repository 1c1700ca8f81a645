"""The pages of promotions and drawn prices as they are written."""

from datetime import date
from typing import Any

import pytest

from gateway.pages.pricing import draws, promoted
from gateway.pages.pricing.offered import STATES as QUOTE_STATES
from gateway.pages.pricing.promotions import EMPTY, _words
from gateway.pages.templates import environment

TODAY = date(2026, 11, 23)
USER = {
    "user": {"name": "Ann", "email": "ann@example.com", "roles": ["cso"]}, "csrf": "x", "zone": "Europe/Berlin", "currency": "EUR",
    "layout": "layout.html", "path": "/prices/promotions",
}  # fmt: skip
ROW = {
    "promotion_id": "p", "version": 3, "state": "running", "name": "Spring", "products": [], "markets": ["DACH"], "segments": [],
    "starts_on": "2026-10-02", "ends_on": "2026-12-20", "ended_on": None, "currency": "EUR", "budget": "50000", "kind": "percent",
    "value": "0.1", "stacking": "exclusive", "expected": "90000", "note": "", "authors": ["u"], "used": "41000", "accepted": "34000",
    "left": "9000", "over": "0", "quotes": 80, "decided_by": None,
}  # fmt: skip
WEEKS = [
    {
        "starts_on": f"2026-10-{day:02}",
        "is_during": day > 10,
        "actual": str(day),
        "baseline": "12" if day > 10 else None,
    }
    for day in (1, 8, 15, 22)
]
LIFT = {
    "lift": "2400.00", "low": "-100.00", "high": "4900.00", "actual": "5000.00", "baseline": "2600.00", "expected": "3000",
    "currency": "EUR", "said": "Difference in differences: 8 weeks.", "attributed": "4800", "attributed_quotes": 7, "given": "480",
    "sales_during": 9, "weeks_during": 8, "overlapping": 0, "other_currencies": 0, "matched": [], "weeks": WEEKS,
}  # fmt: skip
NOTHING = (
    LIFT | dict.fromkeys(("lift", "low", "high", "actual", "baseline")) | {"said": "Too little data: x.", "weeks": []}
)


def one(row: dict[str, Any] = ROW, lift: dict[str, Any] = LIFT, **changes: Any) -> str:
    values = {
        "row": row, "lift": lift, "verdict": promoted.verdict(lift), "weekly": promoted.weekly(lift),
        "interval": promoted.interval(lift), "taken": {"items": [], "others": 0}, "history": [], "used": promoted.share_used(row),
        "spans": promoted.spans([row], TODAY), "catalogue": [], "codes": {}, "cells": promoted.typed(row), "chosen": [],
        "mistake": "", "names": {}, "quote_states": QUOTE_STATES, "may_plan": True, "may_decide": False, "may_end": True,
        "is_own": True, **_words(),
    }  # fmt: skip
    return environment().get_template("pricing/promotion.html").render(**(USER | values | changes))


def listed(rows: list[dict[str, Any]], **changes: Any) -> str:
    values = {
        "rows": rows, "spans": promoted.spans(rows, TODAY), "used": [promoted.share_used(row) for row in rows], "catalogue": [],
        "codes": {}, "cells": EMPTY, "chosen": [], "mistake": "", "once": "o", "may_plan": True, **_words(),
    }  # fmt: skip
    return environment().get_template("pricing/promotions.html").render(**(USER | values | changes))


def test_what_was_sold_with_it_is_never_called_what_it_brought() -> None:
    html = one()
    assert "90 % interval" in html
    assert "Not what it brought: much of it would have come anyway" in html
    assert "That is not what it brought" in one(lift=NOTHING)


@pytest.mark.parametrize(
    ("ends", "said", "colour"),
    [
        ({"low": "100.00"}, "It brought about 2,400 EUR more", "good"),
        ({}, "It may have brought nothing", "warn"),
        (
            {"lift": "-2400.00", "low": "-4900.00", "high": "-100.00"},
            "About 2,400 EUR less came than without it",
            "bad",
        ),
        ({"lift": None}, "Too early to say", ""),
    ],
)
def test_the_verdict_follows_the_interval_and_not_the_number(ends: dict[str, Any], said: str, colour: str) -> None:
    assert promoted.verdict(LIFT | ends) == (said, colour)


def test_pictures_stay_on_their_scales_and_keep_the_order_of_what_they_show() -> None:
    scale = promoted.interval(LIFT)
    assert scale is not None
    assert 0 <= scale["low"] < scale["zero"] < scale["lift"] < scale["expected"] < scale["high"] <= 1000  # type: ignore[operator]
    assert promoted.interval(NOTHING) is None
    picture = promoted.weekly(LIFT)
    assert picture is not None
    assert all(bar["y"] >= 0 and bar["y"] + bar["height"] <= 240.1 for bar in picture["bars"])
    assert [bar["during"] for bar in picture["bars"]] == [False, False, True, True]
    assert picture["begins"] == 500
    assert promoted.weekly(NOTHING) is None
    old = ROW | {"starts_on": "2020-01-01", "ends_on": "2020-02-01"}
    spans = promoted.spans([ROW, old], TODAY)
    assert all(0 <= bar["x"] <= 1000 for bar in spans["bars"])
    assert 0 < spans["today"] < 1000
    assert promoted.share_used(ROW) == {"accepted": 680.0, "offered": 140.0}
    assert promoted.share_used(ROW | {"budget": "0"}) == {"accepted": 0.0, "offered": 0.0}


def test_nobody_decides_on_their_own_plan_and_who_may_decides_on_what_is_shown() -> None:
    waiting = ROW | {"state": "planned"}
    assert "You planned it, so somebody else decides" in one(waiting, NOTHING)
    html = one(waiting, NOTHING, is_own=False, may_decide=True)
    assert 'name="version" value="3"' in html
    assert "Approve</button>" in html
    assert "Approve</button>" not in one(ROW, NOTHING, may_decide=True)


def test_an_empty_page_says_what_to_do_and_a_full_one_shows_window_and_budget() -> None:
    assert "Leave a market or segment out" in listed([])
    html = listed(
        [
            ROW,
            ROW | {"kind": "amount", "value": "25.00", "markets": []},
            ROW | {"kind": "amount", "value": "10000"},
            ROW | {"kind": "free_months", "value": "1"},
        ]
    )
    for said in (
        "10\u202f% off",
        "25 EUR off each",
        "10,000 EUR off each",
        "1 month free",
        "all products · DACH",
        "everywhere",
        "9,000",
        "CSV",
    ):
        assert said in html, said


def test_what_was_typed_is_a_plan_or_a_mistake_and_comes_back_as_it_was() -> None:
    form = promoted.typed(ROW) | {"name": "Spring", "currency": "eur", "expected": ""}
    plan, mistake = promoted.written(form, ["x"])
    assert mistake == ""
    assert (plan["value"], plan["currency"], plan["markets"], plan["products"], plan["expected"]) == (
        "0.1", "EUR", ["DACH"], ["x"], None,
    )  # fmt: skip
    assert promoted.written(form | {"budget": "much"}, [])[1].startswith("Write numbers only")
    assert promoted.written(form | {"name": ""}, [])[1].startswith("Give it a name")
    assert promoted.typed(ROW)["value"] == "10"


def test_without_a_curve_the_page_says_why_and_with_one_it_stays_on_the_scale() -> None:
    scope = {
        "scope_id": "s", "product_id": "p", "market": None, "segment": None, "floor": "0.7", "target": "0.8", "stretch": "0.9",
        "band_version": 1, "ratios": ["0.76", "0.8", "0.84"], "ended_at": None, "opened_at": "2026-11-01T00:00:00Z", "drawn": 3,
        "closed": 2,
    }  # fmt: skip
    points = [
        {"ratio": each, "deals": 2, "won": 1, "chance": None, "low": None, "high": None} for each in scope["ratios"]
    ]
    curve = {"points": points, "line": [], "why_not": "the prices of 6 people varied at random; 20 are needed"}
    values = {
        "scopes": [scope], "chosen": scope, "curve": curve, "plot": draws.plot(curve), "deals": [], "got": None, "mistake": "",
        "catalogue": [], "codes": {"p": "CORE"}, "may_open": True, "may_draw": True, "path": "/prices/draws",
    }  # fmt: skip
    template = environment().get_template("pricing/draws.html")
    assert "No curve: the prices of 6 people" in template.render(**(USER | values))
    empty = {"scopes": [], "chosen": None, "curve": None, "plot": None}
    assert "Opt in below" in template.render(**(USER | values | empty))
    line = [point | {"chance": 0.5, "low": 0.3, "high": 0.7} for point in points]
    picture = draws.plot(curve | {"line": line})
    assert picture is not None
    assert (picture["line"][0], picture["line"][-1]) == ("0.0,120.0", "1000.0,120.0")
    assert len(picture["band"]) == 6


def test_a_budget_that_reopened_deals_took_over_its_limit_says_by_how_much_and_who() -> None:
    over = ROW | {"used": "52000", "left": "0", "over": "2000"}
    quote = {
        "quote_id": "q", "deal": "Fjord", "status": "accepted", "amount": "6000", "net_amount": "60000",
        "quoted_at": "2026-10-09T09:00:00Z", "stands": True, "came_back": True, "over": "2000",
    }  # fmt: skip
    lost = quote | {"quote_id": "r", "deal": "Lost", "stands": False, "came_back": False, "over": "0"}
    html = one(over, taken={"items": [quote, lost], "others": 0})
    assert "Over its budget by <strong>2,000 EUR</strong>" in html
    assert ("Fjord</a> with 2,000" in html, "its deal came back" in html, "its deal is lost" in html) == (True,) * 3
    assert "2,000 over" in listed([over])
    assert 'id="over"' not in one()
