"""`python -m simulator`: connections, export, serve."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.progress import Progress

from simulator import config as configuration
from simulator import connections as documents
from simulator.config import ConfigError, SimConfig
from simulator.export import export as export_history
from simulator.state import open_state
from simulator.world import World
from simulator.world.world import DAYS

app = typer.Typer(help="A simulated company and its four CRMs.", no_args_is_help=True, add_completion=False)
ConfigPath = Annotated[Path, typer.Argument(metavar="CONFIG", help="the simulator's JSON configuration")]


def _fail(message: object) -> NoReturn:
    sys.stderr.write(f"simulator: {message}\n")
    raise typer.Exit(2)


def _load(path: Path) -> SimConfig:
    try:
        return configuration.load(path)
    except ConfigError as error:
        _fail(error)


def build_world(config: SimConfig, path: Path, console: Console) -> World:
    """The world of a configuration, ending where the state file beside it says."""
    now = open_state(path, config).history_end
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("history", total=DAYS)
        advance: Callable[[int], None] = lambda _day: progress.advance(task)  # noqa: E731
        return World(seed=config.seed, deals=config.deals, now=now, progress=advance)


@app.command()
def connections(path: ConfigPath) -> None:
    """Print the connection documents (YAML)."""
    try:
        sys.stdout.write(documents.as_yaml(_load(path)))
    except ConfigError as error:
        _fail(error)


@app.command()
def export(path: ConfigPath, folder: Annotated[Path, typer.Argument(metavar="DIR")]) -> None:
    """Write the history as CSV files and the mapping that imports them."""
    console = Console(stderr=True)
    config = _load(path)
    try:
        written = export_history(config, build_world(config, path, console), folder, console)
    except (ConfigError, OSError) as error:
        _fail(error)
    for name, rows in written.items():
        console.print(f"{name}: {rows} rows")


@app.command()
def serve(path: ConfigPath) -> None:
    """Serve the CRMs' REST endpoints and stream signed webhooks until SIGTERM."""
    from simulator.serve import run  # noqa: PLC0415 - the web server is needed here only

    config = _load(path)
    try:
        world = build_world(config, path, Console(stderr=True))
        run(config, path, world)
    except ConfigError as error:
        _fail(error)
