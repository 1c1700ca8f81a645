"""The pricing desk as it is written: a price beside its band, why, and what a publication changed."""

from typing import Any

import pytest

from gateway.pages.pricing.prices import STANDINGS, _mistakes, _typed, largest, plot
from gateway.pages.templates import environment

AT = "2026-10-01T00:00:00+00:00"
EDGES = {"floor": "0.7200", "target": "0.8100", "stretch": "0.9000"}
LEVELS = ["market", "segment", "family", "product"]
PATH = ["DACH", "enterprise", "Suite", "CORE"]


def band(**changes: Any) -> dict[str, Any]:
    ends = {f"{name}_{end}": None for name in EDGES for end in ("low", "high")}
    return {"path": PATH, "quotes": 30, "effective_quotes": "30", "shrunk_share": "0", **EDGES, **ends} | changes


def line(standing: str, ratio: str | None, **guidance: Any) -> dict[str, Any]:
    guided = {"asked": PATH, "levels": LEVELS, "band": band(target_low="0.79", target_high="0.83"), "edges": EDGES}
    guided |= {"minimum": None, "why": "30 won quotes in DACH / enterprise / Suite / CORE, shrunk 0 %"} | guidance
    return {"product": "CORE", "ratio": ratio, "standing": standing, "guidance": guided, "why_unknown": None}


def desk(check: dict[str, Any] | None, **changes: Any) -> str:
    publication = {"version": 2, "quarter": "2026-Q4", "effective_from": AT, "won_since": AT, "levels": LEVELS}
    publication |= {"quotes": 812, "lines": 1904, "exceptions": 3, "unlisted_lines": 1}
    changed = [
        {"path": [], "before": band(target="0.80"), "after": band(quotes=812)},
        {"path": PATH, "before": None, "after": band()},
        {"path": ["DACH", ""], "before": band(), "after": band(target="0.70")},
    ]
    values: dict[str, Any] = {
        "user": {"name": "Ann", "email": "ann@example.com", "roles": ["cso"]},
        "csrf": "x",
        "zone": "Europe/Berlin",
        "currency": "EUR",
        "path": "/prices",
        "layout": "layout.html",
        "catalogue": [{"product_id": "p", "code": "CORE", "name": "Core"}],
        "typed": [{"product": "p", "quantity": "10", "price": "70"}, {"product": "", "quantity": "1", "price": ""}],
        "about": {"currency": "EUR", "market": "DACH", "segment": "enterprise"},
        "mistakes": {},
        "check": check,
        "refusal": None,
        "plots": [plot(each["ratio"], each["guidance"]["edges"]) for each in check["lines"]] if check else [],
        "whole": plot(check["ratio"], check["edges"]) if check else None,
        "standings": STANDINGS,
        "publications": [publication, publication | {"version": 1, "quarter": "2026-Q3"}],
        "chosen": {"publication": publication, "changes": changed},
        "changes": largest(changed),
        "may_preview": True,
        "deals": [{"deal_id": "d", "name": "Fjord", "amount": None, "currency": None}],
        "deal": "",
        "priced": [{"product": "p", "quantity": "10", "price": "70"}],
        "once": "o",
        "may_quote": True,
    }
    return environment().get_template("pricing/prices.html").render(**(values | changes))


def checked(*lines: dict[str, Any], **whole: Any) -> dict[str, Any]:
    said = "the lines' bands, weighted by their list amounts"
    found = {"version": 2, "ratio": "0.7", "edges": EDGES, "minimum": None, "standing": "below_floor", "why": said}
    return {"lines": list(lines), **found} | whole


def test_a_check_says_where_each_line_stands_and_what_its_band_rests_on() -> None:
    html = desk(checked(line("below_floor", "0.7"), line("above_stretch", "0.95", minimum="0.6")))
    assert html.count('data-standing="below_floor"') == 2
    assert 'data-standing="above_stretch"' in html
    assert "30 won quotes in DACH / enterprise / Suite / CORE, shrunk 0 %" in html
    assert html.count('class="bullet"') == 3
    assert "Bands of version 2" in html
    assert "segment unknown" in html


def test_what_is_unknown_has_no_band_and_says_why() -> None:
    nothing = line("unknown", None, band=None, edges=None, why="no won quotes are known and there is no policy")
    html = desk(
        checked(nothing, ratio=None, edges=None, standing="unknown", version=None), publications=[], chosen=None
    )
    assert "no won quotes are known and there is no policy" in html
    assert "No bands have been published yet" in html
    assert 'class="bullet"' not in html
    assert "Nothing was published yet" in html


def test_a_plot_holds_band_and_price_in_order() -> None:
    for ratio in ("0.10", "0.85", "1.40"):
        found = plot(ratio, EDGES)
        assert found is not None
        assert 0 < found["floor"] < found["target"] < found["stretch"] < 1000
        assert 0 < found["price"] < 1000
    assert plot("0.85", None) is None
    alike = plot("0.8", dict.fromkeys(EDGES, "0.8"))
    assert alike is not None
    assert alike["floor"] == alike["price"]


def test_bands_that_came_stand_first_and_then_those_that_moved_furthest() -> None:
    changes = [
        {"path": [name], "before": before and band(target=before), "after": after and band(target=after)}
        for name, before, after in (
            ("a", "0.80", "0.81"),
            ("b", "0.80", "0.70"),
            ("c", None, "0.8"),
            ("d", "0.8", None),
        )
    ]
    assert [each["path"] for each in largest(changes)] == [["c"], ["d"], ["b"], ["a"]]


@pytest.mark.parametrize(
    ("quantity", "price", "said"),
    [("1", "cheap", "price"), ("1", "", "price"), ("1", "-3", "price"), ("1", "nan", "price"), ("0", "3", "quantity"), ("x", "3", "quantity")],
)  # fmt: skip
def test_what_cannot_be_a_price_or_a_quantity_is_said_at_its_line(quantity: str, price: str, said: str) -> None:
    rows = _typed(["p", "", "q"], ["1", "1", quantity], ["5", "", price])
    assert [row["product"] for row in rows] == ["p", "q"]
    (mistake,) = _mistakes(rows).items()
    assert mistake[0] == 1
    assert said in mistake[1]
