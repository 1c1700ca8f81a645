"""A book of what open deals add to many nodes and spans of days at once: one pass makes it, one event changes it. Pure.

A span lies between two edges. A cell holds four sums over the deals of a node: the wins expected in the span, their mean, their
variance, and how far the mean follows a shock that all deals share. What a deal adds is rounded to grains, powers of two so
fine that no sum of them needs more digits than a float has. So every sum is exact, in whatever order deals come and go, and
a book that was changed event by event is to the last bit the one made anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import frexp, isnan
from typing import Final

import numpy as np
from scipy.sparse import csc_array

from services.forecast.projection import evidence
from services.forecast.projection.engine import Model
from services.forecast.projection.evidence import PUSHES
from services.forecast.projection.landing import gamma_quantiles
from services.forecast.projection.steps import Flags, Floats, Index, Ints, Standing

WINS, MEAN, VARIANCE, SHARED = range(4)
SUMS: Final = 4
ELSEWHERE: Final = -1
"""A deal that stands in no node of a dimension."""
_STANDS: Final = ("segment", "stage", "age", "amount", "close_date", "pushes")
_ROWS: Final = 1 << 12
_AT_ONCE: Final = 1 << 15
"""Deals whose sums are worked out together, so that they stay near the processor, and that are then added together."""
_CERTAIN: Final = 1e-12
_DIGITS: Final = 52
_APART: Final = 2
"""Grains change by so many powers of two, so that they seldom do."""
_LEAST: Final = -32
"""What brings less than two to the power of this counts as that much where grains are chosen."""


@dataclass(frozen=True, slots=True)
class Ladder:
    """How the chance to be won grows from edge to edge, by where a deal stands. `edges` are days, the first today or later.

    `slower`: the logarithm of the chance not to be won before each edge, (cells, edges), cells by segment, stage and age; before
    today nothing is won. `factor`: what close date and pushes multiply it by, (close dates × pushes, edges); `place`: where a
    close date stands there: none, before today, and each day from today on.
    `mean`, `square`: of what a deal without an amount brings, (segments,), and over its amount or the square of it of others.
    """

    today: int
    edges: tuple[int, ...]
    stages: int
    oldest: int
    slower: Floats
    factor: Floats
    place: Ints
    mean: tuple[Floats, float]
    square: tuple[Floats, float]

    @classmethod
    def of(cls, model: Model, edges: Sequence[int]) -> "Ladder":
        """By what a model learnt. `edges`: days in ascending order, at least two."""
        today, ends = model.today, [edge for edge in edges if edge > model.today]
        tables = [model.curves(end).chance for end in ends]
        _, stages, ages = tables[0].shape
        days = np.concatenate(([np.nan], np.arange(today - 1, ends[-1] + 1, dtype=float)))
        groups = np.stack([evidence.date_group(days, today, end) for end in ends], axis=1)
        kinds, place = np.unique(groups, axis=0, return_inverse=True)
        begun = len(edges) - len(ends)
        slower, factor = np.zeros((tables[0].size, len(edges))), np.ones((len(kinds), PUSHES, len(edges)))
        for at, (end, table) in enumerate(zip(ends, tables, strict=True)):
            told = model.lessons.factors(end - today)
            slower[:, begun + at] = np.log1p(-np.minimum(table, 1 - _CERTAIN)).ravel()
            factor[:, :, begun + at] = told.date[kinds[:, at]][:, None] * told.pushes
        sizes = model.sizes
        usual, spread = np.nan_to_num(sizes.mean), np.nan_to_num(sizes.variance)
        return cls(
            today=today,
            edges=tuple(edges),
            stages=stages,
            oldest=ages - 1,
            slower=slower,
            factor=factor.reshape(-1, len(edges)),
            place=place.ravel().astype(np.int64),
            mean=(usual, sizes.ratio),
            square=(spread + usual**2, sizes.ratio_variance + sizes.ratio**2),
        )

    @property
    def spans(self) -> int:
        return len(self.edges) - 1

    def brings(self, deals: Standing) -> tuple[Floats, Floats]:
        """Mean, and mean square, of what each deal brings if it is won."""
        unknown, amount = np.isnan(deals.amount), deals.amount
        mean = np.where(unknown, self.mean[0][deals.segment], self.mean[1] * amount)
        return mean, np.where(unknown, self.square[0][deals.segment], self.square[1] * (amount * amount))

    def where(self, deals: Standing) -> tuple[Index, Index]:
        """Which row of `slower` and which of `factor` each deal has."""
        cell = deals.segment * np.int64(self.stages)
        cell += deals.stage
        cell *= self.oldest + 1
        cell += np.minimum(deals.age, self.oldest)
        later = np.floor(deals.close_date) - self.today
        place = np.fmin(np.fmax(later, -1), len(self.place) - 3) + 2
        place *= ~np.isnan(later)
        return cell, self.place[place.astype(np.int64)] * PUSHES + evidence.push_group(deals.pushes)

    def each(self, deals: Standing) -> tuple[tuple[Index, Index], list[float], list[float]]:
        """What `where` and `brings` say, deal by deal: of few deals that is said sooner."""
        cells, rows, means, squares = [], [], [], []
        stands = zip(*(getattr(deals, name).tolist() for name in _STANDS), strict=True)
        for segment, stage, age, amount, close_date, pushes in stands:
            cells.append((segment * self.stages + stage) * (self.oldest + 1) + min(age, self.oldest))
            day = 0 if isnan(close_date) else min(max(int(close_date // 1) - self.today, -1), len(self.place) - 3) + 2
            rows.append(int(self.place[day]) * PUSHES + (pushes > 0) + (pushes > 2))
            unknown = isnan(amount)
            means.append(float(self.mean[0][segment]) if unknown else self.mean[1] * amount)
            squares.append(float(self.square[0][segment]) if unknown else self.square[1] * (amount * amount))
        return (np.array(cells), np.array(rows)), means, squares

    def sums(
        self, where: tuple[Index, Index], brings: tuple[Floats, Floats], grains: Sequence[float], into: Floats
    ) -> None:
        """Write what each deal adds to a cell into (sums, deals, spans), in whole grains."""
        left = self.slower.take(where[0], axis=0, mode="clip")
        left *= self.factor.take(where[1], axis=0, mode="clip")
        np.exp(left, out=left)
        chance = left[:, :-1] - left[:, 1:]
        np.maximum(chance, 0.0, out=chance)
        wins, money, squares = grains
        mean, square = (brings[0] / money)[:, None], (brings[1] / squares)[:, None]
        np.multiply(chance, 1.0 / wins, out=into[WINS])
        brought = np.multiply(chance, mean, out=into[MEAN])
        variance = np.multiply(chance, square, out=into[VARIANCE])
        slower = brought * brought
        slower *= money * money / squares
        variance -= slower
        np.subtract(1.0, chance, out=slower)
        np.maximum(slower, _CERTAIN, out=slower)
        np.log(slower, out=chance)
        chance *= slower
        np.multiply(chance, -mean, out=into[SHARED])
        np.rint(into, out=into)


@dataclass(frozen=True, slots=True)
class Gauge:
    """What sums cannot exceed: how many deals there are, and what they bring and its squares, in 2^-32, each rounded up to a
    power of two. It says how fine the grains may be, and rolls exactly.
    """

    deals: int
    money: int
    squares: int

    @classmethod
    def of(cls, mean: Floats, square: Floats) -> "Gauge":
        bounds = []
        for values in (mean, square):
            powers = np.bincount(np.maximum(np.frexp(values)[1] - _LEAST, 0))
            bounds.append(sum(int(count) << power for power, count in enumerate(powers.tolist())))
        return cls(len(mean), *bounds)

    def moved(self, means: Sequence[float], squared: Sequence[float], signs: Sequence[int]) -> "Gauge":
        """With deals that come (1) and go (-1)."""
        deals, money, squares = self.deals, self.money, self.squares
        for sign, brought, square in zip(signs, means, squared, strict=True):
            deals += sign
            money += sign << max(frexp(brought)[1] - _LEAST, 0)
            squares += sign << max(frexp(square)[1] - _LEAST, 0)
        return Gauge(deals, money, squares)

    @property
    def sizes(self) -> tuple[int, int, int]:
        """The bounds' powers of two; by these the grains are chosen."""
        wins, money, squares = (
            -(-each.bit_length() // _APART) * _APART for each in (self.deals, self.money, self.squares)
        )
        return wins, money + _LEAST, squares + _LEAST

    @property
    def grains(self) -> Floats:
        """Of wins, of money and of squares of it."""
        found: Floats = np.ldexp(1.0, np.array(self.sizes) - _DIGITS)
        return found


@dataclass(slots=True)
class Book:
    """`cells`: whole grains, (nodes, 2, sums, spans); of each node open deals, then renewals.

    `sizes`: how many nodes each dimension has. They are numbered together, those of the first dimension first.
    """

    ladder: Ladder
    sizes: tuple[int, ...]
    gauge: Gauge
    grains: Floats
    cells: Floats

    @classmethod
    def of(cls, ladder: Ladder, deals: Standing, nodes: Ints, sizes: Sequence[int]) -> "Book":
        """Made in one pass. `nodes`: which of its dimension's nodes each deal stands in, (dimensions, deals), or ELSEWHERE."""
        brings = ladder.brings(deals)
        gauge = Gauge.of(*brings)
        grains = gauge.grains.tolist()
        rows = _rows(nodes, sizes, deals.due)
        count = 2 * sum(sizes)
        total = np.zeros((SUMS, count + 1, ladder.spans))
        added = np.empty((SUMS, min(_AT_ONCE, len(deals)), ladder.spans))
        for start in range(0, len(deals), _AT_ONCE):
            stop = min(start + _AT_ONCE, len(deals))
            for first in range(start, stop, _ROWS):
                some = slice(first, min(first + _ROWS, stop))
                where, bring = ladder.where(deals.where(some)), (brings[0][some], brings[1][some])
                ladder.sums(where, bring, grains, added[:, first - start : some.stop - start])
            counts = _indicator(rows[start:stop], count + 1)
            # Whole numbers add up to the same in whatever order.
            for at in range(SUMS):
                total[at] += counts @ added[at, : stop - start]
        cells = np.ascontiguousarray(total[:, :count].transpose(1, 0, 2)).reshape(-1, 2, SUMS, ladder.spans)
        return cls(ladder, tuple(sizes), gauge, gauge.grains, cells)

    def move(self, deals: Standing, nodes: Ints, signs: Sequence[int]) -> bool:
        """Put in deals as they stand (sign 1), and take out others as they stood (-1). `nodes`: as in `of`.

        False, with nothing changed, when the grains would be others: then the book is to be made anew.
        """
        where, means, squares = self.ladder.each(deals)
        gauge = self.gauge.moved(means, squares, signs)
        if gauge.sizes != self.gauge.sizes:
            return False
        added = np.empty((SUMS, len(deals), self.ladder.spans))
        self.ladder.sums(where, (np.array(means), np.array(squares)), self.grains.tolist(), added)
        first, due = 0, deals.due.tolist()
        for stands, size in zip(nodes.tolist(), self.sizes, strict=True):
            for at, node in enumerate(stands):
                if node != ELSEWHERE:
                    cell = self.cells[first + node, int(due[at])]
                    (np.add if signs[at] > 0 else np.subtract)(cell, added[:, at], out=cell)
            first += size
        self.gauge = gauge
        return True

    @property
    def valued(self) -> Floats:
        """The cells in wins, currency and its squares."""
        return self.value(self.cells)

    def value(self, cells: Floats) -> Floats:
        """Cells of this book, or sums of some, in wins, currency and its squares."""
        wins, money, squares = self.grains.tolist()
        valued: Floats = cells * np.array([wins, money, squares, money])[:, None]
        return valued


def _rows(nodes: Ints, sizes: Sequence[int], due: Flags) -> Index:
    """In which row of cells each deal counts by each dimension, (deals, dimensions); one after the last for ELSEWHERE."""
    rows = np.empty((nodes.shape[1], len(sizes)), dtype=np.int32)
    first = 0
    for at, (stands, size) in enumerate(zip(nodes, sizes, strict=True)):
        rows[:, at] = np.where(stands < 0, 2 * sum(sizes), 2 * (first + stands) + due)
        first += size
    return rows


def _indicator(rows: Index, count: int) -> csc_array:
    """One where a deal counts: (rows, deals)."""
    ends = np.arange(0, rows.size + 1, rows.shape[1], dtype=np.int32)
    return csc_array((np.ones(rows.size), rows.ravel(), ends), shape=(count, len(rows)))


def quantiles(
    sums: Floats,
    new: tuple[Floats, Floats],
    shock: float,
    shares: Floats,
    *,
    by: Floats | float = 1.0,
    stretch: Floats | float = 1.0,
) -> Floats:
    """Quantiles of what open deals (`sums`, see `Book.valued`) and deals not created yet bring, (nodes, spans, shares).

    One gamma by moments each, as of any part with many deals. `new`: mean and variance of what is not created, (nodes, spans).
    `by`, `stretch`: what blended is over the engine's, and how much wider, (spans,).
    """
    both = sums.sum(axis=1)
    mean = both[:, MEAN] + new[0]
    variance = both[:, VARIANCE] + new[1] + (shock * (both[:, SHARED] + new[0])) ** 2
    wide = variance * np.square(by) * np.square(stretch)
    return gamma_quantiles((mean * by)[..., None], wide[..., None], shares)
