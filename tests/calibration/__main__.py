"""`make calibrate`: how often bands and promises come true in simulated companies, world by world."""

import json
import os
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from services.forecast.accuracy.baselines import BASELINES
from services.forecast.accuracy.walking import Window
from services.forecast.projection.settings import DEFAULT
from tests.calibration.judging import BESIDE, company, judge
from tests.calibration.worlds import WORLDS


def main(
    companies: Annotated[int, typer.Option(min=1, help="companies per world; each is judged on four quarters")] = 100,
    worlds: Annotated[str, typer.Option(help="names of worlds, separated by commas; without it all")] = "",
    rate: Annotated[float, typer.Option(min=0.1, help="deals created a day")] = 2.0,
) -> None:
    """Walk the engine through companies of each world and count. The last line is one JSON object."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    console = Console(stderr=True)
    rows = []
    for name in [each.strip() for each in worlds.split(",") if each.strip()] or list(WORLDS):
        begun = time.monotonic()
        walked: list[Window] = []
        with ProcessPoolExecutor(2) as pool, Progress(console=console, transient=True) as progress:
            task = progress.add_task(name, total=companies)
            for windows in pool.map(partial(one, name, rate), range(companies), chunksize=2):
                walked += windows
                progress.advance(task)
        judged = judge(name, walked)
        rows.append(judged.row)
        typer.echo(judged.line + f"   {time.monotonic() - begun:.0f} s")
    typer.echo(json.dumps({"name": "calibrate", "settings": DEFAULT.digest, "rows": rows}))


def one(name: str, rate: float, seed: int) -> list[Window]:
    return company(name, rate, seed, {each: BASELINES[each] for each in BESIDE})


if __name__ == "__main__":
    typer.run(main)
