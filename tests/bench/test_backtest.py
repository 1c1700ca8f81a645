"""The backtest on the public companies: what is printed is what a count by other means gives, and no day knows a later one."""

import csv
import gzip
import json
import re
from collections.abc import Sequence
from dataclasses import fields
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from deploy.local.backtest import judging, run
from deploy.local.backtest.run import Walked
from libs.common.calendar import FiscalCalendar
from services.forecast.accuracy.baselines import BASELINES
from services.forecast.accuracy.walking import Window, walk
from services.forecast.projection.landing import Landing
from services.forecast.projection.settings import DEFAULT
from services.forecast.projection.steps import Steps
from tests.unit.deploy.test_backtest import MAPPING
from tests.unit.forecast.accuracy.given import with_noise_after

RANDOM_DAYS = 50
COMPANIES = {"bpi12": (7, 28), "maven": (30, 91)}


@pytest.fixture(scope="module")
def walked(shared_data: Path) -> list[Walked]:
    return run.walk_all([(shared_data / file, mapping) for file, mapping in run.COMPANIES], Console(quiet=True))


@pytest.fixture(scope="module")
def printed(walked: list[Walked], tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    drawn = tmp_path_factory.mktemp("drawn")
    lines = [*run.report(walked, drawn), json.dumps(run.closing(walked))]
    assert sorted(path.name for path in drawn.iterdir()) == ["fan.svg", "reliability.svg"]
    return lines


def test_the_last_line_has_a_row_for_every_company_horizon_and_method(walked: list[Walked], printed: list[str]) -> None:
    said = json.loads(printed[-1])
    assert list(said) == ["name", "settings", "rows"]
    assert (said["name"], said["settings"]) == ("backtest", DEFAULT.digest)
    ours = {(row["company"], row["horizon_days"]): row for row in said["rows"] if row["method"] == judging.OURS}
    assert sorted(ours) == [(company, days) for company, horizons in COMPANIES.items() for days in horizons]
    for row in said["rows"]:
        assert list(row) == [
            *("company", "horizon_days", "method", "n", "wape", "bias", "crps", "interval_score", "cover80", "cover95")
        ]
        assert row["n"] <= ours[row["company"], row["horizon_days"]]["n"]
        assert row["method"] in judging.METHODS
        assert abs(row["bias"]) <= row["wape"]
        assert 0 <= row["cover80"] <= row["cover95"] <= 1


def test_every_monday_and_month_end_is_there_whose_window_the_files_tell_in_full(
    walked: list[Walked], shared_data: Path
) -> None:
    starts = {(each.company.company, each.horizon_days): [window.as_of for window in each.windows] for each in walked}
    mondays = _days(_closings_of_the_log(shared_data), last=date(2012, 2, 29), is_start=lambda day: day.weekday() == 0)
    firsts = _days(_closings_of_the_pipeline(shared_data), last=date(2017, 12, 31), is_start=lambda day: day.day == 1)
    assert starts == {
        ("bpi12", 7): mondays(7),
        ("bpi12", 28): mondays(28),
        ("maven", 30): firsts(30),
        ("maven", 91): firsts(91),
    }


def test_what_came_is_what_the_files_say(walked: list[Walked], shared_data: Path) -> None:
    closed = {"bpi12": _closings_of_the_log(shared_data), "maven": _closings_of_the_pipeline(shared_data)}
    for each in walked:
        wins = closed[each.company.company]
        for window in each.windows:
            first, end = (date(1970, 1, 1) + timedelta(days=day) for day in (window.as_of, window.end))
            assert window.came == pytest.approx(sum(amount for day, amount in wins if first <= day < end))


def test_the_figures_printed_are_those_of_a_count_by_other_means(walked: list[Walked], printed: list[str]) -> None:
    rows = {(row["company"], row["horizon_days"], row["method"]): row for row in json.loads(printed[-1])["rows"]}
    for each in walked:
        ours = rows[each.company.company, each.horizon_days, judging.OURS]
        came = [window.came for window in each.windows]
        said = [window.foretell.mean for window in each.windows]
        ends = [window.foretell.quantile(np.array([0.1, 0.9])).tolist() for window in each.windows]
        assert ours["n"] == len(each.windows)
        assert ours["wape"] == pytest.approx(
            sum(abs(a - b) for a, b in zip(said, came, strict=True)) / sum(came), abs=6e-5
        )
        assert ours["bias"] == pytest.approx((sum(said) - sum(came)) / sum(came), abs=6e-5)
        inside = [low <= outcome <= high for (low, high), outcome in zip(ends, came, strict=True)]
        assert ours["cover80"] == pytest.approx(sum(inside) / len(inside), abs=6e-5)
        missed = [max(low - outcome, outcome - high, 0) for (low, high), outcome in zip(ends, came, strict=True)]
        width = sum(high - low for low, high in ends)
        assert ours["interval_score"] == pytest.approx((width + 10 * sum(missed)) / sum(came), abs=6e-5)
        assert ours["crps"] == pytest.approx(sum(_crps(window) for window in each.windows) / sum(came), rel=0.01)
    text = "\n".join(printed)
    for (company, days, method), row in rows.items():
        block = text.split(f"{company}, {days} days: ")[1].split("noise floor")[0]
        line = re.search(rf"^{method} +(\d+) +(\S+) +(\S+) +(\S+) +(\S+)", block, re.MULTILINE)
        assert line is not None
        figures = [float(figure) for figure in line.groups()]
        assert figures == pytest.approx(
            [row[name] for name in ("n", "wape", "bias", "crps", "interval_score")], abs=6e-4
        )


def test_the_guide_shows_what_is_printed(printed: list[str]) -> None:
    guide = (run.ROOT / "docs" / "guides" / "backtest.md").read_text(encoding="utf-8")
    shown = guide.split("## What it printed")[1].split("```")[1].strip().splitlines()
    wanted = ("settings", "method ", "foretell ", "moving_average ", "noise floor", "against", "reached", "MISSED")
    expected = [line for line in printed if line.startswith(wanted) or " windows from " in line]
    assert shown == expected, "put these lines into the guide:\n" + "\n".join(expected)


def test_on_random_days_what_is_said_is_equal_to_the_last_bit_when_all_that_follows_is_noise(
    walked: list[Walked],
) -> None:
    rng = np.random.default_rng(20_26)
    companies = {each.company.company: each.company.steps for each in walked}
    for number in range(RANDOM_DAYS):
        company, horizons = list(COMPANIES.items())[number % 2]
        steps = _some_deals(companies[company])
        horizon = int(rng.choice(horizons))
        first, last = np.quantile(steps.at, (0.2, 0.95))
        day = int(rng.integers(int(first), int(last)))
        noise = with_noise_after(steps, float(day), rng)
        assert len(noise) >= len(steps) - 1
        known, unknown = (
            walk(each, [day - horizon, day], horizon, calendar=FiscalCalendar(), baselines=BASELINES)
            for each in (steps, noise)
        )
        assert [_said(window) for window in known] == [_said(window) for window in unknown], (company, day, horizon)
        assert known[1].came != unknown[1].came


def _some_deals(steps: Steps) -> Steps:
    """Every eighth deal: enough to forecast, and quick."""
    return steps.take(steps.deal % 8 == 0)


def _said(window: Window) -> bytes:
    landing = b"".join(np.asarray(getattr(window.foretell, each.name)).tobytes() for each in fields(Landing))
    return landing + repr((sorted(window.points.items()), window.blend, window.stretch)).encode()


def _crps(window: Window) -> float:
    """The integral of the squared distance between the distribution and the outcome's step."""
    highest = max(window.came, float(window.foretell.quantile(np.array([0.9999]))[0])) * 1.5
    amounts = np.linspace(0.0, highest, 20_001)
    distance = window.foretell.cdf(amounts) - (amounts >= window.came)
    return float(np.trapezoid(distance**2, amounts))


def _days(closings: Sequence[tuple[date, float]], *, last: date, is_start: object) -> object:
    """The numbers of the days that start a window with 30 days of closings before it, by the window's length."""
    begin = min(day for day, _ in closings) + timedelta(days=30)
    days = [begin + timedelta(days=number) for number in range((last - begin).days + 1)]

    def of(horizon: int) -> list[int]:
        fits = [day for day in days if is_start(day) and day + timedelta(days=horizon - 1) <= last]
        return [(day - date(1970, 1, 1)).days for day in fits]

    return of


def _rows(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _closings_of_the_log(folder: Path) -> list[tuple[date, float]]:
    """The first event by which each application was won; the file's times are local."""
    won: dict[str, tuple[date, float]] = {}
    for row in _rows(folder / "bpi12_events.csv.gz"):
        if row["event"] in ("A_APPROVED", "A_ACTIVATED", "A_REGISTERED"):
            won.setdefault(row["case"], (date.fromisoformat(row["ts"][:10]), float(row["amount"])))
    return list(won.values())


def _closings_of_the_pipeline(folder: Path) -> list[tuple[date, float]]:
    found = []
    for row in _rows(folder / "sales_pipeline.csv.gz"):
        if row["deal_stage"] == "Won":
            month, day, year = (int(part) for part in row["close_date"].split("/"))
            found.append((date(year, month, day), float(row["close_value"] or 0)))
    return found


def test_an_import_of_any_company_is_walked_printed_and_drawn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "log.yaml").write_text(MAPPING)
    lines = ["case,amount,event,ts,lead"]
    for number in range(60):
        opened, closed = (
            np.datetime64("2021-03-01T09:00") + np.timedelta64(24 * number + hours, "h") for hours in (0, 130)
        )
        lines += [
            f"{number},{100 + number},ASKED,{opened}Z,",
            f"{number},{100 + number},{'GONE' if number % 3 else 'PAID'},{closed}Z,",
        ]
    (tmp_path / "events.csv").write_text("\n".join(lines))

    assert run.main(file=str(tmp_path), mapping=str(tmp_path / "log.yaml"), pictures_into=tmp_path / "drawn") == 0

    printed = capsys.readouterr().out.splitlines()
    said = json.loads(printed[-1])
    assert list(said) == ["name", "settings", "rows"]
    assert {row["company"] for row in said["rows"]} == {"bank"}
    assert {row["horizon_days"] for row in said["rows"]} == {7, 28}
    assert {row["method"] for row in said["rows"]} <= set(judging.METHODS)
    assert sorted(path.name for path in (tmp_path / "drawn").iterdir()) == ["fan.svg", "reliability.svg"]
    assert "bank: won in 7 days" in (tmp_path / "drawn" / "fan.svg").read_text()
