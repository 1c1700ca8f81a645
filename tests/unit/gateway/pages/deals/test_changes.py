from typing import Any

from gateway.pages.deals.changes import compared, told
from gateway.pages.deals.deal import entries

ENTRY = {
    "stage": "Propose", "category": "commit", "amount": "1000.00", "currency": "EUR", "close_date": "2024-12-10",
    "closed_on": None, "line": "commit", "owner_id": None,
}  # fmt: skip


def _version(number: int, valid_from: str, **fields: Any) -> dict[str, Any]:
    return ENTRY | {"version": number, "valid_from": valid_from, "event_type": "deals.deal.changed.v1"} | fields


def test_what_changed_is_told_in_words_and_what_did_not_is_left_out() -> None:
    both = compared(ENTRY, ENTRY | {"amount": "1250.00", "close_date": "2025-01-20"}, {})
    assert [(each.label, each.was, each.now) for each in told(both)] == [
        ("amount", "1,000 EUR", "1,250 EUR"),
        ("close date", "10 Dec 2024", "20 Jan 2025"),
    ]


def test_the_line_is_told_only_where_the_category_does_not_say_it() -> None:
    demoted = compared(ENTRY, ENTRY | {"category": "pipeline", "line": "pipeline"}, {})
    held = compared(ENTRY, ENTRY | {"line": "held_back"}, {})
    assert [each.label for each in told(demoted)] == ["category"]
    assert [(each.label, each.now) for each in told(held)] == [("line", "Held back")]


def test_a_deal_that_was_not_there_has_a_dash_and_an_unknown_amount_too() -> None:
    both = compared(None, ENTRY | {"amount": None}, {})
    assert (both["amount"].was, both["amount"].now, both["stage"].now) == ("–", "–", "Propose")


def test_an_entry_is_compared_with_what_held_before_it_not_with_what_was_replaced() -> None:
    first, wrong = _version(1, "2024-11-01"), _version(2, "2024-11-05", amount="9.00")
    right, last = _version(3, "2024-11-05", amount="1100.00"), _version(4, "2024-11-09", amount="1200.00")
    made = entries([first, wrong, right, last], {})
    assert [entry.is_replaced for entry in made] == [False, True, False, False]
    assert [[(each.was, each.now) for each in entry.changes] for entry in made] == [
        [],
        [("1,000 EUR", "9 EUR")],
        [("1,000 EUR", "1,100 EUR")],
        [("1,100 EUR", "1,200 EUR")],
    ]


def test_a_next_step_that_is_missing_is_not_one_that_nobody_tells() -> None:
    told_of = {
        "next_step": "call",
        "next_step_known": True,
        "last_activity_at": "2026-02-28T23:30:00Z",
        "activity_known": True,
    }
    empty = told_of | {"next_step": None, "last_activity_at": None}
    both = compared(ENTRY | told_of, ENTRY | empty, {}, "Europe/Berlin")
    assert [(each.label, each.was, each.now) for each in told(both)] == [
        ("next step", "call", "none"),
        ("last activity", "1 Mar 2026", "none"),
    ]
    assert [compared(None, ENTRY, {})[name].now for name in ("next_step", "activity")] == ["not told", "not told"]
