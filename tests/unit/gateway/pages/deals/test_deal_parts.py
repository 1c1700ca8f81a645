"""The cards beside a deal say what is known, what is not, and show forms only to those who may use them."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from markupsafe import Markup

from gateway.pages.deals.dealparts import IN_COMMON, SOURCES, STATES, Parts, chosen, written
from gateway.pages.deals.planned import Typed
from gateway.pages.templates import environment

IDA, PER, TWIN = (UUID(int=number << 96) for number in (1, 2, 3))
DAY = "2026-11-01T10:00:00Z"
AGAINST = {"won": 1, "closed": 3, "lost_to": 2, "open": 1, "rate": None, "low": 0.06, "high": 0.79}
SPLITS = {
    "version": 2, "owner_id": str(IDA), "amount": None, "currency": None, "is_stated": True,
    "revenue": [{"person_id": str(IDA), "share": "1", "amount": None}],
    "overlay": [{"person_id": str(PER), "share": "0.5", "amount": None}],
    "said": [{"kind": "revenue", "shares": [], "at": DAY, "author": "ann", "recorded_at": DAY}],
    "crm_problem": None,
}  # fmt: skip
LINES = {
    "version": 2, "source": "nobody", "quote_tells_lines": None, "currency": None, "lines": [], "total": None, "amount": None,
    "deal_currency": None, "difference": None, "why_no_difference": "There are no lines.", "said": [],
    "crm_problem": None,
}  # fmt: skip
QUOTED = LINES | {
    "source": "quote", "quote_tells_lines": True, "currency": "EUR", "total": "5.00", "difference": "-1.00",
    "lines": [{"product": "Ovens", "quantity": "2", "price": "2.5", "term_months": None, "amount": "5.00"}],
}  # fmt: skip
RIVALS: dict[str, Any] = {"items": [], "said": [], "loss_reason": None}
OAK = {"competitor": "Oak", "state": "lost_to", "source": "buyer", "at": DAY, "against": AGAINST}
NEAR = {
    "deal_id": str(PER), "name": "", "distance": 0.5, "same": [], "times": None, "stage": None, "state": "lost", "closed_on": None,
    "days": None, "amount": None, "currency": "EUR", "owner_id": None, "loss_reason": None, "lost_to": [],
}  # fmt: skip
PARTS = Parts(
    SPLITS,
    LINES,
    RIVALS,
    {"items": [], "why_none": "None is closed yet.", "won": 0, "compared": 0, "hidden": 0},
    names={str(IDA): "Ida"},
    authors={"ann": "Ann"},
    staff=[("Ida", str(IDA))],
    may_act=True,
    states=STATES,
    sources=SOURCES,
    common=IN_COMMON,
)


def shown(parts: Parts, *, typed: Typed | None = None, state: str = "open") -> str:
    page = environment().from_string('{% from "_parts.html" import to %}{% include "deals/deal_parts.html" %}')
    given: dict[str, Any] = {"deal_id": str(TWIN), "once": "once", "csrf": "csrf", "zone": "UTC", "currency": "EUR"}
    html = page.render(parts=parts, typed=typed, current={"state": state}, **given)
    return Markup(html).striptags()  # noqa: S704 - only its text is read


def test_who_may_only_read_sees_the_cards_and_no_form() -> None:
    read = shown(replace(PARTS, may_act=False, staff=[]))
    assert "Who is credited" in read
    assert "Change the split" not in read
    assert "Say what is sold" not in read
    assert "Name one" not in read
    assert "Change the split" in shown(PARTS)


def test_what_a_crm_tells_and_cannot_stand_is_said_with_the_reason() -> None:
    told = shown(replace(PARTS, splits=SPLITS | {"crm_problem": "the shares make 130 %"}))
    assert "Of the CRM’s splits nothing stands: the shares make 130 %" in told
    assert "nothing stands" not in shown(PARTS)


def test_what_nobody_told_is_said_to_be_unknown_with_what_to_do() -> None:
    told = shown(PARTS)
    assert "Lines come from an approved quote, from the CRM, from here, or by file" in told
    assert "Nobody is named yet" in told
    assert "None is closed yet." in told
    assert "taken back" in told, "a split without shares gave everything back"
    assert "Somebody the CRM does not name" in told
    silent = shown(replace(PARTS, lines=None, competitors=None, nearest=None))
    assert silent.count("The deals service does not tell now.") == 3
    assert "is not known now" in shown(replace(PARTS, splits=None))


def test_lines_of_a_quote_have_no_form_and_say_what_is_too_much() -> None:
    told = shown(replace(PARTS, lines=QUOTED))
    assert "lines of the quote that sets the amount" in told
    assert "In lines, not in the deal’s amount" in told
    assert "-1.00" in told
    assert "Change the lines" not in told
    assert "was told without its lines" in shown(replace(PARTS, lines=LINES | {"quote_tells_lines": False}))


def test_a_lost_deal_says_why_and_a_near_one_of_which_little_is_known_says_so() -> None:
    near = {"items": [NEAR], "won": 0, "compared": 1, "hidden": 1, "why_none": None}
    told = shown(replace(PARTS, competitors=RIVALS | {"items": [OAK]}, nearest=near), state="lost")
    assert "as the CRM has it: no reason told" in told
    assert "1 of 3 too few for a rate" in told
    assert "little is known of either" in told
    assert "Of the 1 nearest of the company 1 is not yours to see" in told


@pytest.mark.parametrize(
    ("form", "values"),
    [
        ("split-revenue", {"person 0": "Ida", "percent 0": "60"}),
        ("split-overlay", {}),
        ("lines", {"currency": "EUR", "product 0": "Ovens", "quantity 0": "x", "price 0": "", "term_months 0": "", "amount 0": ""}),
        ("competitor", {"competitor": "Oak", "state": "out", "source": "buyer"}),
    ],
)  # fmt: skip
def test_a_form_that_was_refused_says_why_with_what_was_typed(form: str, values: dict[str, str]) -> None:
    page = environment().from_string('{% from "_parts.html" import to %}{% include "deals/deal_parts.html" %}')
    told = page.render(
        parts=PARTS, typed=Typed(form, values, "It does not add."), current=None, deal_id=str(TWIN), once="", csrf="", zone="UTC",
        currency="EUR",
    )  # fmt: skip
    assert told.count("It does not add.") == 1
    for value in filter(None, values.values()):
        assert f'value="{value}"' in told


def test_people_of_one_name_are_told_apart_and_found_by_what_was_typed() -> None:
    staff = written({IDA: "Ida", PER: "Per", TWIN: "Ida"})
    assert [name for name, _ in staff] == ["Ida (00000001)", "Ida (00000003)", "Per"]
    assert chosen("Ida", staff) == "Ida", "which of them is not known, so it is asked again"
    assert chosen("ida (00000003)", staff) == str(TWIN)
    assert chosen(" per ", staff) == str(PER)
    assert chosen(str(IDA), staff) == str(IDA)
    assert chosen("Nobody", staff) == "Nobody"
