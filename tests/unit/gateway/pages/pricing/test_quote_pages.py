"""The pages of quotes, policy and price realisation as they are written."""

from decimal import Decimal
from typing import Any

from gateway.pages.pricing import offered, policy, promises, promoted
from gateway.pages.templates import environment

AT = "2026-11-20T10:00:00+00:00"
USER = {
    "user": {"name": "Ann", "email": "ann@example.com", "roles": ["cso"]}, "csrf": "x", "zone": "Europe/Berlin", "currency": "EUR",
    "layout": "layout.html",
}  # fmt: skip
FALL = {
    "list_amount": "1000.00",
    "steps": [
        {"name": "Negotiated price", "kind": "on_invoice", "amount": "120.00"},
        {"name": "Bonus", "kind": "off_invoice", "amount": "40.00"},
    ],
    "invoice": "880.00", "paid": "840.00", "pocket": "840.00", "cost_amount": "500.00", "margin": "340.00",
    "margin_share": "0.4048",
}  # fmt: skip
LINE = {
    "position": 1, "product_id": "p", "quantity": "10", "list_price": "100", "unit_price": "88", "discount": "0",
    "net_amount": "880.00", "cost": "50", "deductions": [],
}  # fmt: skip
QUOTE = {
    "quote_id": "q", "version": 3, "deal_id": "d", "status": "submitted", "currency": "EUR", "list_amount": "1000.00",
    "net_amount": "880.00", "valid_from": AT, "created_at": AT, "created_by": "user:a", "revision": 2, "revised_at": AT,
    "revised_by": "user:a", "valid_until": "2026-12-31", "payment_days": 30, "term_months": None, "content_hash": "h",
    "lines": [LINE], "waterfall": FALL,
}  # fmt: skip
STEP = {
    "number": 1, "stage": 1, "authority": "manager", "state": "asked", "inputs": {}, "asked_at": AT, "due_at": AT,
    "escalated_at": None, "carried_from": None, "decided_by": None, "on_behalf_of": None, "decided_at": None,
}  # fmt: skip
FINDING = {"measure": "discount", "subject": "1: CORE", "value": "0.12", "limit": "0.1", "level": 1}
REQUEST = {
    "request_id": "00000000-0000-7000-8000-000000000001", "version": 1, "quote_id": "q", "revision": 2, "policy_version": 1,
    "level": 1, "state": "open", "findings": [FINDING], "reason": "new_logo", "note": "They compare us.",
    "pairs": [
        {"given": "discount", "given_note": "12 %", "got": "longer_term", "got_note": "24 months", "value": "5000"},
        {"given": "discount", "given_note": "12 %", "got": "reference", "got_note": "", "value": None},
    ],
    "shortfall": "12.00",
    "currency": "EUR", "seen": "s" * 64, "submitted_by": "user:a", "submitted_at": AT, "closed_at": None, "steps": [STEP],
    "differences": [
        {"authority": "manager", "input": "discount of 1: CORE", "before": "0.1", "after": "0.12", "is_new": False},
        {"authority": "manager", "input": "margin of quote", "before": None, "after": None, "is_new": True},
    ],
}  # fmt: skip
PRECEDENT = {
    "quote_id": "q0", "deal_id": "d0", "deal": "Lake", "outcome": "won", "net_amount": "700", "currency": "EUR",
    "discount": "0.1", "level": 1, "approved_at": AT,
}  # fmt: skip
CONSEQUENCE = {
    "margin": "340.00", "margin_share": "0.4048", "planned_margin": "0.45", "ratio": "0.88", "floor": "0.9", "median": "0.95",
    "amount_before": "950", "amount_after": "880", "amount_change": "-70", "currency": "EUR", "shortfall": "12.00",
    "budget_left": "88", "precedents": [PRECEDENT],
}  # fmt: skip


def quote_page(**changes: Any) -> str:
    approvals = {
        "policy_version": 1, "level": 1, "needs_reason": True, "findings": [FINDING], "consequence": CONSEQUENCE,
        "planned": [{"stage": 1, "authority": "manager", "is_carried": False}], "requests": [REQUEST], "decisions": [], "mine": [1],
        "in_return": [],
    }  # fmt: skip
    values = {
        "path": "/prices/quotes/q", "quote": QUOTE, "approvals": approvals, "current": REQUEST, "deal": {"name": "Fjord"},
        "history": {"revisions": [QUOTE], "states": []}, "products": {"p": {"code": "CORE"}}, "bars": offered.bars(FALL),
        "names": {"user:a": "Ann"}, "refusal": "", "once": "o", "may_write": True, "net_price": offered.net_price,
        "beyond": offered.beyond, "states": offered.STATES, "authorities": offered.AUTHORITIES, "steps": offered.STEPS,
        "measures": offered.MEASURES, "reasons": offered.REASONS, "input_in_words": offered.input_in_words,
        "subject": offered.subject_in_words, "promotions": [[]], "taken": [[]], "gives": promoted.gives, "given": offered.GIVEN,
        "got": offered.GOT, "pairs": [], "promised": [], "promise_states": promises.STATES, "kept_before": [], "asks": {REQUEST["request_id"]: []},
    }  # fmt: skip
    return environment().get_template("pricing/quote.html").render(**(USER | values | changes))


def test_the_approver_is_shown_what_follows_and_what_became_worse_before_deciding() -> None:
    html = quote_page()
    assert html.index('id="decide"') < html.index('id="consequence"')
    for said in (
        "planned 45.0",
        "median 95.0",
        "88 EUR left",
        "Lake",
        "10.0\u202f% → 12.0\u202f%",
        "is new: unknown",
        "s" * 64,
    ):
        assert said in html, said


def test_the_approver_sees_what_is_granted_and_what_for_and_what_was_asked_for_instead() -> None:
    html = quote_page()
    shown = html[html.index('id="decide"') : html.index('id="consequence"')]
    for said in (
        "12 %",
        "Longer term",
        "24 months",
        "worth 5,000 EUR",
        "A reference",
        "worth unknown",
        "Send it back with this",
    ):
        assert said in shown, said
    sent_back = quote_page(asks={REQUEST["request_id"]: [{"got": "volume", "note": "200 seats"}]})
    assert "In return: <strong>More volume</strong>, 200 seats" in sent_back
    bare = quote_page(current=REQUEST | {"pairs": []})
    assert "Nothing is asked of the customer in return." in bare


def test_a_form_of_pairs_says_what_was_typed_and_comes_back_with_what_was_asked_for() -> None:
    form = {
        "given-0": "discount",
        "given_note-0": " 12 % ",
        "got-0": "longer_term",
        "value-0": "5000",
        "got-2": "volume",
    }
    assert offered.pairs(form) == [
        {"given": "discount", "given_note": "12 %", "got": "longer_term", "got_note": "", "value": "5000"},
        {"given": "", "given_note": "", "got": "volume", "got_note": "", "value": None},
    ]
    decision = {"request_id": REQUEST["request_id"], "asks": [{"got": "volume", "note": "200 seats"}]}
    rows = offered.paired([REQUEST], [decision, decision | {"request_id": "another"}])
    assert [(row["got"], row["got_note"]) for row in rows] == [
        ("longer_term", "24 months"), ("reference", ""), ("volume", "200 seats"),
    ]  # fmt: skip
    assert offered.paired([], []) == []


def test_a_line_offers_the_promotions_that_fit_and_its_price_is_before_them() -> None:
    row = {
        "promotion_id": "s", "name": "Spring", "kind": "percent", "value": "0.1", "currency": "EUR", "left": "500",
        "products": ["p"], "markets": ["DACH"], "segments": [],
    }  # fmt: skip
    others = [row | change for change in ({"currency": "USD"}, {"products": ["x"]}, {"markets": ["Nordics"]})]
    found = promoted.fitting([row, *others], currency="EUR", product="p", deal={"market": "DACH", "segment": None})
    assert found == [row]
    assert len(promoted.fitting([row, *others], currency="EUR", product="p", deal=None)) == 2
    off = [
        {"name": "Volume", "kind": "on_invoice", "share": "0.5", "promotion_id": None},
        {"name": "Spring", "kind": "on_invoice", "share": "0.1", "promotion_id": "s"},
    ]
    line = LINE | {"discount": "0.55", "deductions": off}
    assert offered.net_price(line) == "44"
    draft = QUOTE | {"status": "draft", "lines": [line]}
    html = quote_page(quote=draft, current=None, promotions=[[row]], taken=[[off[1]]])
    assert "Spring: 10\u202f% off, 500 EUR left" in html
    assert '<option value="s" selected>' in html


def test_a_draft_is_asked_about_with_a_reason_and_an_unknown_cost_reads_as_unknown() -> None:
    fall = FALL | {"cost_amount": None, "margin": None, "margin_share": None}
    draft = QUOTE | {"status": "draft", "waterfall": fall}
    html = quote_page(quote=draft, current=None, bars=offered.bars(fall))
    assert "choose one, a line is below its floor" in html
    assert "Pocket margin</th>" not in html
    assert "The margin is unknown" in html


def test_the_bars_lead_from_list_price_to_margin_and_stay_on_the_scale() -> None:
    bars = offered.bars(FALL)
    assert [bar["name"] for bar in bars] == [
        "List price", "Negotiated price", "Invoice price", "Bonus", "Paid", "Cost", "Pocket margin",
    ]  # fmt: skip
    assert all(bar["x"] >= 0 and bar["x"] + bar["width"] <= 1000.1 for bar in bars)
    loss = offered.bars(FALL | {"cost_amount": "1000.00", "margin": "-160.00"})
    assert all(bar["x"] >= 0 and bar["x"] + bar["width"] <= 1000.1 for bar in loss)


def test_large_prices_and_quantities_are_written_out_and_grouped() -> None:
    line = LINE | {"quantity": "14000", "list_price": "1250000", "unit_price": "84.5"}
    html = quote_page(quote=QUOTE | {"lines": [line]})
    assert [each in html for each in (">14,000<", ">1,250,000<", ">84.5<")] == [True] * 3


def test_an_empty_list_of_quotes_says_where_one_comes_from() -> None:
    values: dict[str, Any] = {
        "path": "/prices/quotes", "quotes": [], "next_cursor": None, "chosen": "", "mine": [], "names": {},
        "states": offered.STATES, "authorities": offered.AUTHORITIES, "subject": offered.subject_in_words,
    }  # fmt: skip
    template = environment().get_template("pricing/quotes.html")
    assert "make a quote of it" in template.render(**(USER | values))
    item = {"request": REQUEST, "deal": "Fjord", "deal_id": "d", "net_amount": "880", "mine": [1]}
    html = template.render(
        **(USER | values | {"quotes": [QUOTE | {"deal": "Lake"}], "mine": [item], "names": {"user:a": "Ann"}})
    )
    assert "88.0" in html
    assert 'href="/prices/quotes/q" hx-get="/prices/quotes/q">Lake</a>' in html
    assert "line 1, CORE" in html


def test_a_form_of_the_policy_says_what_it_shows_and_keeps_what_it_does_not() -> None:
    scoped = {"measure": "discount", "scope": "line", "market": "DACH", "limits": [{"beyond": "0.2", "level": 3}]}
    before = {
        "rules": [scoped], "minima": [], "planned_margins": [], "budgets": [], "escalate_after_hours": 12, "below_floor_level": 2,
    }  # fmt: skip
    form = {
        "discount-line-1": "10",
        "discount-line-3": "30,5",
        "minimum": "55",
        "hours": "48",
        "budget-year": "2026",
        "budget-new_logo": "5000",
    }
    document, mistake = policy.written(form, before)
    assert mistake == ""
    assert document["rules"][-1] == scoped
    assert [Decimal(each["beyond"]) for each in document["rules"][0]["limits"]] == [Decimal("0.1"), Decimal("0.305")]
    shown = policy.cells(document)
    assert (shown["discount-line-3"], shown["minimum"], shown["budget-new_logo"], shown["hours"]) == (
        "30.5",
        "55",
        "5000",
        "48",
    )
    assert policy.written({"minimum": "cheap"}, None)[1].startswith("Write numbers only")
    assert policy.written({"budget-new_logo": "5"}, None)[1] == "Say for which year the exception budget is."


def policy_page(**changes: Any) -> str:
    load = {
        "quarter": "2026-Q3", "since": "2026-07-01", "until": "2026-10-01", "quotes": 120, "approvals": 31, "below_floor": 5,
        "by_level": {"0": 89, "1": 20, "2": 7, "3": 4}, "by_authority": {"manager": 31, "cso": 4}, "by_measure": {},
        "per_week": {"manager": 2.4, "cso": 0.3},
    }  # fmt: skip
    version = {
        "version": 1,
        "valid_from": AT,
        "note": "first",
        "published_by": "user:a",
        "is_in_force": True,
        "is_starting": False,
    }
    budget = {
        "year": 2026,
        "reason": "new_logo",
        "currency": "EUR",
        "amount": "5000",
        "used": "100",
        "asked": "0",
        "left": "4900",
    }
    values = {
        "path": "/prices/policy", "versions": [version], "held": version, "load": load, "tried": load, "mistake": "",
        "cells": policy.cells(None), "rows": policy.ROWS, "scoped": [], "budgets": [budget], "may_publish": True, "may_rehearse": True,
        "names": {"user:a": "Ann"}, "authorities": offered.AUTHORITIES, "measures": offered.MEASURES, "reasons": offered.REASONS,
    }  # fmt: skip
    return environment().get_template("pricing/policy.html").render(**(USER | values | changes))


def test_the_policy_page_says_how_many_approvals_it_asks() -> None:
    html = policy_page()
    assert 'data-approvals="31"' in html
    assert "2.4 a week" in html


def test_until_one_is_published_the_policy_page_says_what_the_starting_one_asks() -> None:
    starting = {
        "version": 0, "valid_from": AT, "note": "Shipped", "published_by": "system:pricing", "is_in_force": True, "is_starting": True,
    }  # fmt: skip
    document = {"rules": [], "minima": [], "chain": [{"level": 1, "authorities": ["cso"]}], "budgets": []}
    html = policy_page(held=starting, versions=[starting], load=None, tried=None, budgets=[])
    assert "the CSO agrees" in html
    assert "1970" not in html, "it has no day on which it began"
    assert policy._own(starting | {"document": document}) is None, "its chain is not carried into what is published"


def test_what_a_customer_promised_stands_on_the_quote_and_how_often_such_promises_are_kept_before_the_approver() -> (
    None
):
    part = {
        "state": "not_known", "is_overdue": True, "given": "discount", "given_note": "", "got": "longer_term", "got_note": "24 months",
        "value": None, "due": "2026-10-01",
    }  # fmt: skip
    html = quote_page(promised=[part])
    assert ("What the customer promised" in html, "overdue" in html, "24 months" in html) == (True, True, True)
    record = {"got": "longer_term", "kept": 9, "known": 14, "not_known": 3, "low": "0.43", "high": "0.81"}
    words = promises.of_kinds([record], [{"got": "longer_term"}, {"got": "volume"}])
    assert words == [
        "Longer term: of 14 such promises 9 kept (90\u202f% interval 43 to 81\u202f%); 3 not known yet.",
        "More volume: nobody promised it before.",
    ]
    nothing = record | {"kept": 0, "known": 0, "low": None, "high": None}
    assert promises.said(nothing) == "Longer term: nothing is known of whether such promises are kept; 3 not known yet."
    assert promises.bar(nothing) is None
    assert promises.bar(record) == {"low": 430.0, "width": 380.0, "share": 642.9}


def test_the_page_of_promises_says_what_to_do_and_asks_for_an_answer() -> None:
    row = {
        "part_id": "a", "quote_id": "q", "deal": "Fjord", "given": "discount", "given_note": "12 %", "got": "longer_term", "got_note": "",
        "value": "900", "currency": "EUR", "due": "2026-10-01", "moves": 2, "state": "not_known", "is_overdue": True,
        "answered_by": None, "note": "", "once": "o",
    }  # fmt: skip
    values = {
        "path": "/prices/promises", "rows": [row], "overdue": 1, "record": [], "names": {}, "states": promises.STATES,
        "given": offered.GIVEN, "got": offered.GOT, "may_write": True, "mistake": "",
    }  # fmt: skip
    template = environment().get_template("pricing/promises.html")
    html = template.render(**(USER | values))
    assert ("1 to answer" in html, "moved 2 times" in html, 'value="not_kept"' in html) == (True, True, True)
    assert 'value="kept"' not in template.render(**(USER | values | {"may_write": False}))
    assert "Give and get" in template.render(**(USER | values | {"rows": [], "overdue": 0}))


def test_a_month_without_sales_breaks_the_line_of_realisation() -> None:
    month = {
        "month": "2026-10-01", "quotes": 2, "unlisted": 0, "uncosted": 1, "list_amount": "100", "invoice": "90", "paid": "90",
        "pocket": "85", "margin": None, "invoice_share": "0.9", "pocket_share": "0.85", "margin_share": None,
    }  # fmt: skip
    none = month | {"quotes": 0, "invoice_share": None, "pocket_share": None}
    drawn = policy.lines([month, none, month])
    assert drawn is not None
    assert len(drawn["pocket"]) == 2
    leak = {
        "name": "Bonus",
        "kind": "off_invoice",
        "amount": "5",
        "share": "0.05",
        "quotes": 1,
        "worst": "q",
        "worst_amount": "5",
    }
    found = {"currency": "EUR", "currencies": ["EUR", "USD"], "whole": month, "months": [month, none], "leaks": [leak]}
    values = {
        "path": "/prices/realisation",
        "found": found,
        "lines": drawn,
        "asked": {"market": "", "segment": ""},
        "csv_href": "/x",
    }
    template = environment().get_template("pricing/realisation.html")
    assert "85.0\u202f% of list price reaches the pocket" in template.render(**(USER | values))
    empty = found | {"whole": none, "months": [none], "leaks": []}
    assert "No quote with a known list price" in template.render(**(USER | values | {"found": empty, "lines": None}))
