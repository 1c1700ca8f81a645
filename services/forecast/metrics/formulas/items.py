"""The deals behind a metric, each with its role, and their sums by part. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from services.forecast.history.columns import Codes, Flags, Index, Ints
from services.forecast.past.population import Small


class Role(NamedTuple):
    """What a deal is to a metric, and on which sides of its formula it stands."""

    name: str
    in_numerator: bool = False
    in_denominator: bool = False


class Entry(NamedTuple):
    """Some deals in one role. Without amounts or spans these are unknown."""

    role: str
    at: Index
    """Positions in the population."""
    amount: tuple[Ints, Flags] | None = None
    span: tuple[Ints, Flags] | None = None
    slot: Codes | int = 0


@dataclass(frozen=True)
class Items:
    """A line per deal and role: amounts in minor units, spans in microseconds, both with which of them are known.

    `slot` is what else a metric tells apart: a stage, a warning, a day, a past period; `slots` are their keys.
    """

    roles: tuple[Role, ...]
    at: Index
    role: Small
    amount: Ints
    priced: Flags
    span: Ints
    timed: Flags
    slot: Codes
    slots: tuple[str, ...] = ("",)
    actors: tuple[str | None, ...] = ()
    """Who acted, by slot, where a metric tells."""

    @classmethod
    def of(
        cls,
        roles: Sequence[Role],
        entries: Sequence[Entry],
        slots: Sequence[str] = ("",),
        actors: Sequence[str | None] = (),
    ) -> "Items":
        names = [role.name for role in roles]
        nothing = np.empty(0, dtype=np.int64)

        def joined(parts: list[npt.NDArray[Any]], kind: Any) -> npt.NDArray[Any]:
            return np.concatenate(parts).astype(kind) if parts else nothing.astype(kind)

        amounts = [entry.amount or _unknown(len(entry.at)) for entry in entries]
        spans = [entry.span or _unknown(len(entry.at)) for entry in entries]
        return cls(
            tuple(roles),
            joined([entry.at for entry in entries], np.intp),
            joined([np.full(len(entry.at), names.index(entry.role)) for entry in entries], np.int8),
            joined([amount for amount, _ in amounts], np.int64),
            joined([priced for _, priced in amounts], np.bool_),
            joined([span for span, _ in spans], np.int64),
            joined([timed for _, timed in spans], np.bool_),
            joined([np.broadcast_to(entry.slot, len(entry.at)) for entry in entries], np.int32),
            tuple(slots),
            tuple(actors),
        )

    def __len__(self) -> int:
        return len(self.at)

    def on(self, side: str) -> Flags:
        """Which stand in the `numerator` or the `denominator`."""
        found: Flags = np.array([getattr(role, f"in_{side}") for role in self.roles], dtype=bool)[self.role]
        return found


def _unknown(size: int) -> tuple[Ints, Flags]:
    return np.zeros(size, dtype=np.int64), np.zeros(size, dtype=bool)


@dataclass(frozen=True)
class Sums:
    """Sums of items by part and role: what is not known is counted, and left out of the sums."""

    items: Items
    part: Index
    """The part of each item."""
    parts: int
    basis: Codes
    """The value basis of each item's deal."""
    _quantiles: dict[tuple[float, str | None], npt.NDArray[np.float64]] = field(default_factory=dict)

    def of(self, part: int) -> "Part":
        return Part(self, part)

    @cached_property
    def count(self) -> Ints:
        return self._table(np.ones(len(self.items), dtype=np.int64))

    @cached_property
    def amount(self) -> Ints:
        return self._table(np.where(self.items.priced, self.items.amount, 0))

    @cached_property
    def priced(self) -> Ints:
        return self._table(self.items.priced.astype(np.int64))

    @cached_property
    def span(self) -> Ints:
        return self._table(np.where(self.items.timed, self.items.span, 0))

    @cached_property
    def timed(self) -> Ints:
        return self._table(self.items.timed.astype(np.int64))

    @cached_property
    def squares(self) -> npt.NDArray[np.float64]:
        """Sums of squared amounts, for how many equal deals the unequal ones are worth."""
        amount = np.where(self.items.priced, self.items.amount, 0).astype(np.float64)
        table = np.zeros(self._size, dtype=np.float64)
        np.add.at(table, self._place, amount**2)
        return table.reshape(self._shape)

    @cached_property
    def bases(self) -> Ints:
        """How many value bases the amounts on either side have, by part."""
        items = self.items
        counted = items.priced & (items.on("numerator") | items.on("denominator"))
        pairs = np.unique(self.part[counted] * (int(self.basis.max(initial=0)) + 1) + self.basis[counted])
        return np.bincount(pairs // (int(self.basis.max(initial=0)) + 1), minlength=self.parts)

    @cached_property
    def by_slot(self) -> Ints:
        """Amounts by part, role and slot."""
        slots = len(self.items.slots)
        table = np.zeros(self._size * slots, dtype=np.int64)
        np.add.at(table, self._place * slots + self.items.slot, np.where(self.items.priced, self.items.amount, 0))
        return table.reshape(*self._shape, slots)

    def quantile(self, share: float, role: str | None = None) -> npt.NDArray[np.float64]:
        """That quantile of the known spans of each part (of a role, else of the numerator); nan without any."""
        if (share, role) not in self._quantiles:
            items = self.items
            wanted = items.timed & (items.on("numerator") if role is None else items.role == self.column(role))
            found = quantiles(items.span[wanted], self.part[wanted], self.parts, share)
            self._quantiles[share, role] = found
        return self._quantiles[share, role]

    def column(self, role: str) -> int:
        return self._columns[role]

    @cached_property
    def _columns(self) -> dict[str, int]:
        return {role.name: index for index, role in enumerate(self.items.roles)}

    @property
    def _shape(self) -> tuple[int, int]:
        return self.parts, len(self.items.roles)

    @property
    def _size(self) -> int:
        return self.parts * len(self.items.roles)

    @cached_property
    def _place(self) -> Ints:
        place: Ints = self.part.astype(np.int64) * len(self.items.roles) + self.items.role
        return place

    def _table(self, values: Ints) -> Ints:
        table = np.zeros(self._size, dtype=np.int64)
        np.add.at(table, self._place, values)
        return table.reshape(self._shape)


@dataclass(frozen=True, slots=True)
class Part:
    """The sums of one part, by role."""

    sums: Sums
    index: int

    def count(self, *roles: str) -> int:
        return self._sum(self.sums.count, roles)

    def amount(self, *roles: str) -> int:
        return self._sum(self.sums.amount, roles)

    def priced(self, *roles: str) -> int:
        return self._sum(self.sums.priced, roles)

    def span(self, *roles: str) -> int:
        return self._sum(self.sums.span, roles)

    def timed(self, *roles: str) -> int:
        return self._sum(self.sums.timed, roles)

    def squares(self, *roles: str) -> float:
        return float(sum(self.sums.squares[self.index, self.sums.column(role)] for role in roles))

    def slots(self, role: str) -> Ints:
        """The amounts of a role by slot."""
        found: Ints = self.sums.by_slot[self.index, self.sums.column(role)]
        return found

    def quantile(self, share: float, role: str | None = None) -> float | None:
        """A quantile of spans in days; None without any."""
        found = float(self.sums.quantile(share, role)[self.index])
        return None if np.isnan(found) else found

    @property
    def is_mixed(self) -> bool:
        """Whether its amounts are on more than one value basis."""
        return int(self.sums.bases[self.index]) > 1

    def side(self, side: str) -> tuple[str, ...]:
        """The roles of the numerator or the denominator."""
        return tuple(role.name for role in self.sums.items.roles if getattr(role, f"in_{side}"))

    def _sum(self, table: Ints, roles: tuple[str, ...]) -> int:
        return int(sum(table[self.index, self.sums.column(role)] for role in roles))


def quantiles(spans: Ints, part: Index, parts: int, share: float) -> npt.NDArray[np.float64]:
    """The quantile of the spans of each part in days, between the two nearest in proportion; nan without any."""
    sizes = np.bincount(part, minlength=parts)
    begin = np.cumsum(sizes) - sizes
    wide = int(spans.max(initial=0)) + 1
    if spans.min(initial=0) >= 0 and wide * parts < 2**63:  # one sort of one number is many times faster than of two
        ordered = np.sort(part.astype(np.int64) * wide + spans) % wide
    else:
        ordered = spans[np.lexsort((spans, part))]
    found = np.full(parts, np.nan)
    some = sizes > 0
    at = (sizes[some] - 1) * share
    low = np.floor(at).astype(np.int64)
    high = np.minimum(low + 1, sizes[some] - 1)
    first, second = ordered[begin[some] + low], ordered[begin[some] + high]
    found[some] = (first + (second - first) * (at - low)) / 86_400_000_000
    return found
