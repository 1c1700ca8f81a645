"""How worlds are judged: windows made by hand, and a company walked from the command to the line it prints."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from services.forecast.accuracy.baselines import BASELINES
from services.forecast.accuracy.walking import Window
from services.forecast.projection import steps as stepping
from services.forecast.projection.landing import smooth
from services.forecast.projection.learning import ENGINE, Blend, Stretch
from services.forecast.projection.settings import DEFAULT
from tests.calibration import table
from tests.calibration.__main__ import app
from tests.calibration.judging import BESIDE, DAYS, HORIZON, companies_for, company, judge, judged
from tests.calibration.worlds import START, WORLDS, steps_of

ROOT = Path(__file__).resolve().parents[3]


def said_100(came: float, as_of: int = START) -> Window:
    """A gamma of mean 100 and deviation 10: its quantiles at 2.5, 10, 90 and 97.5 % are 81.4, 87.4, 113.0 and 120.5."""
    points = {ENGINE: 100.0, "moving_average": 90.0, "naive_last": 100.0}
    blend, stretch = Blend({ENGINE: 1.0}, 10), Stretch(1.1, "learnt", 10, False)
    return Window(as_of, as_of + HORIZON, came, smooth(0.0, 100.0, 100.0), points, blend, stretch)


def test_windows_made_by_hand_are_judged_as_worked_out_by_hand() -> None:
    row = judged("made", [said_100(came) for came in (100.0, 105.0, 117.0, 150.0)]).row

    assert (row["world"], row["quarters"], row["stretch"]) == ("made", 4, 1.1)
    assert (row["cover80"], row["cover95"]) == (0.5, 0.75)
    assert row["wape"] == pytest.approx((0 + 5 + 17 + 50) / 472, abs=1e-4)
    assert row["bias"] == pytest.approx(-72 / 472, abs=1e-4)
    assert row["wape_moving_average"] == pytest.approx((10 + 15 + 27 + 60) / 472, abs=1e-4)
    # At least 60, 80, 90 | 100 | 110, 120, 140: 1.000, .983, .842 | .487 | .158, .028, .000 by the gamma's table.
    assert row["reliability"] == [
        [pytest.approx(0.062, abs=1e-3), pytest.approx(4 / 12, abs=1e-4), 12],
        [pytest.approx(0.487, abs=1e-3), 1.0, 4],
        [pytest.approx(0.942, abs=1e-3), 1.0, 12],
    ]
    assert row["off"] == pytest.approx(1 - 0.487, abs=1e-3)


def test_the_verdict_says_what_is_missed_where_the_bounds_of_a_world_are() -> None:
    half = [said_100(came) for came in (100.0, 105.0, 117.0, 150.0)]
    four_of_five = [said_100(came) for came in (91.0, 96.0, 99.0, 104.0, 125.0)]
    lines = list(table.verdict([judged("stationary", half), judged("clean-ups", four_of_five)]))
    assert [each.split()[0] for each in lines] == ["MISSED", "MISSED", "reached", "MISSED"]
    assert lines[0].endswith("stationary: 50.0% in 80 % bands, wanted 75% to 85%")
    assert lines[2].endswith("clean-ups: 80.0% in 80 % bands, wanted 70% to 90%")


def test_the_quarters_that_a_change_hit_stand_apart() -> None:
    changed = START + WORLDS["regime change"](1.0).regime
    windows = [said_100(100.0, changed + HORIZON * after - 40) for after in range(-2, 4)]
    settled, hit = judge("regime change", windows)
    assert (settled.world, len(settled.came)) == ("regime change", 3)
    assert (hit.world, len(hit.came)) == ("regime change, first two", 3)
    assert len(judge("stationary", windows)) == 1
    assert (companies_for("stationary", 400), companies_for("regime change", 400)) == (50, 67)


def test_a_company_is_walked_with_a_band_that_is_learnt_and_judged_by_what_its_deals_brought() -> None:
    windows = company("stationary", 1.0, 5, {each: BASELINES[each] for each in BESIDE})

    wins = stepping.wins(stepping.evenings(steps_of(WORLDS["stationary"](1.0), DAYS, 5)))
    assert len(windows) == 8
    for window in windows:
        assert window.stretch.label == "learnt"
        within = (wins.day >= window.as_of) & (wins.day < window.as_of + HORIZON)
        assert window.came == pytest.approx(float(np.sum(wins.amount[within])))
        assert 0.3 < window.foretell.mean / window.came < 3.0


def test_the_command_prints_a_line_per_world_what_was_missed_and_last_one_object() -> None:
    asked = ["worlds", "--quarters", "1", "--only", "no seasons", "--rate", "0.5", "--processes", "1"]
    told = CliRunner().invoke(app, asked)
    lines = told.stdout.splitlines()
    last = json.loads(lines[-1])
    assert (told.exit_code, last["name"], last["settings"]) == (0, "calibrate", DEFAULT.digest)
    assert [(row["world"], row["quarters"]) for row in last["rows"]] == [("no seasons", 8)]
    assert lines[:2] == [f"settings {DEFAULT.digest}", table.HEAD]
    assert lines[2].startswith("no seasons")
    assert all(line.startswith(("reached", "MISSED")) for line in lines[3:-1])


def test_the_guide_names_every_world_and_only_commands_that_there_are() -> None:
    guide = (ROOT / "docs" / "guides" / "calibration.md").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    told = [line.split("|")[1].strip() for line in guide.splitlines() if line.startswith("| ")]
    assert told == ["world", *WORLDS]
    commands = re.findall(r"^make (\w+)", guide, re.MULTILINE)
    assert sorted(set(commands)) == ["calibrate", "priors"]
    assert all(f"\n{command}: " in makefile for command in commands)
