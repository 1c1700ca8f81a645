"""A book of what open deals add to many nodes and spans of days at once: one pass makes it, one event changes it. Pure.

A span lies between two edges. A cell holds four sums over the deals of a node: the wins expected in the span, their mean, their
variance, and how far the mean follows a shock that all deals share. What a deal adds is rounded to grains, powers of two so
fine that no sum of them needs more digits than a float has. So every sum is exact, in whatever order deals come and go, and
a book that was changed event by event is to the last bit the one made anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.sparse import csc_array

from services.forecast.projection import evidence
from services.forecast.projection.engine import Model
from services.forecast.projection.evidence import PUSHES
from services.forecast.projection.landing import gamma_quantiles
from services.forecast.projection.sizes import Sizes
from services.forecast.projection.steps import Floats, Ints, Standing

WINS, MEAN, VARIANCE, SHARED = range(4)
SUMS: Final = 4
ELSEWHERE: Final = -1
"""A deal that stands in no node of a dimension."""
_AT_ONCE: Final = 1 << 14
_CERTAIN: Final = 1e-12
_DIGITS: Final = 52
_APART: Final = 2
"""Grains change by so many powers of two, so that they seldom do."""
_OVERDUE: Final = 2


@dataclass(frozen=True, slots=True)
class Ladder:
    """How the chance to be won grows from edge to edge, by where a deal stands. `edges` are days, the first today or later.

    `slower`: the logarithm of the chance not to be won before each edge, (cells, edges), cells by segment, stage and age.
    `factor`: what close date and pushes multiply it by, (close date × pushes, edges). `place`: where a close date stands there,
    by days from today. An edge that is today itself, before which nothing is won, is left out of all.
    """

    today: int
    edges: tuple[int, ...]
    shape: tuple[int, int]
    slower: Floats
    factor: Floats
    place: Ints
    sizes: Sizes

    @classmethod
    def of(cls, model: Model, edges: Sequence[int]) -> "Ladder":
        """By what a model learnt. `edges`: days in ascending order, at least two."""
        today, ends = model.today, [edge for edge in edges if edge > model.today]
        tables = [model.curves(end).chance for end in ends]
        slower = np.stack([np.log1p(-np.minimum(each, 1 - _CERTAIN)).ravel() for each in tables], axis=1)
        horizon = ends[-1] - today
        # Close dates from two days before today (none), over the day before (any earlier), up to the last edge (any later).
        days = np.concatenate(([np.nan], np.arange(today - 1, today + horizon + 1, dtype=float)))
        groups = np.stack([evidence.date_group(days, today, end) for end in ends], axis=1)
        kinds, place = np.unique(groups, axis=0, return_inverse=True)
        factors = [model.lessons.factors(end - today) for end in ends]
        factor = np.empty((len(kinds), PUSHES, len(ends)))
        for at, each in enumerate(factors):
            factor[:, :, at] = each.date[kinds[:, at]][:, None] * each.pushes
        return cls(
            today,
            tuple(edges),
            tables[0].shape[1:],
            slower,
            factor.reshape(-1, len(ends)),
            place.ravel().astype(np.int64),
            model.sizes,
        )

    @property
    def spans(self) -> int:
        return len(self.edges) - 1

    def brings(self, deals: Standing) -> tuple[Floats, Floats]:
        """Mean, and mean square, of what each deal brings if it is won."""
        mean, variance = self.sizes.of(deals.segment, deals.amount)
        mean, variance = np.nan_to_num(mean), np.nan_to_num(variance)
        return mean, variance + mean * mean

    def sums(self, deals: Standing, grains: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """What each deal adds to the cells of its nodes, in whole grains, (deals, spans) of each sum."""
        stages, ages = self.shape
        cell = (deals.segment.astype(np.int64) * stages + deals.stage) * ages + np.minimum(deals.age, ages - 1)
        later = np.clip(np.floor(deals.close_date) - self.today, -1, len(self.place) - _OVERDUE - 1)
        place = self.place[np.where(np.isnan(later), 0, later + _OVERDUE).astype(np.int64)]
        left = self.slower[cell]
        left *= self.factor[place * PUSHES + evidence.push_group(deals.pushes)]
        np.exp(left, out=left)
        if left.shape[1] == self.spans:
            chance = np.empty_like(left)
            np.subtract(1.0, left[:, 0], out=chance[:, 0])
            np.subtract(left[:, :-1], left[:, 1:], out=chance[:, 1:])
        else:
            chance = left[:, :-1] - left[:, 1:]
        np.maximum(chance, 0.0, out=chance)
        mean, square = self.brings(deals)
        wins, money, squares = grains
        brings = chance * mean[:, None]
        variance = chance * (square / squares)[:, None]
        variance -= (brings * brings) / squares
        shared = np.subtract(1.0, chance)
        np.maximum(shared, _CERTAIN, out=shared)
        shared *= np.log(shared)
        shared *= (mean / -money)[:, None]
        brings /= money
        chance /= wins
        return np.rint(chance), np.rint(brings), np.rint(variance), np.rint(shared)


@dataclass(frozen=True, slots=True)
class Gauge:
    """How many deals bring about so much: counts by powers of two of mean and of mean square. Rolls exactly, and bounds sums."""

    counts: Ints

    @classmethod
    def of(cls, mean: Floats, square: Floats) -> "Gauge":
        return cls(np.stack([np.bincount(_power(each), minlength=_POWERS) for each in (mean, square)]))

    def moved(self, before: tuple[Floats, Floats], after: tuple[Floats, Floats]) -> "Gauge":
        counts = self.counts.copy()
        for row, (old, new) in enumerate(zip(before, after, strict=True)):
            for values, by in ((old, -1), (new, 1)):
                for power in _power(values).tolist():
                    counts[row, power] += by
        return Gauge(counts)

    @property
    def grains(self) -> Floats:
        """Of wins, of money and of squares of it."""
        bounds = [int(self.counts[0].sum())]
        bounds += [sum(int(count) << power for power, count in enumerate(row) if count) for row in self.counts.tolist()]
        sizes = [-(-bound.bit_length() // _APART) * _APART for bound in bounds]
        found: Floats = np.ldexp(1.0, np.array([sizes[0], sizes[1] - _LEAST, sizes[2] - _LEAST]) - _DIGITS)
        return found


_LEAST: Final = 32
"""What brings less than 2^-32 counts as that."""
_POWERS: Final = 256


def _power(values: Floats) -> Ints:
    found: Ints = np.clip(np.frexp(values)[1].astype(np.int64) + _LEAST, 0, _POWERS - 1)
    return found


@dataclass(slots=True)
class Book:
    """`cells`: whole grains, (nodes, 2, sums, spans); of each node open deals, then renewals.

    The nodes of all dimensions are numbered together: `nodes` of them.
    """

    ladder: Ladder
    gauge: Gauge
    grains: Floats
    cells: Floats

    @classmethod
    def of(cls, ladder: Ladder, deals: Standing, nodes: Ints, count: int) -> "Book":
        """Made in one pass. `nodes`: where each deal stands, (deals, dimensions), ELSEWHERE where it does not."""
        gauge = Gauge.of(*ladder.brings(deals))
        grains = gauge.grains
        # One row more for what stands elsewhere.
        cells = np.zeros((SUMS, 2 * count + 2, ladder.spans))
        rows = np.where(nodes < 0, count, nodes) * 2 + deals.due[:, None]
        dimensions = nodes.shape[1]
        for start in range(0, len(deals), _AT_ONCE):
            some = slice(start, start + _AT_ONCE)
            given = rows[some]
            ends = np.arange(0, given.size + 1, dimensions)
            stand = csc_array((np.ones(given.size), given.ravel(), ends), shape=(2 * count + 2, len(given)))
            for at, added in enumerate(ladder.sums(deals.where(some), grains)):
                cells[at] += stand @ added
        found = np.moveaxis(cells[:, :-2].reshape(SUMS, count, 2, ladder.spans), 0, 2)
        return cls(ladder, gauge, grains, np.ascontiguousarray(found))

    def move(self, before: Standing, after: Standing, left: Ints, entered: Ints) -> bool:
        """Take out deals as they stood, and put in as they stand; either may be none. `left`, `entered`: their nodes.

        False, with nothing changed, when the grains would be others: then the book is made anew.
        """
        ladder = self.ladder
        gauge = self.gauge.moved(ladder.brings(before), ladder.brings(after))
        if (gauge.grains != self.grains).any():
            return False
        for deals, nodes, sign in ((before, left, -1.0), (after, entered, 1.0)):
            if not len(deals):
                continue
            added = np.stack(ladder.sums(deals, self.grains), axis=1)
            for at, row in enumerate(nodes):
                self.cells[row[row >= 0], int(deals.due[at])] += sign * added[at]
        self.gauge = gauge
        return True

    def of_nodes(self, members: Sequence[Ints]) -> Floats:
        """Sums of several nodes each, as of a unit and all below it, (nodes, 2, sums, spans) in currency: exact as the cells."""
        found = np.stack([self.cells[each].sum(axis=0) for each in members])
        return self._valued(found)

    @property
    def valued(self) -> Floats:
        """The cells in wins, currency and its squares."""
        return self._valued(self.cells)

    def _valued(self, cells: Floats) -> Floats:
        wins, money, squares = self.grains.tolist()
        valued: Floats = cells * np.array([wins, money, squares, money])[:, None]
        return valued


def quantiles(sums: Floats, new: tuple[Floats, Floats], shock: float, shares: Floats) -> Floats:
    """Quantiles of what open deals (`sums`, see `Book.valued`) and deals not created yet bring, (nodes, spans, shares).

    One gamma by moments each, as of any part with many deals. `new`: mean and variance of what is not created, (nodes, spans).
    """
    both = sums.sum(axis=1)
    mean = both[:, MEAN] + new[0]
    variance = both[:, VARIANCE] + new[1] + (shock * (both[:, SHARED] + new[0])) ** 2
    return gamma_quantiles(mean[..., None], variance[..., None], shares)
