"""The projection in words, and words for its parts and methods: the guide has the same."""

from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import get_args

import pytest

from gateway.pages.address import CallView, ProjectionView
from gateway.pages.format import chance
from gateway.pages.projection.methods import METHODS, method_of
from gateway.pages.projection.outlook import PARTS, band, change, parts, prior, quantile, target, width
from gateway.pages.projection.projection import closed_deals, same_deals
from gateway.pages.projection.quarters import OURS
from services.forecast.accuracy.baselines import BASELINES
from services.forecast.champion.methods import Method as Challenger
from services.forecast.outlook.schemas import PartsOut
from services.forecast.projection.learning import ENGINE
from services.forecast.record.freezing import COMMIT, CORRECTED
from tests.support import outlooks

GUIDE = Path(__file__).parents[5] / "docs" / "guides" / "projection.md"


def test_the_parts_are_those_of_the_reading_and_lead_from_nothing_to_the_projection() -> None:
    assert [*PARTS, "projection"] == list(PartsOut.model_fields)
    made = parts(outlooks.projection()["parts"])
    assert sum(row.amount for row in made.rows) == made.total
    bars = [row.bar for row in made.rows]
    assert bars[0].start == "0.00"
    assert all(before.end == after.start for before, after in pairwise(bars))
    assert bars[-1].end == made.picture.bars[-1].end


def test_every_method_that_may_be_blended_or_compared_has_its_words() -> None:
    assert set(METHODS) == {*BASELINES, ENGINE, OURS, COMMIT, CORRECTED, *get_args(Challenger)}
    assert method_of("gut_feeling").label == "Gut feeling"


@pytest.mark.parametrize("words", [*METHODS.values(), *PARTS.values()], ids=lambda words: words.label)
def test_the_guide_says_of_each_part_and_method_what_the_page_says(words: tuple[str, str]) -> None:
    label, meaning = words
    rows = [line for line in GUIDE.read_text().splitlines() if line.startswith(f"| {label} |")]
    assert any(meaning in row for row in rows)


def test_the_width_is_said_to_be_assumed_until_it_is_learnt() -> None:
    assert "by assumption. No past period is over yet" in width({"scale": 1.25, "label": "prior", "periods": 0})
    assert "Only 1 past period is over" in width({"scale": 1.25, "label": "prior", "periods": 1})
    learnt = width({"scale": 1.104, "label": "learnt", "periods": 11})
    assert learnt.startswith("1.10 times")
    assert "11 past periods" in learnt
    assert "assumption" not in learnt


def test_answers_at_set_up_are_told_of_while_there_are_few_wins() -> None:
    answers = {"win_rate": 0.25, "cycle_days": 90.0, "deals_a_month": 10.0, "won_amount": None, "answered_at": None}
    assert (prior({**answers, "wins": 0}) or "").startswith("Nothing won is known to learn from.")
    assert (prior({**answers, "wins": 1}) or "").startswith("Only 1 deal won is known")
    assert "a deal takes 90 days" in (prior({**answers, "wins": 29}) or "")
    assert prior({**answers, "wins": 30}) is None
    assert "assumed answers at set-up count" in (prior({**answers, "wins": 0}) or "")
    given = prior({**answers, "wins": 0, "answered_at": "2026-11-22T12:00:00Z", "won_amount": "5000.50"}) or ""
    assert "30, the answers at set-up count" in given
    assert given.endswith("10 are created a month, a won one brings 5,001.")


def test_a_band_of_95_percent_is_there_only_when_the_reading_has_one() -> None:
    found = outlooks.projection()
    assert band(found["bands"], 0.8) == found["bands"][0]
    assert band(found["bands"], 0.95) is None
    assert quantile(found["quantiles"], 0.5) == "4270000.00"
    assert quantile(found["quantiles"], 0.25) is None


@pytest.mark.parametrize(
    ("typed", "amount"),
    [("", None), (" 1,250,000.50 ", "1250000.50"), ("1 000 000", "1000000"), ("0", "0"), ("5e6", "5e6")],
)
def test_a_target_is_read_as_people_write_amounts(typed: str, amount: str | None) -> None:
    assert target(typed).amount == (None if amount is None else Decimal(amount))
    assert target(typed).wrong == ""


@pytest.mark.parametrize("typed", ["a lot", "NaN", "-1", "1e20", "Infinity", "-Infinity", "12,5"])
def test_what_is_no_target_is_told_at_its_field_and_asks_nothing(typed: str) -> None:
    found = target(typed)
    assert found.amount is None
    assert found.wrong
    assert found.typed == typed


@pytest.mark.parametrize(
    ("probability", "text"),
    [(0.0, "0 %"), (1e-9, "under 1 %"), (0.344, "34 %"), (0.9901, "over 99 %"), (0.999999, "over 99 %"), (1, "100 %")],
)
def test_what_is_almost_sure_is_not_called_sure(probability: float, text: str) -> None:
    assert chance(probability).replace("\u202f", " ") == text


def test_the_projection_of_a_call_is_of_the_same_deals() -> None:
    call = CallView(period="2026Q4", org="1", date="2026-11-22", deal_type="new", by="market", rate="booked")
    assert same_deals(call).href() == "/projection?period=2026Q4&org=1&deal_type=new&date=2026-11-22"
    back = closed_deals(ProjectionView(org="1", target="5"), "2026Q4")
    assert back == "/call/deals?period=2026Q4&org=1&line=closed_won"


def test_a_change_of_pace_is_told_when_it_is_likely_and_only_paces_that_changed() -> None:
    found = {"chance": 0.92, "since": "2026-10-05", "wins": 0.71, "losses": 1.22, "moves": 0.98}

    told = change(found)

    assert "Since about 5 Oct 2026" in told
    assert "are won 0.71 times as fast, are lost 1.22 times as fast as on all days counted" in told
    assert "move on" not in told
    assert "92\u202f% likely" in told
    assert "a little" in change({**found, "wins": 0.99, "losses": 1.01})
    assert change({**found, "chance": 0.2}).startswith("No change of pace stands out")
