"""A company that sold for two years, half as well since June: its history as a file, and what that adds up to."""

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from libs.common import clock

LAST_DAY = (12, 3)


def _now() -> datetime:
    """The third of December that comes next: so a plan of the year has locks, whatever day it is."""
    today = clock.now()
    year = today.year + ((today.month, today.day) >= LAST_DAY)
    return datetime(year, *LAST_DAY, 9, tzinfo=UTC)


NOW = _now()
YEAR = NOW.year
FELL = datetime(YEAR, 6, 2, tzinfo=UTC)
A_WEEK = 14
TEAMS = {"ann": "North", "bob": "South"}
HEAD = [
    "id",
    "name",
    "stage",
    "amount",
    "basis",
    "owner",
    "market",
    "close_date",
    "created_at",
    "closed_on",
    "changed_at",
]
MAPPING = """
version: 1
name: planned-company
connection: {connection}
timezone: UTC
currency: EUR
files:
  deals: {{match: "deals.csv"}}
stages:
  Propose: {{state: open, probability: 0.5, category: best_case}}
  Won: {{state: won}}
  Lost: {{state: lost}}
records:
  - object: deal
    file: deals
    id: id
    fields: {{name: name, stage: stage, amount: amount, value_basis: basis, owner_id: owner, market: market, close_date: close_date,
              created_at: created_at, closed_on: closed_on}}
    changes: [{{at: changed_at}}]
"""


@dataclass(frozen=True)
class Sold:
    """A deal of the history. `stage` is how it ended, None while it is open."""

    number: int
    owner: str
    market: str
    amount: int
    born: datetime
    ended: datetime
    stage: str | None


def deals() -> Iterator[Sold]:
    """Fourteen deals a week, decided after thirty days; of five two are won, since June of the second year one."""
    born = datetime(YEAR - 1, 1, 1, 6, tzinfo=UTC)
    number = 0
    while born < NOW - timedelta(hours=2):
        ended = born + timedelta(days=30)
        won = number % 5 < (2 if ended < FELL else 1)
        yield Sold(
            number,
            owner="ann" if number % 3 else "bob",
            market="Nordics" if number % 4 == 0 else "DACH",
            amount=9000 + 500 * (number % 13),
            born=born,
            ended=ended,
            stage=None if ended > NOW else "Won" if won else "Lost",
        )
        born += timedelta(hours=7 * 24 // A_WEEK)
        number += 1


def export(folder: Path, connection: str) -> None:
    """The history as the company's CRM gave it away, with how it is to be read."""
    with (folder / "deals.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEAD)
        for each in deals():
            about = [each.number, f"Deal {each.number}"]
            of = [f"{each.amount}.00", "tcv", each.owner, each.market, each.ended.date(), each.born.isoformat()]
            writer.writerow([*about, "Propose", *of, "", each.born.isoformat()])
            if each.stage is not None:
                writer.writerow([*about, each.stage, *of, each.ended.date(), each.ended.isoformat()])
    (folder / "mapping.yaml").write_text(MAPPING.format(connection=connection))


def won_in(year: int, which: Callable[[Sold], bool] = lambda _: True) -> int:
    """What was booked in a year."""
    start, end = date(year, 1, 1), date(year + 1, 1, 1)
    return sum(
        each.amount for each in deals() if each.stage == "Won" and start <= each.ended.date() < end and which(each)
    )
