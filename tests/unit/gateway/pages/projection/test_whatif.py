"""The page *What if* as it is written, from readings as the forecast answers them."""

from typing import Any

from gateway.pages.address import WhatIfView
from gateway.pages.projection import outlook
from gateway.pages.projection.whatif import what_if_shown
from gateway.pages.templates import environment
from tests.support import outlooks
from tests.unit.gateway.pages.projection.test_projection import AROUND, number

ALDGATE = "00000000-0000-0000-0000-000000000001"

KEPT = {"items": [], "people": {}, "withdraws": [], "may_save": True, "once": "1"}
"""No scenario is saved yet."""


def written(
    *effects: tuple[str, str, bool],
    needed: dict[str, Any] | None = None,
    target: str = "",
    refused: str = "",
    **changes: Any,
) -> str:
    found = outlooks.projection(**changes)
    told = None if found["is_over"] else outlooks.supposed(*effects)
    call = {
        "is_empty": False,
        "tree": {"path": [{"unit_id": str(outlooks.UNIT), "name": "Northwind"}], "children": []},
        "periods": [found["period"]],
        "period": found["period"],
    }
    view = WhatIfView(target=target, suppose=tuple(text for text, _, _ in effects))
    shown = what_if_shown(found, told, needed, view, outlook.target(target))
    template = environment().get_template("projection/whatif.html")
    return template.render(
        **AROUND, path="/projection/what-if", call=call, refused=refused, refusal=None, kept=KEPT, **shown
    )


def test_each_supposition_has_its_bar_its_change_and_can_be_taken_back() -> None:
    html = written((f"won:{ALDGATE}", "121800.00", True), ("pace:1.2", "88000.50", False))
    assert number(html, "as_is") == "4290500.40"
    assert number(html, "supposed") == "4500300.90"
    assert (number(html, "effect.1"), number(html, "effect.2")) == ("121800.00", "88000.50")
    assert "Aldgate rollout</a> is won" in html
    assert f'href="/projection/what-if?suppose=won:{ALDGATE}"' in html, "without the pace"
    assert 'href="/projection/what-if?suppose=pace:1.2"' in html, "without the deal"
    assert f'href="/projection/what-if?suppose=pace:1.2,lost:{ALDGATE}"' in html, "not won instead of won"


def test_without_suppositions_it_says_what_to_do() -> None:
    html = written()
    assert "Nothing is supposed yet" in html
    assert "What would have to be true" not in html


def test_what_would_have_to_be_true_can_be_supposed() -> None:
    html = written(needed=outlooks.needed(), target="5000000")
    assert number(html, "needed.pace") == "1.3715"
    assert "Not even 4 times as many" in html
    both = f"won:{ALDGATE},won:00000000-0000-0000-0000-000000000002"
    assert f'href="/projection/what-if?target=5000000&amp;suppose={both}"' in html
    assert "It is as likely as that already" in written(needed=outlooks.needed(probability=0.9), target="1")
    html = written(needed=outlooks.needed(deals_suffice=False), target="5000000")
    assert "Not even these deals suffice" in html
    assert "Each that is not ruled out would do alone" in html
    html = written(needed=outlooks.needed(deals_suffice=False, pace=None), target="5000000")
    assert "None of these would do alone" in html


def test_what_is_refused_is_told_and_a_period_that_is_over_has_nothing_to_suppose() -> None:
    assert "Not taken into account: suppose: too much" in written(refused="suppose: too much")
    html = written(is_over=True, fan=[], histogram=[], contributions=[], suggested=None)
    assert "Q4 2026 is over" in html
    assert "Suppose of deals" not in html
