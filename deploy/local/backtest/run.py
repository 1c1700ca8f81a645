"""Reads the companies, walks each at its horizons, prints table and targets, draws pictures."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from deploy.local.backtest import imported, judging, pictures, table
from deploy.local.backtest.days import Plan, plan
from deploy.local.backtest.imported import Imported
from deploy.local.backtest.judging import OURS, Row, Series
from deploy.local.backtest.table import Circumstances
from deploy.local.backtest.targets import targets
from deploy.local.errors import LocalError
from gateway.imports.progress import meter
from gateway.imports.reading.load import MappingProblem
from libs.common.calendar import FiscalCalendar
from services.forecast.accuracy import scores
from services.forecast.accuracy.baselines import BASELINES, stands_in
from services.forecast.accuracy.closings import closings
from services.forecast.accuracy.walking import Window, walk
from services.forecast.projection.settings import DEFAULT

ROOT = Path(__file__).resolve().parents[3]
PUBLIC = ROOT.parent / "shared" / "data"
COMPANIES = (("bpi12_events.csv.gz", "loan-event-log"), ("sales_pipeline.csv.gz", "maven-pipeline"))
LINE_EVERY_S = 5.0


@dataclass(frozen=True, slots=True)
class Walked:
    """One company at one horizon."""

    company: Imported
    horizon_days: int
    windows: Sequence[Window]
    series: Mapping[str, Series]

    @property
    def rows(self) -> list[Row]:
        return [judging.row_of(each) for each in self.series.values()]


def main(*, file: str, mapping: str, pictures_into: Path) -> int:
    """0 when there was something to walk, whatever it showed. The last line is one JSON object. Raises LocalError."""
    console = Console(stderr=True, soft_wrap=True)
    begun = time.monotonic()
    walked = walk_all(asked(file, mapping), console)
    for line in report(walked, pictures_into):
        print(line)
    console.print(f"{time.monotonic() - begun:.0f} s", highlight=False)
    print(json.dumps(closing(walked), separators=(",", ":")), flush=True)
    return 0


def walk_all(companies: Sequence[tuple[Path, str]], console: Console) -> list[Walked]:
    """Every company, a file and its mapping, at each of its horizons. Raises LocalError when there is no window to judge."""
    read = [_read(target, mapping, console) for target, mapping in companies]
    walked = [found for company in read for found in _walked(company, console)]
    if not walked:
        raise LocalError(
            "There is no window to judge: nothing was won, or closings cover less than 30 days and a window after them"
        )
    return walked


def asked(file: str, mapping: str) -> list[tuple[Path, str]]:
    """The files to read, each with its mapping. Raises LocalError."""
    if bool(file) != bool(mapping):
        raise LocalError("Say what to read and how: make backtest FILE=<csv[.gz] or folder> MAPPING=<yaml>, or neither")
    if file:
        return [(Path(file), mapping)]
    missing = [name for name, _ in COMPANIES if not (PUBLIC / name).is_file()]
    if missing:
        raise LocalError(
            f"{PUBLIC} lacks {' and '.join(missing)}; give a pipeline of your own: make backtest FILE=<csv> MAPPING=<yaml>"
        )
    return [(PUBLIC / name, mapping) for name, mapping in COMPANIES]


def closing(walked: Sequence[Walked]) -> dict[str, Any]:
    """The last line of the output."""
    rows = [row.as_json() for each in walked for row in each.rows]
    return {"name": "backtest", "settings": DEFAULT.digest, "rows": rows}


def report(walked: Sequence[Walked], pictures_into: Path) -> Iterator[str]:
    """Everything else that is printed; draws the pictures on its way."""
    yield f"settings {DEFAULT.digest}"
    for each in walked:
        yield ""
        yield from table.block(each.series[OURS], each.rows, _circumstances(each))
    bins = judging.reliability([window for each in walked for window in each.windows])
    yield ""
    yield from table.reliability(bins)
    found = judging.overall([each.series for each in walked])
    yield ""
    if found is not None:
        yield table.pooled(found)
    yield from table.verdict(targets([row for each in walked for row in each.rows], found))
    yield ""
    currencies = {each.company.company: each.company.currency for each in walked}
    drawn = (
        pictures.fans(pictures_into, [each.series for each in walked], currencies),
        pictures.reliability(pictures_into, bins),
    )
    yield f"pictures: {', '.join(str(path) for path in drawn)}"


def _read(target: Path, mapping: str, console: Console) -> Imported:
    try:
        with meter(console) as progress:
            found = imported.read(target, mapping, tell=progress.show)
    except MappingProblem as problem:
        raise LocalError(str(problem)) from None
    unpriced = int(np.isnan(found.steps.amount).sum())
    console.print(
        f"{found.company}: {found.deals:,} deals, {len(found.steps):,} steps, {unpriced:,} of them without an amount in "
        f"{found.currency}; {found.refused_rows:,} rows refused",
        highlight=False,
    )
    return found


def _walked(company: Imported, console: Console) -> Iterator[Walked]:
    planned = plan(company.steps)
    if planned is None:
        console.print(f"{company.company}: nothing was won, so there is nothing to judge", highlight=False)
        return
    console.print(_plan(company, planned), highlight=False)
    for horizon, days in planned.days.items():
        if days:
            with _meter(console, f"{company.company}, {horizon} days", len(days)) as tell:
                windows = walk(company.steps, days, horizon, calendar=FiscalCalendar(), baselines=BASELINES, tell=tell)
            yield Walked(company, horizon, windows, judging.series_of(company.company, horizon, windows, company.steps))


def _plan(company: Imported, planned: Plan) -> str:
    rhythm = "Mondays" if 7 in planned.days else "month-ends"
    return (
        f"{company.company}: median cycle {planned.median_cycle_days:.0f} days, so {rhythm} and horizons of "
        f"{' and '.join(str(days) for days in planned.days)} days; data until {date(1970, 1, 1) + timedelta(days=planned.end - 1)}"
    )


def _circumstances(walked: Walked) -> Circumstances:
    steps, horizon = walked.company.steps, float(walked.horizon_days)
    won = closings(steps, np.inf)
    within = [(won.day >= window.as_of) & (won.day < window.end) for window in walked.windows]
    amounts = won.amount[np.any(within, axis=0)]
    cv = float(amounts.std() / amounts.mean()) if len(amounts) and amounts.mean() > 0 else 0.0
    wins = float(np.mean([each.sum() for each in within]))
    return Circumstances(
        wins=wins,
        cv=cv,
        floor=scores.noise_floor(wins, cv),
        stood_in=sum(stands_in(steps, float(window.as_of), horizon) for window in walked.windows),
        wide_known=sum(window.stretch.is_wide_known for window in walked.windows),
    )


@contextmanager
def _meter(console: Console, what: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal, a line now and then elsewhere."""
    if not console.is_terminal:
        last = [time.monotonic()]

        def line(done: int) -> None:
            if time.monotonic() - last[0] >= LINE_EVERY_S:
                last[0] = time.monotonic()
                console.print(f"{what}: {done:,} of {total:,} windows", highlight=False)

        yield line
        return
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.update(task, completed=done)
