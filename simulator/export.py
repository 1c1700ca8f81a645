"""The history as CSV files, one row per change in order of time, written as a stream."""

import csv
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from simulator.config import Provider, SimConfig
from simulator.records import AccountRecord, DealRecord, LeadRecord, ProductRecord, Record, UserRecord, text
from simulator.world import World
from simulator.world.company import PRODUCTS, REGIONS

MAPPING = Path(__file__).with_name("mapping.yaml")


def columns(record_type: type[Record]) -> list[str]:
    """The header of a record type's file."""
    names = [f.name for f in fields(record_type)]
    if record_type is LeadRecord:
        names.remove("deleted")  # leads of the history are never deleted
    return ["connection", *names]


def export(config: SimConfig, world: World, folder: Path, console: Console) -> dict[str, int]:
    """Write all files and the mapping into `folder` (made if absent). Returns the number of rows per file."""
    folder.mkdir(parents=True, exist_ok=True)
    keys = {provider: connection.key for provider, connection in config.all_connections().items()}
    files: list[tuple[str, type[Record], int, Iterator[tuple[Provider, Record]]]] = [
        ("users.csv", UserRecord, len(world.people.name), _users(world)),
        ("accounts.csv", AccountRecord, len(world.accounts.region), _accounts(world)),
        ("products.csv", ProductRecord, len(PRODUCTS) * len(keys), _products(keys)),
        ("leads.csv", LeadRecord, len(world.leads.version_at), _leads(world)),
        ("deals.csv", DealRecord, len(world.versions), _deals(world)),
    ]
    parts = (TextColumn("{task.description:13}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    written = {}
    with Progress(*parts, console=console, disable=not console.is_terminal) as progress:
        for name, record_type, total, rows in files:
            task = progress.add_task(name, total=total)
            watched = _watched(rows, partial(_show, progress, task))
            written[name] = write_csv(folder / name, record_type, keys, watched)
            progress.update(task, completed=written[name], total=written[name])
    if MAPPING.exists():
        shutil.copyfile(MAPPING, folder / MAPPING.name)
    return written


def _show(progress: Progress, task: TaskID, done: int) -> None:
    progress.update(task, completed=done)


def write_csv(
    path: Path, record_type: type[Record], keys: dict[Provider, str], rows: Iterable[tuple[Provider, Record]]
) -> int:
    """Write one file; returns the number of rows. A half-written file never bears the final name."""
    names = columns(record_type)
    unfinished = path.with_name(path.name + ".partial")
    count = 0
    with unfinished.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        for provider, record in rows:
            values = record.__dict__
            writer.writerow([keys[provider], *[text(values[name]) for name in names[1:]]])
            count += 1
    unfinished.replace(path)
    return count


def _watched(rows: Iterator[tuple[Provider, Record]], tell: Callable[[int], None]) -> Iterator[tuple[Provider, Record]]:
    for done, row in enumerate(rows):
        if done % 5000 == 0:
            tell(done)
        yield row


def _users(world: World) -> Iterator[tuple[Provider, Record]]:
    """Everybody as they came, then the leavers as they left, in order of time."""
    changes = sorted(world.user_changes(), key=lambda change: (change[1].changed_at, change[1].user_id))
    yield from changes


def _accounts(world: World) -> Iterator[tuple[Provider, Record]]:
    for index in world.accounts.at.argsort(kind="stable").tolist():
        yield world.provider_of(int(world.accounts.region[index])), world.account(index)


def _products(keys: dict[Provider, str]) -> Iterator[tuple[Provider, Record]]:
    """Every CRM has the whole catalogue."""
    for provider in keys:
        for product in PRODUCTS:
            yield provider, product


def _leads(world: World) -> Iterator[tuple[Provider, Record]]:
    for row in range(len(world.leads.version_at)):
        lead = world.lead(row)
        yield world.provider_of(REGIONS.index(lead.region)), lead


def _deals(world: World) -> Iterator[tuple[Provider, Record]]:
    for row in range(len(world.versions)):
        deal = world.deal(row)
        yield world.provider_of(REGIONS.index(deal.region)), deal
