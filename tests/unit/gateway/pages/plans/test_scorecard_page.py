"""The scorecard as it is written from a document alone: every number is the document's, and what is unknown is a dash."""

import re
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from gateway.pages.plans import sheet
from gateway.pages.plans.scorecard import sheet_shown
from gateway.pages.templates import environment
from tests.support.scorecards import card, contents, decided, draft, first_format

PEOPLE = {"user:fin": "Finn Ance", "user:cso": "Carla Sales", "user:ceo": "Chris Exec"}


def written(signed: dict[str, Any] | None = None, made: dict[str, Any] | None = None, may_sign: bool = True) -> str:
    shown = (signed or made or {})["contents"]
    around = {"csrf": "", "zone": "Europe/Berlin", "currency": "EUR", "layout": "fragment.html", "path": "/scorecard"}
    told = {
        "card": signed,
        "made": made,
        "versions": [{"version": 1}],
        "people": PEOPLE,
        "may_sign": may_sign,
        "once": "o",
        "books": None,
        "report": None,
    }
    user = SimpleNamespace(name="Carla Sales", email="c@northwind.example", roles=["cso"])
    page = environment().get_template("plans/scorecard.html")
    return page.render(**around, **told, user=user, refusal=None, **sheet_shown(shown))


def test_every_number_on_the_sheet_is_the_documents() -> None:
    html = written(card())
    for key, value in {
        "bookings.month": "8067757.50",
        "bookings.month.target": "9000000.00",
        "bookings.month.gap": "932242.50",
        "landing": "24310000.00",
        "ahead.2027Q1": "31000000.00",
        "concentration.deal": "520500.25",
        "tied.unmatched": contents()["tie_out"]["unmatched"],
        "restated.2026-09": "-100",
    }.items():
        assert f'value="{value}" data-key="{key}"' in html, key
    assert "Signed by Carla Sales" in html
    assert "c" * 64 in html
    assert "Why so little in Italy?" in html


def test_the_rows_of_a_cut_add_up_to_the_month_also_when_not_all_fit() -> None:
    found = contents()
    month = Decimal(found["bookings"][0]["closed"])
    for cut in found["cuts"]:
        rows = sheet.rows(cut)
        assert len(rows) <= sheet.FITS
        assert sum(row.closed for row in rows) == month


def test_what_is_unknown_is_never_a_zero() -> None:
    html = written(card())
    year = re.search(r"FY2026 to date</th>.*?</tr>", html, re.DOTALL)
    assert year is not None
    assert year.group().count('<span class="zero">–</span>') == 3
    assert "No target is set." in html
    assert "No deal of the month has a quote whose cost is known." in html


def test_what_is_known_of_a_part_of_the_bookings_says_of_how_many() -> None:
    html = written(card())
    (row,) = re.findall(r"<div><dt>Price realisation.*?</div>", html, re.DOTALL)
    assert 'value="0.6198"' in row
    assert 'value="0.8586"' in row
    assert 'value="4310000.00" data-key="price_realisation"' in row


def test_what_plans_want_of_markets_and_products_stands_beside_what_was_closed() -> None:
    html = written(card())
    (markets,) = re.findall(r'id="s-market">.*?</table>', html, re.DOTALL)
    assert "of plan" in markets
    dach = next(part for part in contents()["cuts"][0]["parts"] if part["label"] == "DACH")
    assert dach["attainment"] is not None
    assert f'value="{dach["attainment"]}"' in markets
    (products,) = re.findall(r'id="s-product">.*?</table>', html, re.DOTALL)
    assert "in plans 450,000" in products
    (types,) = re.findall(r'id="s-deal_type">.*?</table>', html, re.DOTALL)
    assert "of plan" not in types


def test_executive_cover_stands_in_money_and_says_what_is_unknown_of_it() -> None:
    html = written(card())
    for key, value in {
        "executive_cover": "19350000.00",
        "cover.at_risk": "6100000.00",
        "cover.lapsed": "2050000.00",
    }.items():
        assert f'value="{value}" data-key="{key}"' in html
    untold = contents()["cover"] | {"at_risk": None, "lapsed": None, "reason": "Nobody has told who spoke with whom."}
    html = written(card(cover=untold))
    assert "Nobody has told who spoke with whom." in html
    assert 'data-key="cover.at_risk"' not in html


def test_campaigns_stand_with_their_caveat_all_together_and_the_dearest_that_fit() -> None:
    html = written(card())
    rows = re.findall(r'data-key="(campaigns|campaign[.]\d)"', html)
    assert rows == ["campaigns", "campaign.1", "campaign.2"]
    assert "Attribution is not lift" in html
    assert "2 dearest of 4" in html
    assert {"campaigns", "campaign.1"} <= sheet.lines(contents()).keys()


def test_a_scorecard_that_was_signed_before_more_was_told_is_shown_as_it_was_signed() -> None:
    old = card() | {"format": "scorecard-1", "contents": first_format()}
    html = written(old)
    assert "Pricing does not tell the forecast what was paid for it." in html
    assert 'value="8067757.50" data-key="bookings.month"' in html
    assert '<h3 id="s-unknown">Not known</h3>' in html
    assert "known for" not in html
    assert 'id="s-campaigns"' not in html


def test_a_draft_is_signed_by_the_digest_that_the_page_shows_and_only_by_a_cso() -> None:
    html = written(made=draft())
    assert f'name="digest" value="{"d" * 64}"' in html
    assert "Draft, not signed" in html
    assert "Not matched with finance" in html
    assert "<button" not in written(made=draft(), may_sign=False).split('id="sign-title"')[1]
    waiting = draft() | {"can_be_signed": False, "why_not": "Finance has not closed October 2026."}
    assert "Finance has not closed October 2026." in written(made=waiting)


def test_a_month_without_anything_has_a_sheet_too() -> None:
    tied = contents()["tie_out"] | {"is_given": False, "finance": None, "unmatched": None, "lines": []}
    empty = {
        "wins": [], "concentration": [], "said": [], "why_nothing_said": "History is too short.", "restated": [],
        "valued": [], "campaigns": None, "cover": None, "months_compared": 0, "tie_out": tied, "closing": None, "completeness": None,
        "cuts": [{"by": by, "parts": [], "no_target": "Nobody has set a target."} for by in sheet.TITLES],
    }  # fmt: skip
    html = written(made=draft(**empty))
    for words in (
        "Nothing was closed.",
        "History is too short.",
        "No month was signed before.",
        "Not closed by finance",
    ):
        assert words in html
    assert "Finance has given no orders" in html


def test_every_line_of_a_document_can_be_asked_about() -> None:
    found = contents()
    names = sheet.lines(found)
    assert {"bookings.month", "landing", "tie_out", "margin", "restated.2026-09", "ahead.2027Q1"} <= names.keys()
    assert all(names.values())


def test_the_picture_of_past_quarters_stays_within_its_frame() -> None:
    quarters = sheet.picture(contents()["said"])
    assert [quarter.label for quarter in quarters] == [row.label for row in reversed(sheet.past(contents()["said"]))]
    for quarter in quarters:
        for y in (
            quarter.came,
            quarter.naive,
            *(value for day in quarter.days for value in (day.low, day.high, day.ours)),
        ):
            assert y is not None
            assert 0 <= float(y) <= float(sheet.HEIGHT)
    assert sheet.picture([]) == []


def test_decisions_are_named_with_how_they_turned_out_and_the_rest_is_counted() -> None:
    html = written(card())
    assert "bookings of Northwind at least 8,000,000" in html
    assert "check 1 Dec 2026" in html
    assert '<dd data-key="decision.1"><strong>hit</strong>' in html
    assert '<dd data-key="decision.2"><strong>missed</strong>' in html
    assert "<summary>and 6 more</summary>" in html
    assert "cannot be said" in written(card(decisions=[decided(3)]))


def test_what_was_judged_in_the_month_stands_before_what_was_decided_after_it() -> None:
    found = contents()

    def told(line: str, place: int, **changes: Any) -> dict[str, Any]:
        return decided(place).model_dump(mode="json") | {"line": line} | changes

    newer = [told(f"newer.{number}", number, outcome=None) for number in range(4)]
    judged = told("judged", 1, outcome="missed", check_on=found["last_day"])
    before = told("before", 2, outcome="hit", check_on="2026-01-05")
    named = [each["line"] for each in sheet.decisions(found | {"decisions": [*newer, before, judged]})]
    assert named == ["judged", *(each["line"] for each in newer), "before"]


def test_a_document_signed_before_there_were_decisions_is_shown_as_it_was() -> None:
    none = "No review has recorded a decision yet."
    html = written(card(format="scorecard-1", decisions=[], no_decisions=none))
    assert none in html
    assert "Decision:" not in html


def test_a_projection_outside_its_range_says_why() -> None:
    said = "The projection is a mean: few and large deals carry it outside the range."
    assert said not in written(card())
    signed = card()
    signed["contents"]["landing"] |= {"low": "8067757.50", "high": "8067757.50"}
    assert said in written(signed)
    signed["contents"]["landing"]["is_over"] = True
    assert said not in written(signed)
