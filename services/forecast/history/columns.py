"""The versions of all deals as columns in memory, and which of them hold at a pair of instants. Pure.

History is only ever appended to, so what was read once stays right: readings of the past need no table and no index but this.
A null text or id is the code 0; a null day is `NO_DAY`, a null amount `NO_AMOUNT`, a null time `NO_TIME`, a null term 0 months.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from services.forecast.credit.columns import NO_SPLITS, Splits

Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]
Flags = npt.NDArray[np.bool_]
Index = npt.NDArray[np.intp]
"""Positions in the columns."""

NO_DAY: Final = -(2**31)
NO_AMOUNT: Final = -(2**63)
NO_TIME: Final = -(2**63)
AMOUNT_SCALE: Final = 4
"""Amounts are whole numbers of 10^-4 of their currency: no currency has more decimals."""

EPOCH = date(1970, 1, 1)
MANY = 10_000
_QUARTER_HOUR: Final = 15 * 60 * 1_000_000
"""Time zones change their offset at quarters of an hour only."""
_DAY: Final = 86_400_000_000

WORDS = (
    *("deal", "owner", "currency", "probability", "state", "stage", "pipeline", "category", "gate"),
    *("region", "market", "segment", "product", "source", "deal_type", "value_basis", "loss_reason", "connection"),
    *("changed_by", "account"),
)
"""Columns of codes. Each has its dictionary."""
TIMES = ("valid_from", "recorded_at", "stage_entered_at", "created_at")
"""Microseconds since 1970."""
OPTIONAL_TIMES = ("quiet_since", "economic_buyer_until", "second_thread_until")
"""The same or `NO_TIME`. `quiet_since`: the last activity or the creation, whichever came later; none where nobody tells activities.
`second_thread_until`: until when there are two threads at least."""
DAYS = ("close_date", "closed_on")
"""Days since 1970."""
FLAGS = (
    *("close_date_provisional", "category_by_person", "reconstructed", "gone"),
    *("next_step_known", "lacks_next_step", "threads_known"),
)
"""`gone`: removed, or absorbed by another deal. `lacks_next_step`: known, and there is none."""


@dataclass(slots=True)
class Dictionary:
    """The texts behind the codes of a column. Code 0 is null."""

    texts: list[str | None] = field(default_factory=lambda: [None])
    codes: dict[str | None, int] = field(default_factory=lambda: {None: 0})

    def encode(self, texts: Sequence[str | None]) -> Codes:
        """The codes of `texts`; new ones are learnt."""
        for text in texts:
            if text not in self.codes:
                self.codes[text] = len(self.texts)
                self.texts.append(text)
        return np.array([self.codes[text] for text in texts], dtype=np.int32)

    def code(self, text: str | None) -> int:
        """The code of a text, -1 for one that no version has."""
        return self.codes.get(text, -1)


@dataclass(frozen=True, slots=True)
class Columns:
    """All versions, ordered by deal, `valid_from`, version: a deal's versions stand together in the order of its timeline.

    `splits`: who is credited with those that are not all their owner's.
    """

    words: dict[str, Dictionary]
    deal: Codes
    owner: Codes
    currency: Codes
    probability: Codes
    state: Codes
    stage: Codes
    pipeline: Codes
    category: Codes
    gate: Codes
    region: Codes
    market: Codes
    segment: Codes
    product: Codes
    source: Codes
    deal_type: Codes
    value_basis: Codes
    loss_reason: Codes
    connection: Codes
    changed_by: Codes
    account: Codes
    version: Codes
    pushes: Codes
    term: Codes
    valid_from: Ints
    recorded_at: Ints
    stage_entered_at: Ints
    created_at: Ints
    quiet_since: Ints
    economic_buyer_until: Ints
    second_thread_until: Ints
    amount: Ints
    close_date: Codes
    closed_on: Codes
    close_date_provisional: Flags
    category_by_person: Flags
    reconstructed: Flags
    gone: Flags
    next_step_known: Flags
    lacks_next_step: Flags
    threads_known: Flags
    splits: Splits = NO_SPLITS

    def __len__(self) -> int:
        return len(self.deal)

    def code(self, column: str, text: str | None) -> int:
        """The code of a text in a column; -1, which no row has, when nothing has it."""
        return self.words[column].code(text)

    def texts(self, column: str, rows: Index) -> list[str | None]:
        known = self.words[column].texts
        return [known[code] for code in getattr(self, column)[rows].tolist()]

    def is_in(self, column: str, texts: Sequence[str], rows: Index | slice = slice(None)) -> Flags:
        """Whether the rows have one of a few `texts` in a column."""
        codes = getattr(self, column)[rows]
        found = np.zeros(len(codes), dtype=bool)
        for text in texts:
            found |= codes == self.code(column, text)
        return found


ARRAYS = tuple(each.name for each in fields(Columns) if each.name not in ("words", "splits"))


def empty(words: dict[str, Dictionary] | None = None) -> Columns:
    """No rows, with the dictionaries `words` or new ones."""
    arrays: dict[str, Any] = {name: np.empty(0, dtype=type_of(name)) for name in ARRAYS}
    return Columns(words=words or {name: Dictionary() for name in WORDS}, **arrays)


def type_of(name: str) -> Any:
    return np.int64 if name in (*TIMES, *OPTIONAL_TIMES, "amount") else np.bool_ if name in FLAGS else np.int32


def merged(known: Columns, arrived: dict[str, npt.NDArray[Any]]) -> Columns:
    """The columns with more rows, in their order; `arrived` has an array per column, in the dictionaries of `known`.

    A few rows are put where they belong; many are sorted together with all.
    """
    if not len(arrived["deal"]):
        return known
    if len(arrived["deal"]) > max(MANY, len(known) // 4):
        arrived = {name: np.concatenate((getattr(known, name), arrived[name])) for name in ARRAYS}
        known = replace(empty(known.words), splits=known.splits)
    order = np.lexsort((arrived["version"], arrived["valid_from"], arrived["deal"]))
    new: dict[str, Any] = {name: arrived[name][order] for name in ARRAYS}
    if not len(known):
        return replace(known, **new)
    places = _places(known, new)
    woven: dict[str, Any] = {name: np.insert(getattr(known, name), places, new[name]) for name in ARRAYS}
    return replace(known, **woven)


def _places(known: Columns, new: dict[str, npt.NDArray[Any]]) -> Index:
    """Before which row of `known` each new row belongs: mostly behind the last of its deal."""
    first, places = (np.searchsorted(known.deal, new["deal"], side=side) for side in ("left", "right"))
    last = np.maximum(places - 1, 0)
    valid_from, version = known.valid_from[last], known.version[last]
    is_earlier = (valid_from > new["valid_from"]) | ((valid_from == new["valid_from"]) & (version > new["version"]))
    for at in np.flatnonzero((places > first) & is_earlier).tolist():
        moment = (new["valid_from"][at], new["version"][at])
        places[at] = bisect_left(
            range(places[at]), moment, lo=int(first[at]), key=lambda row: (known.valid_from[row], known.version[row])
        )
    return places


def seen(columns: Columns, as_of: datetime, known_at: datetime) -> Flags:
    """Which versions were valid from `as_of` or before, and known at `known_at`."""
    found: Flags = columns.valid_from <= micros(as_of)
    found &= columns.recorded_at <= micros(known_at)
    return found


def effective(columns: Columns, as_of: datetime, known_at: datetime) -> Index:
    """The version of each deal that is valid at `as_of` as known at `known_at`: the last of its timeline by both clocks."""
    return latest(columns, seen(columns, as_of, known_at))


def latest(columns: Columns, is_seen: Flags) -> Index:
    """Of the versions that are seen the last of each deal."""
    # Most rows have another of their deal right behind them. Few are left to compare with those that stand further on.
    found = is_seen.copy()
    found[:-1] &= ~(is_seen[1:] & (columns.deal[1:] == columns.deal[:-1]))
    rows = np.flatnonzero(found)
    return rows[lasts(columns.deal[rows])]


def timeline(columns: Columns, as_of: datetime, known_at: datetime, deals: Index | None = None) -> Index:
    """Every version that held at some time up to `as_of`, as known at `known_at`: the steps of each deal, in their order.

    Of entries of one deal and one time the last is the one that held. Of some deals only, with their codes in `deals`, each
    once and in order.
    """
    if deals is None:
        return held(columns, np.flatnonzero(seen(columns, as_of, known_at)))
    rows = entries(columns, deals)
    is_seen = (columns.valid_from[rows] <= micros(as_of)) & (columns.recorded_at[rows] <= micros(known_at))
    return held(columns, rows[is_seen])


def held(columns: Columns, rows: Index) -> Index:
    """Of rows in the order of the columns, those that held: of one deal and one time the last."""
    deal, valid_from = columns.deal[rows], columns.valid_from[rows]
    is_last = lasts(deal)
    is_last[:-1] |= valid_from[1:] != valid_from[:-1]
    return rows[is_last]


def lasts(deal: Codes) -> Flags:
    """Which of rows in the order of the columns, given by their deals, are the last of their deal."""
    found = np.ones(len(deal), dtype=bool)
    np.not_equal(deal[1:], deal[:-1], out=found[:-1])
    return found


def entries(columns: Columns, deals: Index) -> Index:
    """All versions of some deals, in the order of the columns. `deals`: their codes, each once and in order."""
    first, last = (np.searchsorted(columns.deal, deals.astype(np.int32), side=side) for side in ("left", "right"))
    sizes = last - first
    before = np.cumsum(sizes) - sizes
    found: Index = np.repeat(first - before, sizes) + np.arange(sizes.sum())
    return found


def last_import(columns: Columns, known_at: datetime) -> datetime | None:
    """When the last version without a recording time of its own was recorded, as known at `known_at`; None without any."""
    recorded = columns.recorded_at[columns.reconstructed]
    recorded = recorded[recorded <= micros(known_at)]
    return instant_of(int(recorded.max())) if len(recorded) else None


def present(codes: Codes) -> list[int]:
    """The codes that occur."""
    return np.flatnonzero(np.bincount(codes)).tolist() if len(codes) else []


def micros(instant: datetime) -> int:
    """Whole microseconds since 1970 of an aware instant, exactly."""
    return (instant.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def local_days(instants: Ints, zone: ZoneInfo) -> npt.NDArray[np.float64]:
    """Days since 1970 of instants (microseconds since 1970) by the clocks of a time zone; the whole part is the day number."""
    days, place = np.unique(instants // _DAY, return_inverse=True)
    steady = [_steady(each, zone) for each in days.tolist()]
    offset = np.array([each or 0 for each in steady], dtype=np.int64)[place]
    changing = np.array([each is None for each in steady], dtype=bool)[place]
    if changing.any():
        quarters, place = np.unique(instants[changing] // _QUARTER_HOUR, return_inverse=True)
        offset[changing] = np.array([_offset(each, zone) for each in quarters.tolist()], dtype=np.int64)[place]
    found: npt.NDArray[np.float64] = (instants + offset) / _DAY
    return found


@lru_cache(maxsize=1 << 16)
def _steady(day: int, zone: ZoneInfo) -> int | None:
    """The offset of a whole day by UTC, in microseconds; None where it is another at its end, since clocks were set then."""
    first, then = (_offset(each * (_DAY // _QUARTER_HOUR), zone) for each in (day, day + 1))
    return first if first == then else None


def _offset(quarter: int, zone: ZoneInfo) -> int:
    at = instant_of(quarter * _QUARTER_HOUR)
    return (at.astimezone(zone).utcoffset() or timedelta()) // timedelta(microseconds=1)


def instant_of(value: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=value)


def day_number(day: date) -> int:
    return (day - EPOCH).days


def day_of(number: int) -> date | None:
    return None if number == NO_DAY else EPOCH + timedelta(days=number)
