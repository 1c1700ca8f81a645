"""The quota on the Call page, as it is written from a reading as the forecast answers it."""

import re
from typing import Any

import pytest

from gateway.pages.address import CallView
from gateway.pages.calls.attainment import Reach, attainment_shown, reach
from gateway.pages.templates import environment
from tests.support.attainments import ADA, BEN, NORTH, UNIT, attainment, node

AROUND = {"user": None, "csrf": "", "zone": "Europe/Berlin", "currency": "EUR", "layout": "fragment.html"}


def written(found: dict[str, Any]) -> str:
    shown = attainment_shown(found, CallView(), {ADA: "Ada Osei"})
    return environment().get_template("calls/call_attainment.html").render(**AROUND, path="/call/attainment", **shown)


def row(html: str, identifier: object) -> str:
    found = re.search(rf'<tr id="quota-{identifier}".*?</tr>', html, re.DOTALL)
    assert found, identifier
    return found.group()


def test_quota_attained_gap_and_chance_are_those_of_the_reading() -> None:
    html = written(attainment())
    for key, value in {
        "quota.attainment": "0.4757",
        "quota.closed": "2140500.25",
        "quota.quota": "4500000.00",
        "quota.gap": "2359499.75",
        "quota.chance": "0.412345",
        "quota.required": "5230000.00",
        "quota.open": "4100000.00",
        "quota.unallocated": "1500000.00",
        f"quota.{NORTH}.quota": "3000000.00",
        "quota.2026-11.variance": "-1500000.00",
        "quota.2026-12.to_date": "-2359499.75",
    }.items():
        assert f'value="{value}" data-key="{key}"' in html
    assert "coverage 0.78" in html
    assert "target=4500000.00" in html, "the page Projection takes the quota for its target"
    assert "below=all" in html
    assert html.count("not over") == 2
    assert "even share" in html


def test_blank_zero_and_unassigned_are_told_apart_and_never_divided() -> None:
    html = written(attainment())
    assert "Ada Osei" in row(html, ADA)
    assert 'value="0.00"' in row(html, ADA)
    assert "none assigned" in row(html, BEN)
    assert f"Person {str(BEN)[:8]}" in row(html, BEN)
    for person in (ADA, BEN):
        assert "attainment" not in row(html, person)
        assert "%" not in row(html, person)
    zero = node(
        UNIT, label="Northwind", depth=0, state="zero", source="own", quota="0.00", gap="-5.00", unallocated="0.00"
    )
    html = written(attainment(node=zero, below=[], months=[], needed=None))
    assert "of a quota of nothing" in html
    assert "%" not in html.partition("<dl")[2]


def test_without_a_quota_it_says_how_to_bring_them_in() -> None:
    blank = node(UNIT, label="Northwind", depth=0)
    months = [each | {"quota": None, "source": None, "variance": None} for each in attainment()["months"]]
    html = written(attainment(node=blank, below=[node(NORTH, label="North")], months=months, needed=None))
    assert "Nobody has set a quota for Northwind in Q4 2026" in html
    assert "unit,owner,period,amount,value_basis\ncompany,,2026Q4,5000000,one_off\n" in html
    assert "/api/v1/forecast/imports/quotas" in html
    assert "data-key" not in html
    of_new = written(attainment(node=blank, below=[], months=months, needed=None, deal_type="new", value_basis="arr"))
    assert "value_basis,deal_type\ncompany,,2026Q4,5000000,arr,new\n" in of_new, "what is brought in so is seen here"


def test_what_is_beyond_the_quota_and_assigned_beyond_it_is_told_as_that() -> None:
    whole = attainment()["node"]
    beyond = whole | {"quota": "2000000.00", "attainment": "1.0703", "gap": "-140500.25", "chance": 1.0,
                      "unallocated": "-1000000.00", "over_assigned": "0.5000"}  # fmt: skip
    html = written(attainment(node=beyond, is_over=True, needed=None))
    assert "Beyond" in html
    assert 'value="140500.25" data-key="quota.gap"' in html
    assert "Assigned beyond the quota" in html
    assert "by 50.0" in html
    assert "the period is over" in html


@pytest.mark.parametrize(
    ("closed", "quota", "share", "drawn"),
    [
        ("50.00", "100.00", "0.5000", Reach("500.00", "1000.00")),
        ("200.00", "100.00", "2.0000", Reach("1000.00", "500.00")),
        ("-5.00", "100.00", "-0.0500", Reach("0.00", "1000.00")),
        ("5.00", "0.00", None, None),
        ("5.00", None, None, None),
    ],
)
def test_the_bar_ends_at_the_greater_of_closed_and_quota(
    closed: str, quota: str | None, share: str | None, drawn: Reach | None
) -> None:
    assert reach({"closed_won": closed, "quota": quota, "attainment": share}) == drawn
