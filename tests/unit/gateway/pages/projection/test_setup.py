"""The form of the four questions: what it begins with, and how what people type is sent on."""

from gateway.pages.projection.setup import shown, typed, written

ASSUMED = {"win_rate": "0.25", "cycle_days": "90.0", "deals_a_month": "10.0", "won_amount": None}
NOTHING = dict.fromkeys(ASSUMED)


def test_fields_begin_with_the_answer_else_history_else_what_is_assumed() -> None:
    found = {"answers": None, "history": NOTHING, "assumed": ASSUMED}
    assert shown(found) == {"win_rate": "25", "cycle_days": "90", "deals_a_month": "10", "won_amount": ""}
    history = {"win_rate": "0.6667", "cycle_days": "0.0", "deals_a_month": "213.0625", "won_amount": "47000.00"}
    found["history"] = history
    assert shown(found) == {"win_rate": "66.7", "cycle_days": "1", "deals_a_month": "213", "won_amount": "47000.00"}
    found["answers"] = {"win_rate": "0.4", "cycle_days": "30", "deals_a_month": "20", "won_amount": "1.50"}
    assert shown(found) == {"win_rate": "40", "cycle_days": "30", "deals_a_month": "20", "won_amount": "1.50"}


def test_percents_are_sent_as_shares_and_what_is_no_number_as_it_is() -> None:
    values = {"win_rate": "40 %", "cycle_days": "30", "deals_a_month": "a few", "won_amount": "31,000.50"}
    assert typed(values) == {
        "win_rate": "0.4",
        "cycle_days": "30",
        "deals_a_month": "a few",
        "won_amount": "31000.50",
    }
    assert typed(values | {"win_rate": "most"})["win_rate"] == "most"
    assert written("win_rate", "0.4").startswith("40.0")
    assert written("won_amount", None) == ""
