"""`make calibrate` and `make priors`: what simulated companies say of the engine, and what they give it."""

import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from services.forecast.accuracy.baselines import BASELINES
from services.forecast.accuracy.walking import Window
from services.forecast.projection.settings import DEFAULT
from tests.calibration import assumptions, table
from tests.calibration.judging import BESIDE, Judged, companies_for, company, judge
from tests.calibration.priors import Found, found_in, kinds, priors
from tests.calibration.worlds import WORLDS, World

Asked = TypeVar("Asked")
Told = TypeVar("Told")
Processes = Annotated[int, typer.Option(min=1, help="processes that compute at once")]

app = typer.Typer(add_completion=False)


@app.command()
def worlds(
    quarters: Annotated[
        int, typer.Option(min=1, help="quarters to judge per world, not counting those that a change hit")
    ] = 400,
    only: Annotated[str, typer.Option(help="names of worlds, separated by commas; without it all")] = "",
    rate: Annotated[float, typer.Option(min=0.1, help="deals created a day")] = 2.0,
    first_seed: Annotated[int, typer.Option(help="of the first company")] = 0,
    processes: Processes = 2,
) -> None:
    """Walk the engine through companies of each world and count. The last line is one JSON object."""
    every: list[Judged] = []
    typer.echo(f"settings {DEFAULT.digest}")
    typer.echo(table.HEAD)
    for name in [each.strip() for each in only.split(",") if each.strip()] or list(WORLDS):
        seeds = range(first_seed, first_seed + companies_for(name, quarters))
        found = _done(name, partial(one, name, rate), seeds, processes)
        told = judge(name, [window for windows in found for window in windows])
        every += told
        for judged in told:
            typer.echo(table.line(judged))
    for line in table.verdict(every):
        typer.echo(line)
    rows = [judged.row for judged in every]
    typer.echo(json.dumps({"name": "calibrate", "settings": DEFAULT.digest, "rows": rows}, separators=(",", ":")))


@app.command(name="priors")
def learnt(processes: Processes = 2) -> None:
    """Print the priors of the calendar that companies of many kinds teach, as they stand in the settings or not."""
    every = list(enumerate(kinds()))
    found = priors(_done("kinds", _learnt_of, every, processes))
    for name, value in found.items():
        typer.echo(f"{name} = {value}")
    same = all(getattr(DEFAULT, name) == value for name, value in found.items())
    typer.echo(f"settings {DEFAULT.digest}: {'as learnt' if same else 'NOT as learnt'}")
    raise typer.Exit(0 if same else 1)


@app.command(name="assumptions")
def simulated_plans(
    companies: Annotated[int, typer.Option(min=1, help="companies of each kind")] = 400,
    seed: Annotated[int, typer.Option(help="of the first company")] = 0,
    processes: Processes = 2,
) -> None:
    """How often assumptions are called broken where nothing changes, and found where the win rate falls: one JSON line."""
    found = _done("plans", partial(assumptions.measured, companies, seed), list(assumptions.CASES), processes)
    typer.echo(json.dumps(assumptions.report(companies, found), separators=(",", ":")))


def one(name: str, rate: float, seed: int) -> list[Window]:
    return company(name, rate, seed, {each: BASELINES[each] for each in BESIDE})


def _learnt_of(kind: tuple[int, World]) -> Found:
    seed, world = kind
    return found_in(world, seed)


def _done(what: str, work: Callable[[Asked], Told], every: Sequence[Asked], processes: int) -> list[Told]:
    """What the work gives for each, in order, with a bar meanwhile."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with (
        ProcessPoolExecutor(processes) as pool,
        Progress(*columns, console=Console(stderr=True), transient=True) as bar,
    ):
        return list(bar.track(pool.map(work, every), total=len(every), description=what))


if __name__ == "__main__":
    app()
