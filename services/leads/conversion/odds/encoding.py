"""From columns to the model's features. Everything is learnt from the leads that the model is fitted on, and from no other."""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import stats

from services.leads.conversion.odds.table import Floats, Table, Words

LEAST_LEADS = 10
"""A word that fewer leads have is pooled with the other rare ones."""

MOST_WORDS = 40
SKEWED_FROM = 1.0
WIDEST = 4.0
"""Scaled numbers are cut at so many spreads from the middle, so that one typing error moves no coefficient."""

EXACT_BELOW = 100.0
"""A smaller number is told to the tenth."""

UNKNOWN = "unknown"
RARE = "any other"


@dataclass(frozen=True)
class WordEncoding:
    """One feature per frequent word, one for the pooled rest, one for unknown: each 0 or 1."""

    name: str
    levels: tuple[str, ...]
    """Frequent words, then RARE, then UNKNOWN."""

    @property
    def features(self) -> tuple[str, ...]:
        return self.levels

    @cached_property
    def places(self) -> dict[str, int]:
        """By frequent word, its feature: made once, for a single lead is scored in less time than this takes."""
        return {level: index for index, level in enumerate(self.levels[:-2])}

    def encode(self, values: Words) -> Floats:
        """(leads, features). A word that the fit did not see counts as rare."""
        rare, unknown = len(self.levels) - 2, len(self.levels) - 1
        at = [unknown if value is None else self.places.get(value, rare) for value in values]
        encoded = np.zeros((len(values), len(self.levels)))
        encoded[np.arange(len(values)), at] = 1.0
        return encoded

    def says(self, value: str | None) -> str:
        return UNKNOWN if value is None else value


@dataclass(frozen=True, slots=True)
class NumberEncoding:
    """The scaled number, how far it lies above each knot, and whether it is unknown.

    Scaled: (x - median) / spread of what was seen, of log(1 + x) where the column is skewed and never negative; cut at
    WIDEST. Knots let the slope change (a linear spline), so that the first visits may count more than the twentieth.
    """

    name: str
    logarithmic: bool
    middle: float
    spread: float
    knots: tuple[float, ...]

    @property
    def features(self) -> tuple[str, ...]:
        return ("value", *(f"above knot {number + 1}" for number in range(len(self.knots))), UNKNOWN)

    def encode(self, values: Floats) -> Floats:
        """(leads, features). An unknown number stands at the middle, with the feature of being unknown."""
        unknown = np.isnan(values)
        known = np.where(unknown, 0.0, values)
        scaled = np.where(unknown, 0.0, (self._bent(known) - self.middle) / self.spread)
        scaled = np.minimum(np.maximum(scaled, -WIDEST), WIDEST)
        encoded = np.empty((len(values), len(self.knots) + 2))
        encoded[:, 0] = scaled
        for place, knot in enumerate(self.knots, 1):
            encoded[:, place] = np.where(unknown, 0.0, np.maximum(scaled - knot, 0.0))
        encoded[:, -1] = unknown
        return encoded

    def says(self, value: float) -> str:
        if np.isnan(value):
            return UNKNOWN
        return f"{value:,.0f}" if abs(value) >= EXACT_BELOW or value == round(value) else f"{value:.1f}"

    def _bent(self, values: Floats) -> Floats:
        return np.log1p(np.maximum(values, 0.0)) if self.logarithmic else values


Encoding = WordEncoding | NumberEncoding


def learn(table: Table) -> tuple[Encoding, ...]:
    """An encoding per column that says something: one with a single value in all leads is left out."""
    numbers = [_number(name, values) for name, values in table.numbers.items()]
    words = [_word(name, values) for name, values in table.words.items()]
    return tuple(each for each in (*numbers, *words) if each is not None)


def encode_one(encoding: Encoding, table: Table) -> Floats:
    """(leads, features of this encoding)."""
    if isinstance(encoding, NumberEncoding):
        return encoding.encode(table.numbers[encoding.name])
    return encoding.encode(table.words[encoding.name])


def _word(name: str, values: Words) -> WordEncoding | None:
    counts = Counter(value for value in values.tolist() if value is not None)
    frequent = [word for word, count in counts.most_common(MOST_WORDS) if count >= LEAST_LEADS]
    rare = sum(counts.values()) - sum(counts[word] for word in frequent)
    unknown = len(values) - sum(counts.values())
    if (len(frequent) + (rare > 0) + (unknown > 0)) < 2:
        return None
    return WordEncoding(name, (*sorted(frequent), RARE, UNKNOWN))


def _number(name: str, values: Floats) -> NumberEncoding | None:
    known = values[~np.isnan(values)]
    if len(known) == 0 or (len(known) == len(values) and known.min() == known.max()):
        return None
    skewed = known.min() >= 0 and known.min() < known.max() and float(stats.skew(known)) > SKEWED_FROM
    bent = np.log1p(known) if skewed else known
    middle = float(np.median(bent))
    low, high = np.quantile(bent, (0.25, 0.75))
    spread = float((high - low) / 1.349) or float(bent.std()) or 1.0
    scaled = np.clip((bent - middle) / spread, -WIDEST, WIDEST)
    inner = np.unique(np.quantile(scaled, (0.25, 0.5, 0.75)))
    knots = tuple(float(knot) for knot in inner if scaled.min() < knot < scaled.max())
    return NumberEncoding(name, bool(skewed), middle, spread, knots)
