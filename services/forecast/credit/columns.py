"""Splits of all deals as columns in memory, and who is credited with rows of history at a pair of instants. Pure.

The codes of deals and people are those of the columns of history. Shares are whole millionths, and those of an entry stand by
size, the greatest first. The twin, for columns, of `share`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]
Flags = npt.NDArray[np.bool_]
Index = npt.NDArray[np.intp]

WHOLE: Final = 1_000_000
_NEVER: Final = int(np.iinfo(np.int64).max)

Shares = Sequence[tuple[int, int]]
"""Person's code and millionths, the greatest share first."""


@dataclass(frozen=True, slots=True)
class Told:
    """A version of what holds of a deal: from which instant (microseconds) which shares, in the order of the instants."""

    deal: int
    version: int
    recorded_at: int
    entries: Sequence[tuple[int, Shares]]


@dataclass(frozen=True, slots=True)
class Splits:
    """All versions, ordered by deal and version. `entries_from`, `shares_from`: where those of each version, each entry begin."""

    deal: Codes
    recorded_at: Ints
    entries_from: Index
    at: Ints
    shares_from: Index
    person: Codes
    millionths: Ints

    @classmethod
    def of(cls, told: Sequence[Told]) -> "Splits":
        ordered = sorted(told, key=lambda each: (each.deal, each.version))
        entries = [entry for each in ordered for entry in each.entries]
        shares = [share for _, several in entries for share in several]
        return cls(
            deal=np.array([each.deal for each in ordered], dtype=np.int32),
            recorded_at=np.array([each.recorded_at for each in ordered], dtype=np.int64),
            entries_from=_starts([len(each.entries) for each in ordered]),
            at=np.array([at for at, _ in entries], dtype=np.int64),
            shares_from=_starts([len(several) for _, several in entries]),
            person=np.array([person for person, _ in shares], dtype=np.int32),
            millionths=np.array([part for _, part in shares], dtype=np.int64),
        )

    def __len__(self) -> int:
        return len(self.deal)

    def credit(
        self, deal: Codes, closed_on: Codes, *, no_day: int, as_of: int, known_at: int, zone: ZoneInfo
    ) -> "Credit | None":
        """Who is credited with rows of these deals, closed on these days; None where all of them are their owners'."""
        chosen = np.flatnonzero(self.recorded_at <= known_at)
        chosen = chosen[np.append(self.deal[chosen][1:] != self.deal[chosen][:-1], True)] if len(chosen) else chosen
        if not len(chosen) or not len(deal):
            return None
        place = np.minimum(np.searchsorted(self.deal[chosen], deal), len(chosen) - 1)
        rows = np.flatnonzero(self.deal[chosen][place] == deal)
        until = np.minimum(_ends(closed_on[rows], no_day, zone), as_of)
        entry = self._holding(chosen[place[rows]], until)
        rows, entry = rows[entry >= 0], entry[entry >= 0]
        sizes = self.shares_from[entry + 1] - self.shares_from[entry]
        if not sizes.sum():
            return None
        shares = _ranges(self.shares_from[entry], sizes)
        return Credit(np.repeat(rows, sizes), self.person[shares], self.millionths[shares], np.ones(len(shares), bool))

    def _holding(self, version: Index, until: Ints) -> Index:
        """The last entry of each version that holds by an instant; -1 for none."""
        first, end = self.entries_from[version], self.entries_from[version + 1]
        of = np.repeat(np.arange(len(version)), end - first)
        entries = _ranges(first, end - first)
        holds = self.at[entries] <= until[of]
        found = np.full(len(version), -1, dtype=np.intp)
        np.maximum.at(found, of[holds], entries[holds])
        return found


@dataclass(frozen=True, slots=True)
class Credit:
    """Parts of rows of which several people, or not their owner, have shares: all parts of a row stand together, rows in order.

    `row`: positions among the rows; rows that do not occur are all their owners'. `mine`: parts of people that are asked for.
    """

    row: Index
    person: Codes
    millionths: Ints
    mine: Flags

    def where(self, wanted: Flags) -> "Credit | None":
        """Of those rows alone, numbered anew."""
        kept = wanted[self.row]
        if not kept.any():
            return None
        number = np.cumsum(wanted) - 1
        return Credit(number[self.row[kept]], self.person[kept], self.millionths[kept], self.mine[kept])

    def asked(self, mine: Flags) -> "Credit":
        return replace(self, mine=mine)

    @property
    def rows(self) -> Index:
        """The rows that are split, each once."""
        return np.unique(self.row)

    def cut(self, units: Ints) -> Ints:
        """The part that each has of rows of so many units each: by largest remainder, so they add to the row."""
        whole, rest = np.divmod(units[self.row], WHOLE)
        parts, remainder = np.divmod(rest * self.millionths, WHOLE)
        parts += whole * self.millionths
        starts = np.flatnonzero(np.append(True, self.row[1:] != self.row[:-1]))
        group = np.cumsum(np.append(False, self.row[1:] != self.row[:-1]))
        left = units[self.row[starts]] - np.add.reduceat(parts, starts)
        order = np.lexsort((np.arange(len(parts)), -remainder, group))
        rank = np.empty(len(parts), dtype=np.int64)
        rank[order] = np.arange(len(parts)) - starts[group[order]]
        found: Ints = parts + (rank < left[group])
        return found

    def of_mine(self, units: Ints) -> Ints:
        """The same rows with what those who are asked for have of them."""
        found = units.copy()
        found[self.row] = 0
        np.add.at(found, self.row[self.mine], self.cut(units)[self.mine])
        return found

    def share_of_mine(self, rows: int) -> Ints:
        """How many millionths of each of so many rows those who are asked for have."""
        found = np.full(rows, WHOLE, dtype=np.int64)
        found[self.row] = 0
        np.add.at(found, self.row[self.mine], self.millionths[self.mine])
        return found

    def first(self, owner: Codes) -> Codes:
        """Under whom each row stands where it stands once: its owner if asked for, else who of those has the greatest share."""
        found = owner.copy()
        mine = np.flatnonzero(self.mine)[::-1]
        found[self.row[mine]] = self.person[mine]
        kept = self.mine & (self.person == owner[self.row])
        found[self.row[kept]] = self.person[kept]
        return found


def _starts(sizes: Sequence[int]) -> Index:
    return np.concatenate(([0], np.cumsum(np.array(sizes, dtype=np.intp)))).astype(np.intp)


def _ranges(first: Index, sizes: Index) -> Index:
    """The numbers from each first one on, so many of each."""
    before = np.cumsum(sizes) - sizes
    found: Index = np.repeat(first - before, sizes) + np.arange(sizes.sum())
    return found


def _ends(days: Codes, no_day: int, zone: ZoneInfo) -> Ints:
    """The last microsecond of each day; far ahead for none."""
    present, place = np.unique(days, return_inverse=True)
    ends = [_NEVER if day == no_day else _end(day, zone) for day in present.tolist()]
    return np.array(ends, dtype=np.int64)[place]


@lru_cache(maxsize=1 << 14)
def _end(day: int, zone: ZoneInfo) -> int:
    following = datetime(1970, 1, 1, tzinfo=zone) + timedelta(days=day + 1)
    return int(following.timestamp()) * 1_000_000 - 1


NO_SPLITS: Final = Splits.of(())
