"""Where a backtest stands and looks, what it makes of the windows, and what it says of the targets."""

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from rich.console import Console

from deploy.local.backtest import imported, run
from deploy.local.backtest.days import ends, plan
from deploy.local.backtest.judging import OURS, RIVAL, landings, overall, reliability, row_of, series_of
from deploy.local.backtest.targets import targets
from deploy.local.errors import LocalError
from services.forecast.accuracy.spread import PRIOR_SPREAD
from services.forecast.accuracy.walking import Window
from services.forecast.history.columns import ARRAYS, WORDS
from services.forecast.projection.landing import smooth
from services.forecast.projection.learning import Blend, Stretch
from services.forecast.projection.steps import LOST, OPEN, WON, Steps
from tests.unit.forecast.accuracy.given import steps_of, still_open, won
from tests.unit.forecast.given import Recorded, columns_of, timelines

MONDAY = 15_285
"""2011-11-07."""
SILENT = Console(quiet=True)


def steps_with(windows: Sequence[Window]) -> Steps:
    """Of each window's outcome one deal, won on the window's last day."""
    return steps_of([won(window.as_of - 10, window.end - 0.5, window.came) for window in windows])


def window(number: int, came: float, said: float, rival: float | None, horizon: int = 7) -> Window:
    as_of = MONDAY + 7 * number
    return Window(
        as_of=as_of,
        end=as_of + horizon,
        came=came,
        foretell=smooth(0.0, said, (0.2 * said) ** 2),
        points={} if rival is None else {RIVAL: rival},
        blend=Blend({}, 0),
        stretch=Stretch(1.0, "prior", 0, is_wide_known=False),
    )


def test_a_fast_business_is_walked_on_mondays_a_slow_one_on_the_days_after_month_ends() -> None:
    newest = still_open(MONDAY + 49, 1.0)
    fast = plan(steps_of([*(won(day - 15, day, 10.0) for day in range(MONDAY - 33, MONDAY + 50)), newest]))
    assert fast is not None
    # The first win was 33 days before: the Monday before this one has but 26 days of history.
    assert fast.days[7][0] == fast.days[28][0] == MONDAY
    assert {(day - MONDAY) % 7 for day in fast.days[7]} == {0}
    assert fast.end == MONDAY + 50
    assert fast.days[7][-1] + 7 <= fast.end < fast.days[7][-1] + 14
    assert fast.days[28][-1] + 28 <= fast.end < fast.days[28][-1] + 35

    newest = still_open(MONDAY + 149, 1.0)
    slow = plan(steps_of([*(won(day - 60, day, 10.0) for day in range(MONDAY - 33, MONDAY + 150)), newest]))
    assert slow is not None
    firsts = [str(np.datetime64(day, "D")) for day in slow.days[30]]
    assert firsts == ["2011-12-01", "2012-01-01", "2012-02-01", "2012-03-01"]
    assert len(slow.days[91]) == 2
    assert plan(steps_of([still_open(1.0, 10.0)])) is None


def test_the_data_end_where_new_deals_stopped_being_recorded() -> None:
    created_daily = [won(day, day + 15.5, 10.0) for day in range(100, 200)]
    assert ends(steps_of(created_daily)) == 200
    # Somebody who creates a deal now and then has not stopped: such a silence was usual.
    now_and_then = [won(100, 115.5, 10.0), won(130, 145.5, 10.0), won(131, 146.5, 10.0)]
    assert ends(steps_of(now_and_then)) == 147
    assert ends(steps_of([*created_daily, still_open(214.0, 1.0)])) == 215


def test_a_point_method_is_as_wide_as_its_errors_on_windows_that_were_over() -> None:
    windows = [window(number, came=100.0, said=100.0, rival=200.0) for number in range(12)]
    spreads = [landing.spread for _, landing in landings(windows, RIVAL, steps_with(windows))]
    assert spreads[:6] == [PRIOR_SPREAD] * 6
    assert spreads[6:] == pytest.approx([math.log(2.0)] * 6)
    long = [window(number, came=100.0, said=100.0, rival=200.0, horizon=28) for number in range(12)]
    # The window of week n is over in week n + 4, so week 9 is the first that knows of six.
    spreads = [landing.spread for _, landing in landings(long, RIVAL, steps_with(long))]
    assert [spread == PRIOR_SPREAD for spread in spreads] == [True] * 9 + [False] * 3


def test_what_a_window_is_later_said_to_have_brought_does_not_make_a_method_narrower_before() -> None:
    windows = [window(number, came=100.0, said=100.0, rival=200.0) for number in range(8)]
    steps = steps_with(windows)
    told_late = replace(
        steps,
        at=np.where(steps.state == WON, steps.at + 70, steps.at),
        booked=np.where(steps.state == WON, steps.at, np.nan),
    )
    spreads = [landing.spread for _, landing in landings(windows, RIVAL, told_late)]
    assert spreads[6:] == pytest.approx([math.log(20.0)] * 2)


def test_a_row_counts_what_was_said_and_methods_that_say_nothing_have_none() -> None:
    windows = [window(0, 100.0, 80.0, None), window(1, 50.0, 60.0, 55.0)]
    found = {method: row_of(series) for method, series in series_of("shop", 7, windows, steps_with(windows)).items()}
    assert set(found) == {OURS, RIVAL}
    assert (found[OURS].n, found[OURS].wape, found[OURS].bias) == (2, pytest.approx(0.2), pytest.approx(-10 / 150))
    assert (found[RIVAL].n, found[RIVAL].wape) == (1, pytest.approx(0.1))
    assert found[OURS].cover80 is not None
    assert (found[OURS].cover80.share, found[OURS].cover80.distinct) == (1.0, 2)
    said = json.loads(json.dumps(found[OURS].as_json()))
    assert list(said) == [
        *("company", "horizon_days", "method", "n", "wape", "bias", "crps", "interval_score", "cover80", "cover95")
    ]
    assert (said["company"], said["horizon_days"], said["method"], said["n"], said["wape"]) == ("shop", 7, OURS, 2, 0.2)


def test_the_moving_average_is_compared_on_the_windows_that_it_has() -> None:
    windows = [window(0, 100.0, 500.0, None), *(window(number, 100.0, 90.0, 80.0) for number in range(1, 9))]
    found = overall([series_of("shop", 7, windows, steps_with(windows))])
    assert found is not None
    assert found.ratio == pytest.approx(0.5)
    assert (found.compared.low, found.compared.high) == pytest.approx((math.log(0.5), math.log(0.5)))
    assert overall([series_of("shop", 7, windows[:1], steps_with(windows))]) is None


def test_what_is_said_to_be_likely_is_held_against_how_often_it_came() -> None:
    windows = [window(number, came, 100.0, 100.0) for number, came in enumerate([95.0, 105.0] * 5)]
    bins = reliability(windows)
    assert sum(each.n for each in bins) == 10 * 9
    near = [each for each in bins if 0.4 < each.said < 0.6]
    assert [(each.came, each.n) for each in near] == [(0.5, 10)]
    assert reliability([window(0, 1.0, 1.0, None)]) == []


def test_a_target_is_missed_by_the_smallest_amount() -> None:
    windows = [window(number, 100.0, 84.5, 80.0) for number in range(8)]
    series = series_of("bpi12", 7, windows, steps_with(windows))
    row = row_of(series[OURS])
    found = overall([series])
    told = {target.name: target.is_reached for target in targets([row], found)}
    assert told["WAPE bpi12, 7 days"] is True
    assert told["geometric mean of WAPE ÷ moving average"] is True
    assert told["pooled log ratio to the moving average"] is True
    assert told["pooled coverage of 80 % intervals"] is False  # all inside: above 95 %
    assert {target.is_reached for target in targets([replace(row, wape=0.1551)], None)} == {False}
    assert targets([replace(row, company="own")], None) == []


@given(timelines())
def test_versions_come_into_the_columns_cell_by_cell(entries: list[Recorded]) -> None:
    states = [state for state, _ in entries]
    expected, found = columns_of([(state, state.valid_from) for state in states]), imported.columns_of(states)
    for name in ARRAYS:
        assert np.array_equal(getattr(found, name), getattr(expected, name)), name
    for name in WORDS:
        assert found.words[name].texts == expected.words[name].texts


def test_the_pipeline_of_a_file_comes_to_the_engine_as_the_ledger_would_tell_it(tmp_path: Path) -> None:
    mapping, events = tmp_path / "log.yaml", tmp_path / "events.csv"
    mapping.write_text(MAPPING)
    events.write_text(
        "case,amount,event,ts,lead\n"
        "1,10.50,ASKED,2011-10-01T23:30:00Z,\n"  # the 2nd in Amsterdam
        "1,10.50,ASKED,2011-10-02T23:30:00Z,\n"  # nothing changes: no version
        "1,12.25,PAID,2011-10-03T10:00:00Z,\n"
        "2,7,ASKED,2011-10-04T10:00:00Z,L-1\n"  # its lead is not among the files and holds nothing back
        "2,7,GONE,2011-10-05T10:00:00Z,L-1\n"
        "3,x,ASKED,2011-10-06T10:00:00Z,\n"
    )
    found = imported.read(events, str(mapping), tell=lambda _: None)
    assert (found.company, found.currency, found.deals, found.refused_rows) == ("bank", "EUR", 2, 1)
    steps, first = found.steps, (datetime(2011, 10, 2, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)).days
    by_deal = sorted(zip(steps.at.tolist(), steps.state.tolist(), steps.amount.tolist(), strict=True))
    assert by_deal == [
        (pytest.approx(first + 1.5 / 24), OPEN, 10.5),
        (pytest.approx(first + 1.5), WON, 12.25),
        (pytest.approx(first + 2.5), OPEN, 7.0),
        (pytest.approx(first + 3.5), LOST, 7.0),
    ]
    assert not any("held back" in stage for stage in steps.stages)


MAPPING = """
version: 1
name: log
connection: bank
timezone: Europe/Amsterdam
currency: EUR
files:
  events: {match: "events*"}
stages:
  ASKED: {stage: Asked, category: pipeline}
  PAID: {stage: Paid, state: won}
  GONE: {stage: Gone, state: lost}
records:
  - object: deal
    file: events
    id: case
    fields: {amount: amount, stage: event, lead_id: lead}
    changes: [{at: ts}]
"""


def test_what_cannot_be_walked_is_said_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LocalError, match="FILE=<csv"):
        run.asked("deals.csv", "")
    monkeypatch.setattr(run, "PUBLIC", tmp_path)
    with pytest.raises(
        LocalError, match=r"lacks bpi12_events.csv.gz and sales_pipeline.csv.gz; give a pipeline of your own"
    ):
        run.asked("", "")
    with pytest.raises(LocalError, match="There is no mapping 'nobodys'"):
        run.walk_all([(tmp_path, "nobodys")], SILENT)
    (tmp_path / "log.yaml").write_text(MAPPING)
    (tmp_path / "events.csv").write_text("case,amount,event,ts,lead\n1,10,ASKED,2011-10-01T23:30:00Z,\n")
    with pytest.raises(LocalError, match="There is no window to judge"):
        run.walk_all([(tmp_path / "events.csv", str(tmp_path / "log.yaml"))], SILENT)
