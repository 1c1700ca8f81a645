"""The win curve on designed prices: accepted, right about people it has not seen; and refused where sellers chose the prices."""

import csv
import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deploy.local.errors import LocalError
from deploy.local.evalprices import run
from deploy.local.evalprices.reading import read_offers
from services.pricing.guidance.winning.curve import WinCurve, learn

FIELDS = [
    *("name", "accepted", "slope", "slope_low", "slope_high", "splits", "prices", "confounded", "confounded_refused"),
]


@pytest.fixture(scope="module")
def said(shared_data: Path) -> dict[str, Any]:
    offers = read_offers(shared_data / "electricity.csv.gz")
    return run.closing(learn(offers), run.judge(offers), run.confounded(4))


def test_designed_prices_are_accepted_and_the_curve_is_right_about_people_it_has_not_seen(said: dict[str, Any]) -> None:
    assert list(said) == FIELDS
    assert said["accepted"]
    assert said["slope_high"] < 0
    assert (said["splits"], [each["price"] for each in said["prices"]]) == (50, [7, 9])
    for each in said["prices"]:
        assert each["error_points"] <= 2.5, each
        assert each["covered"] >= 0.8, each


def test_discounts_that_sellers_chose_are_refused(said: dict[str, Any]) -> None:
    assert said["confounded_refused"] == said["confounded"] == 8


def test_the_curve_at_a_designed_price_is_the_share_that_was_taken_there(shared_data: Path) -> None:
    path = shared_data / "electricity.csv.gz"
    with gzip.open(path, "rt", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    curve = learn(read_offers(path))
    assert isinstance(curve, WinCurve)
    for price in ("7", "9"):
        taken = [row["choice"] == "TRUE" for row in rows if row["pf"] == price]
        assert curve.at(float(price)).value == pytest.approx(np.mean(taken), abs=1e-9)


def test_what_is_no_such_experiment_is_told_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "offers.csv.gz"
    with pytest.raises(LocalError, match="cannot be read"):
        read_offers(path)
    with gzip.open(path, "wt") as file:
        file.write("price,taken\n7,yes\n")
    with pytest.raises(LocalError, match="its columns must be choice, id, pf"):
        read_offers(path)
