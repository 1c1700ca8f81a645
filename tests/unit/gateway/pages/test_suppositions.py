"""What is supposed: from the address, from a form, and in words."""

import pytest

from gateway.pages import suppositions
from gateway.pages.address import WhatIfView

DEAL = "0c0ffee0-0000-0000-0000-000000000001"
OTHER = "0c0ffee0-0000-0000-0000-000000000002"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"won:{DEAL}", "is won"),
        (f"won:{DEAL}:1200.5", "is won for 1,201"),
        (f"lost:{DEAL}", "is not won in the period"),
        (f"moved:{DEAL}:2027-01-01", "closes on 1 Jan 2027"),
        ("added:5000", "One more deal of 5,000"),
        ("added:5000:0.4", "One more deal of 5,000, 40.0\u202f% likely"),
        ("without:1", "Without the largest open deal"),
        ("without:3", "Without the 3 largest open deals"),
        ("pace:1.2", "Wins come 1.2 times as fast"),
        ("creation:0.8", "0.8 times as many deals are created"),
        (f"moved:{DEAL}:soon", "closes on soon"),
        ("nonsense", "nonsense"),
    ],
)
def test_every_supposition_has_its_words_and_what_is_none_is_shown_as_it_is(text: str, said: str) -> None:
    assert suppositions.words(text) == said


def test_a_new_word_on_a_deal_replaces_the_one_before_and_leaves_others() -> None:
    given = (f"won:{DEAL}", f"lost:{OTHER}", "pace:1.2")
    assert suppositions.on_deal(given, "lost", DEAL, "2026-12-31") == (f"lost:{OTHER}", "pace:1.2", f"lost:{DEAL}")
    later = suppositions.on_deal((), "moved", DEAL, "2026-12-31")
    assert later == (f"moved:{DEAL}:2027-01-01",), "the day after the period"
    assert suppositions.of_deal(given, DEAL) == "won"
    assert suppositions.of_deal(given, "another") == ""
    assert suppositions.factor_of(given, "pace") == "1.2"
    assert suppositions.factor_of(given, "creation") == ""


def test_a_form_replaces_what_it_says_of_all_deals_and_adds_its_deal() -> None:
    given = (f"won:{DEAL}", "pace:1.2", "added:10:0.5")
    form = {"pace": "1", "creation": "1,5", "without": "2", "added": "1,250,000.50", "chance": "30 %"}
    assert suppositions.typed(given, form) == (
        f"won:{DEAL}",
        "added:10:0.5",
        "without:2",
        "creation:1.5",
        "added:1250000.50:0.3",
    )
    assert suppositions.typed(given, {}) == (f"won:{DEAL}", "added:10:0.5")
    assert suppositions.typed((), {"pace": "fast", "added": "5", "chance": "high"}) == ("pace:fast", "added:5:high")


def test_an_address_holds_what_is_supposed_and_is_read_back_the_same() -> None:
    given = (f"won:{DEAL}:5", "pace:1.2")
    view = WhatIfView(period="2026Q4").supposing(given)
    assert view.href() == f"/projection/what-if?period=2026Q4&suppose=won:{DEAL}:5,pace:1.2"
    assert suppositions.read([",".join(given), "", "pace:1.2"]) == given
    assert len(suppositions.read([f"added:{number}" for number in range(99)])) == suppositions.MOST
