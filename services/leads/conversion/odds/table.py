"""Leads as columns: what the model reads, whether it comes from the register or from a file."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Words = NDArray[np.object_]


@dataclass(frozen=True)
class Table:
    """`numbers` are float columns with NaN for unknown, `words` object columns of `str` with None for unknown.

    All columns have one length, the number of leads; a name stands in one of the two only.
    """

    numbers: Mapping[str, Floats] = field(default_factory=dict)
    words: Mapping[str, Words] = field(default_factory=dict)

    def __len__(self) -> int:
        return next((len(values) for _, values in self), 0)

    def __iter__(self) -> Iterator[tuple[str, Floats | Words]]:
        yield from self.numbers.items()
        yield from self.words.items()

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.numbers, *self.words)

    def take(self, rows: NDArray[np.int64] | Bools | slice) -> "Table":
        """The leads at `rows`, in that order."""
        return Table(
            {name: values[rows] for name, values in self.numbers.items()},
            {name: values[rows] for name, values in self.words.items()},
        )

    def without(self, names: Sequence[str]) -> "Table":
        """The same leads with fewer columns."""
        return Table(
            {name: values for name, values in self.numbers.items() if name not in names},
            {name: values for name, values in self.words.items() if name not in names},
        )

    def filled(self, name: str) -> Bools:
        """True where the column says something."""
        if name in self.numbers:
            return ~np.isnan(self.numbers[name])
        return np.array([value is not None for value in self.words[name].tolist()], dtype=np.bool_)
