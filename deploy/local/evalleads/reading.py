"""From a CSV of leads to columns, oldest first."""

import csv
import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from deploy.local.errors import LocalError
from deploy.local.evalleads.mapping import LeadFile
from services.leads.conversion.odds.fitting import Past
from services.leads.conversion.odds.guard import Circumstances
from services.leads.conversion.odds.table import Floats, Table, Words

DAY_S = 86_400.0


@dataclass(frozen=True)
class ReadLeads:
    """Every lead of the file with all its columns, oldest first."""

    past: Past
    circumstances: Circumstances


def read_leads(path: Path, mapping: LeadFile) -> ReadLeads:
    """Raises LocalError for a file or a column that is not there, or an order that cannot be read."""
    rows = _rows(path)
    if not rows:
        raise LocalError(f"{path} holds no leads")
    times = [*mapping.modified.values(), *([mapping.closed] if mapping.closed else [])]
    named = [mapping.outcome, mapping.order, *mapping.ignored, *mapping.leaky, *mapping.modified, *times]
    missing = sorted(
        {name for name in (*named, *([mapping.channel] if mapping.channel else [])) if name not in rows[0]}
    )
    if missing:
        raise LocalError(f"{path} has no column {', '.join(missing)}; its columns are {', '.join(rows[0])}")
    rows.sort(key=lambda row: _place(row[mapping.order], mapping.order))
    kept = [name for name in rows[0] if name not in {mapping.outcome, mapping.order, *mapping.ignored, *times}]
    table = _table({name: [_said(row[name], mapping) for row in rows] for name in kept})
    converted = {word.lower() for word in mapping.converted}
    outcomes = np.array([float(row[mapping.outcome].strip().lower() in converted) for row in rows])
    closed = _days([row[mapping.closed] for row in rows]) if mapping.closed else None
    modified = {name: _days([row[at] for row in rows]) for name, at in mapping.modified.items()}
    return ReadLeads(Past(table, np.zeros(len(rows)), outcomes), Circumstances(closed, modified, mapping.channel))


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        if path.suffix == ".gz":
            with gzip.open(path, "rt", newline="", encoding="utf-8-sig") as file:
                return [_whole(row) for row in csv.DictReader(file)]
        with path.open(newline="", encoding="utf-8-sig") as file:
            return [_whole(row) for row in csv.DictReader(file)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise LocalError(f"{path} cannot be read: {error}") from None


def _whole(row: dict[str, str]) -> dict[str, str]:
    """A short line's missing cells are empty; cells beyond the header have no name and are dropped."""
    return {name: value or "" for name, value in row.items() if isinstance(name, str)}


def _said(text: str, mapping: LeadFile) -> str | None:
    return None if text.strip() in mapping.unknown else text.strip()


def _table(columns: dict[str, list[str | None]]) -> Table:
    """A column is of numbers when everything that is said in it is one, else of words."""
    numbers: dict[str, Floats] = {}
    words: dict[str, Words] = {}
    for name, values in columns.items():
        found = _numbers(values)
        if found is None:
            words[name] = np.array(values, dtype=object)
        else:
            numbers[name] = found
    return Table(numbers, words)


def _numbers(values: Sequence[str | None]) -> Floats | None:
    try:
        found = np.array([np.nan if value is None else float(value) for value in values])
    except ValueError:
        return None
    known = found[~np.isnan(found)]
    return found if len(known) and bool(np.isfinite(known).all()) else None


def _place(text: str, column: str) -> float:
    try:
        return float(text)
    except ValueError:
        day = _day(text)
    if np.isnan(day):
        raise LocalError(
            f"{text!r} in column {column} is neither a number nor an ISO date; leads need an order in time"
        )
    return day


def _days(texts: Sequence[str]) -> Floats:
    return np.array([_day(text) for text in texts])


def _day(text: str) -> float:
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        return float("nan")
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() / DAY_S
