"""A book of what open deals add to many nodes and spans of days at once: one pass makes it, one event changes it. Pure.

A span lies between two edges. A cell holds four sums over the deals of a node: the wins expected in the span, their mean, their
variance, and how far the mean follows a shock that all deals share. What a deal adds is rounded to grains, powers of two so
fine that no sum of them needs more digits than a float has. So every sum is exact, in whatever order deals come and go, and
a book that was changed event by event is to the last bit the one made anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, frexp, isnan
from typing import Final

import numpy as np
from scipy import sparse

from services.forecast.projection import evidence
from services.forecast.projection.engine import Model
from services.forecast.projection.evidence import PUSHES
from services.forecast.projection.landing import gamma_quantiles
from services.forecast.projection.steps import Flags, Floats, Index, Ints, Standing

WINS, MEAN, VARIANCE, SHARED = range(4)
SUMS: Final = 4
ELSEWHERE: Final = -1
"""A deal that stands in no node of a dimension."""
_ROWS: Final = 1 << 13
"""Deals whose sums are worked out together, so that they stay near the processor."""
_AT_ONCE: Final = 1 << 14
"""Deals whose sums are added together."""
_CERTAIN: Final = 1e-12
_DIGITS: Final = 52
_APART: Final = 2
"""Grains change by so many powers of two, so that they seldom do."""
_LEAST: Final = -32
"""What brings less than two to the power of this counts as that much where grains are chosen."""


@dataclass(frozen=True, slots=True)
class Ladder:
    """How the chance to be won grows from edge to edge, by where a deal stands. `edges` are days, the first today or later.

    `slower`: the logarithm of the chance not to be won before each edge, (cells, edges), cells by segment, stage and age.
    `factor`: what close date and pushes multiply it by, (close dates × pushes, edges); `place`: where a close date stands there:
    none, before today, and each day from today on. An edge that is today, before which nothing is won, is left out of all.
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
        factor = np.empty((len(kinds), PUSHES, len(ends)))
        for at, end in enumerate(ends):
            told = model.lessons.factors(end - today)
            factor[:, :, at] = told.date[kinds[:, at]][:, None] * told.pushes
        sizes = model.sizes
        usual, spread = np.nan_to_num(sizes.mean), np.nan_to_num(sizes.variance)
        return cls(
            today=today,
            edges=tuple(edges),
            stages=stages,
            oldest=ages - 1,
            slower=np.stack([np.log1p(-np.minimum(each, 1 - _CERTAIN)).ravel() for each in tables], axis=1),
            factor=factor.reshape(-1, len(ends)),
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

    def one(self, deals: Standing, at: int) -> tuple[int, int, float, float]:
        """What `where` and `brings` say of one deal, to the last bit: they take as long for one as for hundreds."""
        segment, pushes = int(deals.segment[at]), int(deals.pushes[at])
        cell = segment * self.stages + int(deals.stage[at])
        cell = cell * (self.oldest + 1) + min(int(deals.age[at]), self.oldest)
        day, amount = float(deals.close_date[at]), float(deals.amount[at])
        place = 0 if isnan(day) else min(max(floor(day) - self.today, -1), len(self.place) - 3) + 2
        row = int(self.place[place]) * PUSHES + evidence.pushed(pushes)
        if isnan(amount):
            return cell, row, float(self.mean[0][segment]), float(self.square[0][segment])
        return cell, row, self.mean[1] * amount, self.square[1] * (amount * amount)

    def sums(
        self,
        where: tuple[Index, Index],
        brings: tuple[Floats, Floats],
        grains: Sequence[float],
        room: "_Room",
        added: Floats,
    ) -> None:
        """Write what each deal adds to a cell into (sums, deals, spans), in whole grains of wins, money and squares of it."""
        count = len(where[0])
        left = self.slower.take(where[0], axis=0, mode="clip", out=room.left[:count])
        left *= self.factor.take(where[1], axis=0, mode="clip", out=room.factor[:count])
        np.exp(left, out=left)
        chance, brought, variance, shared = added
        if left.shape[1] > self.spans:
            np.subtract(left[:, :-1], left[:, 1:], out=chance)
        else:
            # The rows as one: much faster than many short ones. What it makes of their first columns is written over.
            flat = left.reshape(-1)
            np.subtract(flat[:-1], flat[1:], out=chance.reshape(-1)[1:])
            np.subtract(1.0, left[:, 0], out=chance[:, 0])
        # To look whether anything is out of bounds takes a fifth of the time that it takes to bound it.
        if chance.min() < 0.0:
            np.maximum(chance, 0.0, out=chance)
        wins, money, squares = grains
        mean = np.dot((brings[0] / money)[:, None], room.ones, out=room.mean[:count])
        square = np.dot((brings[1] / squares)[:, None], room.ones, out=room.square[:count])
        np.multiply(chance, mean, out=brought)
        np.multiply(chance, square, out=variance)
        np.multiply(brought, brought, out=square)
        square *= money * money / squares
        variance -= square
        slower = np.subtract(1.0, chance, out=square)
        if slower.min() < _CERTAIN:
            np.maximum(slower, _CERTAIN, out=slower)
        np.log(slower, out=shared)
        shared *= slower
        shared *= np.negative(mean, out=mean)
        chance *= 1 / wins
        np.rint(added, out=added)


@dataclass(frozen=True, slots=True)
class _Room:
    """Where the sums of some deals are worked out: to ask for it anew each time would take longer than the sums."""

    left: Floats
    factor: Floats
    mean: Floats
    square: Floats
    ones: Floats

    @classmethod
    def of(cls, ladder: Ladder, deals: int) -> "_Room":
        """For so many deals at most."""
        tables, cells = (deals, ladder.slower.shape[1]), (deals, ladder.spans)
        return cls(*(np.empty(shape) for shape in (tables, tables, cells, cells)), np.ones((1, ladder.spans)))


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
        brings, where = _each(ladder, deals)
        gauge = Gauge.of(*brings)
        grains = gauge.grains.tolist()
        # One row more, the last, takes what stands in no node.
        totals = np.zeros((SUMS, sum(sizes) * 2 + 1, ladder.spans))
        room = _Room.of(ladder, _ROWS)
        added = np.empty((SUMS, min(_AT_ONCE, len(deals)), ladder.spans))
        for start in range(0, len(deals), _AT_ONCE):
            stop = min(start + _AT_ONCE, len(deals))
            for first in range(start, stop, _ROWS):
                some = slice(first, min(first + _ROWS, stop))
                part = (where[0][some], where[1][some]), (brings[0][some], brings[1][some])
                ladder.sums(*part, grains, room, added[:, first - start : some.stop - start])
            into = _stands(nodes[:, start:stop], deals.due[start:stop], sizes)
            for each in range(SUMS):
                totals[each] += into @ added[each, : stop - start]
        cells = np.ascontiguousarray(totals[:, :-1].reshape(SUMS, -1, 2, ladder.spans).transpose(1, 2, 0, 3))
        return cls(ladder, tuple(sizes), gauge, gauge.grains, cells)

    def move(self, deals: Standing, nodes: Ints, signs: Sequence[int]) -> bool:
        """Put in deals as they stand (sign 1), and take out others as they stood (-1). `nodes`: as in `of`.

        False, with nothing changed, when the grains would be others: then the book is to be made anew.
        """
        cells, rows, means, squares = zip(*(self.ladder.one(deals, at) for at in range(len(deals))), strict=True)
        gauge = self.gauge.moved(means, squares, signs)
        if gauge.sizes != self.gauge.sizes:
            return False
        where, brings = (np.array(cells), np.array(rows)), (np.array(means), np.array(squares))
        added = np.empty((SUMS, len(deals), self.ladder.spans))
        self.ladder.sums(where, brings, self.grains.tolist(), _Room.of(self.ladder, len(deals)), added)
        by_deal = list(zip(deals.due.tolist(), signs, added.transpose(1, 0, 2), strict=True))
        first = 0
        for stands, size in zip(nodes.tolist(), self.sizes, strict=True):
            for node, (due, sign, sums) in zip(stands, by_deal, strict=True):
                if node != ELSEWHERE:
                    cell = self.cells[first + node, int(due)]
                    (np.add if sign > 0 else np.subtract)(cell, sums, cell)
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


def _stands(nodes: Ints, due: Flags, sizes: Sequence[int]) -> sparse.csc_array:
    """Ones where a deal, a column, stands in a node, two rows each: what all add, times this, is what stands in each."""
    last = sum(sizes) * 2
    firsts = np.cumsum([0, *sizes[:-1]])
    rows = np.where(nodes < 0, last, (nodes + firsts[:, None]) * 2 + due).T.astype(np.int32)
    starts = np.arange(0, rows.size + 1, rows.shape[1], dtype=np.int32)
    return sparse.csc_array((np.ones(rows.size), rows.ravel(), starts), shape=(last + 1, len(rows)))


def _each(ladder: Ladder, deals: Standing) -> tuple[tuple[Floats, Floats], tuple[Index, Index]]:
    """What every deal brings, and where it stands in the tables; some at a time, so that they stay near the processor."""
    brings = np.empty((2, len(deals)))
    where = np.empty((2, len(deals)), dtype=np.intp)
    for first in range(0, len(deals), _ROWS):
        some = slice(first, first + _ROWS)
        part = deals.where(some)
        brings[:, some] = ladder.brings(part)
        where[:, some] = ladder.where(part)
    return (brings[0], brings[1]), (where[0], where[1])


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
