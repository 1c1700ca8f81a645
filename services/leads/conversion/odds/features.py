"""The design of the model: encoded columns, centred on the average lead, and slopes of numbers that differ by channel."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from services.leads.conversion.odds.encoding import Encoding, NumberEncoding, WordEncoding, encode_one, learn
from services.leads.conversion.odds.table import Floats, Table


@dataclass(frozen=True)
class Design:
    """How a table becomes features. `means` are those of the leads it was learnt on: each feature of theirs sums to 0.

    `channel` names a word column by which the slope of every number may differ: an hour on the website says another
    thing of a lead that a partner entered. Such features belong to the number's column.
    """

    encodings: tuple[Encoding, ...]
    channel: str | None
    means: Floats
    column_of: NDArray[np.int64]
    """By feature, the place of its column in `names`."""

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(each.name for each in self.encodings)

    @property
    def by_name(self) -> dict[str, Encoding]:
        return {each.name: each for each in self.encodings}

    def features(self, table: Table) -> Floats:
        """(leads, features), each less its mean over the leads that the design was learnt on."""
        found = _blocks(self.encodings, self.channel, table)
        found -= self.means
        return found

    def by_column(self, features: Floats, slopes: Floats) -> Floats:
        """(leads, columns): what each column adds to the log-odds of each lead, against the average lead."""
        return np.asarray(features @ (slopes[:, None] * self._belongs))

    @cached_property
    def _belongs(self) -> NDArray[np.bool_]:
        """(features, columns): whether a feature is of a column."""
        return np.asarray(self.column_of[:, None] == np.arange(len(self.encodings)))


def learn_design(table: Table, *, channel: str | None = None) -> Design:
    """Encodings and means of the leads in `table`."""
    encodings = learn(table)
    splits = channel if any(each.name == channel and isinstance(each, WordEncoding) for each in encodings) else None
    raw = _blocks(encodings, splits, table)
    columns = np.array(_columns(encodings, splits), dtype=np.int64)
    return Design(encodings, splits, raw.mean(axis=0) if len(table) else np.zeros(raw.shape[1]), columns)


def _blocks(encodings: Sequence[Encoding], channel: str | None, table: Table) -> Floats:
    blocks = [encode_one(each, table) for each in encodings]
    if not blocks:
        return np.zeros((len(table), 0))
    crossed = []
    for split in (block for each, block in zip(encodings, blocks, strict=True) if each.name == channel):
        crossed = [
            (split[:, :, None] * block[:, None, :-1]).reshape(len(block), -1)
            for each, block in zip(encodings, blocks, strict=True)
            if isinstance(each, NumberEncoding)
        ]
    return np.hstack([*blocks, *crossed])


def _columns(encodings: Sequence[Encoding], channel: str | None) -> list[int]:
    found = [place for place, each in enumerate(encodings) for _ in each.features]
    for split in (each for each in encodings if each.name == channel):
        for place, each in enumerate(encodings):
            if isinstance(each, NumberEncoding):
                found += [place] * (len(split.features) * (len(each.features) - 1))
    return found
