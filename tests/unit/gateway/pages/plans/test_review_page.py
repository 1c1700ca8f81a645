"""The Review room as it is written from what the forecast answers."""

import re
from typing import Any

import pytest

from gateway.pages.plans import reviews
from gateway.pages.plans.plans import MEASURES
from gateway.pages.plans.reviewing import _missing
from gateway.pages.plans.reviews import expected_words
from gateway.pages.plans.typed import number
from gateway.pages.templates import environment
from tests.support.reviews import ASSUMPTION, PLAN, first_format, review

PEOPLE = {"user:carla": "Carla", "user:mara": "Mara", "service:forecast": "Service forecast"}


def written(found: dict[str, Any], *, may_decide: bool = True, **more: Any) -> str:
    evidence = found["evidence"]
    picture, rows = reviews._bridge(evidence)
    told: dict[str, Any] = {
        "user": None, "csrf": "", "zone": "Europe/Berlin", "currency": "EUR", "layout": "fragment.html", "path": "/reviews",
        "found": found, "head": found["review"], "plan": evidence["plan"], "evidence": evidence, "whole": evidence["nodes"][0],
        "options": found["options"], "compared": reviews.compared(found["options"]), "decision": found["decision"],
        "picture": picture, "rows": rows, "kinds": reviews.KINDS, "choices": reviews.CHOICES, "expected": reviews._measures(evidence),
        "expected_words": expected_words, "outcomes": reviews.OUTCOMES, "methods": reviews.METHODS, "measures": MEASURES,
        "drafts": [], "people": PEOPLE, "owners": ["user:carla", "user:mara"], "me": "user:mara", "mistake": None, "typed": {},
        "once": "once", "may_open": True, "may_decide": may_decide,
    }  # fmt: skip
    return environment().get_template("plans/review.html").render(**(told | more))


def test_the_evidence_stands_there_with_its_digest_and_each_unknown_is_said() -> None:
    found = review()
    html = written(found)
    for key, value in {"closed": "750000", "target": "1000000", "term.win_rate": "-60000", "open": "270000"}.items():
        assert f'<data value="{value}" data-key="{key}"' in html, key
    assert "aaaaaaaaaaaaaaaa…" in html
    assert "those that the plan states, else against those of FY2025; both" in html
    assert "drifting" in html
    found["evidence"] |= {"accuracy": [], "why_no_accuracy": "No lock is known.", "assumptions": [], "pipeline": []}
    html = written(found)
    for said in ("No lock is known.", "The plan states none.", "Nothing was open"):
        assert said in html


def whose(html: str) -> list[str]:
    """What is said of whose each driver is, in the order of the rows."""
    found = re.findall(r'<small class="whose">(.*?)</small>', html, re.DOTALL)
    return [re.sub(r"<.*?>", "", each).strip() for each in found]


def test_each_driver_of_the_bridge_says_whose_it_is_and_leads_to_the_assumption() -> None:
    html = written(review())
    assert whose(html) == [
        "FY2025: 120 deals",
        "Plan 96 deals, as many as make the 770,000 of pipeline that Northwind is to create",
        "Plan 30.0\u202f%, win rate of Northwind",
        "FY2025: 61.0\u202f%",
        "FY2025: not known",
    ]
    assert f'href="/plans/{PLAN}?tab=assumptions&amp;version=1&amp;assumption={ASSUMPTION}"' in html
    assert 'id="bridge-title">Why it differs from what the plan assumes' in html
    assert '/bridge?format=csv" download' in html


def test_size_says_how_much_of_it_is_price_and_of_which_deals_that_is_known() -> None:
    html = written(review())
    (row,) = re.findall(r'<tr class="within".*?</tr>', html, re.DOTALL)
    assert '<data value="-12500" data-key="within.price"' in row
    assert "91.0\u202f% of list in FY2025, 88.0\u202f% since; known of 31 and 28 deals, 61.0\u202f% of what came" in row
    unknown = review()
    price = {side: {"deals": 0, "realisation": None, "share": None} for side in ("before", "after")}
    unknown["evidence"]["bridge"]["price"] = price | {"amount": None}
    html = written(unknown)
    assert "not known: neither period has won deals with a quote that tells list prices" in html
    assert "within.price" not in html


def test_a_review_of_the_first_format_is_shown_as_it_was() -> None:
    html = written(review() | {"evidence": first_format()})
    assert "of which price" not in html
    assert whose(html) == []
    assert 'id="bridge-title">Why it differs from FY2025' in html
    assert "those of the year before; both" in html
    assert '<data value="-60000" data-key="term.win_rate"' in html


def test_options_stand_side_by_side_and_the_changed_target_is_the_likelier_one() -> None:
    html = written(review())
    assert 'data-key="option.0"' in html
    assert '<data value="860000.00" data-key="option.1"' in html
    row = re.search(r"Chance to reach it</th>(.*?)</tr>", html, re.DOTALL)
    assert row
    today, less = (float(value) for value in re.findall(r'<data value="([\d.]+)"', row.group(1)))
    assert less > today
    assert "−140,000" in html
    assert "-14.0" in html or "−14.0" in html


@pytest.mark.parametrize(("may_decide", "broken"), [(True, False), (False, False), (True, True)])
def test_only_who_may_approve_decides_and_only_on_what_was_stored(may_decide: bool, broken: bool) -> None:
    html = written(review(broken=broken), may_decide=may_decide)
    assert ('action="/reviews/' in html and "/decision" in html) is (may_decide and not broken)
    assert ('role="alert"' in html) is broken


def test_a_decided_review_shows_what_came_and_offers_no_form_to_decide() -> None:
    html = written(review(decided=True, scored=True))
    assert "Adjust: North a fifth less" in html
    assert "bookings of Northwind at least 800,000, at the end of 30 Nov 2026" in html
    assert '<span class="tag good">hit</span>' in html
    assert "/decision" not in html
    assert "?version=2" in html
    assert "Score again" in html
    assert "not checked yet" in written(review(decided=True))


def test_what_is_not_said_yet_is_asked_for_in_order() -> None:
    given = {
        "option": "",
        "rationale": "",
        "check_on": "",
        "low": "",
        "high": "",
        "owner": "",
        "measure": "",
        "node": "",
    }
    for name, value, why in (
        ("option", "proceed:", "Choose"),
        ("rationale", "It carries.", "why"),
        ("check_on", "2026-12-01", "day"),
        ("low", "much", "expected"),
        ("low", "1,000", "'much' is not a number"),
    ):
        assert why in str(_missing(given))
        given[name] = value
    assert _missing(given) is None


def test_numbers_are_read_as_they_are_typed_and_expectations_are_written_in_words() -> None:
    assert [str(number(text)) for text in ("1,000.50", "−10", "12 000", "x", "inf")] == [
        "1000.50",
        "-10",
        "12000",
        "None",
        "None",
    ]
    assert expected_words("chance", "North", "0.6", "0.8") == "chance of North at least 60 % and at most 80 %"
    assert expected_words("new_customers", "South", None, "12") == "new customers of South at most 12"
