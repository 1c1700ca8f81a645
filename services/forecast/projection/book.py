"""A book of what open deals add to many nodes and spans of days at once: one pass makes it, one event changes it. Pure.

A span lies between two edges. A cell holds four sums over the deals of a node: the wins expected in the span, their mean, their
variance, and how far the mean follows a shock that all deals share. What a deal adds is rounded to grains, powers of two so
fine that no sum of them needs more digits than a float has. So every sum is exact, in whatever order deals come and go, and
a book that was changed event by event is to the last bit the one made anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import frexp
from typing import Final

import numpy as np

from services.forecast.projection import evidence
from services.forecast.projection.engine import Model
from services.forecast.projection.evidence import PUSHES
from services.forecast.projection.landing import gamma_quantiles
from services.forecast.projection.steps import Flags, Floats, Index, Ints, Standing

WINS, MEAN, VARIANCE, SHARED = range(4)
SUMS: Final = 4
ELSEWHERE: Final = -1
"""A deal that stands in no node of a dimension."""
_ROWS: Final = 1 << 12
_AT_ONCE: Final = 1 << 15
"""Deals whose sums are worked out together, so that they stay near the processor, and that are then added together."""
_PAIRS: Final = 1 << 12
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

    def sums(self, where: tuple[Index, Index], brings: tuple[Floats, Floats], grains: Floats, into: Floats) -> None:
        """Write what each deal adds to a cell into (sums, spans, deals), in whole grains."""
        cells, rows = self.slower.take(where[0], axis=0, mode="clip"), self.factor.take(where[1], axis=0, mode="clip")
        left = np.ascontiguousarray(np.multiply(cells, rows, out=cells).T)
        np.exp(left, out=left)
        skipped = len(left) - self.spans
        chance = np.empty((self.spans, left.shape[1]))
        if not skipped:
            np.subtract(1.0, left[0], out=chance[0])
        np.subtract(left[:-1], left[1:], out=chance[1 - skipped :])
        np.maximum(chance, 0.0, out=chance)
        wins, money, squares = grains.tolist()
        mean, square = brings[0] / money, brings[1] / squares
        brought = chance * mean
        np.rint(brought, out=into[MEAN])
        brought *= brought
        brought *= money * money / squares
        variance = chance * square
        variance -= brought
        np.rint(variance, out=into[VARIANCE])
        slower = np.subtract(1.0, chance, out=variance)
        np.maximum(slower, _CERTAIN, out=slower)
        shared = np.log(slower, out=brought)
        shared *= slower
        shared *= -mean
        np.rint(shared, out=into[SHARED])
        chance /= wins
        np.rint(chance, out=into[WINS])


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

    def moved(self, means: Floats, squared: Floats, signs: Sequence[int]) -> "Gauge":
        """With deals that come (1) and go (-1)."""
        deals, money, squares = self.deals, self.money, self.squares
        for sign, brought, square in zip(signs, means.tolist(), squared.tolist(), strict=True):
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
        grains = gauge.grains
        pairs = _together(sizes)
        keys, counts = zip(
            *(_key(nodes[pair], [sizes[each] for each in pair], deals.due) for pair in pairs), strict=True
        )
        totals = [np.zeros((SUMS, ladder.spans, count)) for count in counts]
        added = np.empty((SUMS, ladder.spans, min(_AT_ONCE, len(deals))))
        for start in range(0, len(deals), _AT_ONCE):
            stop = min(start + _AT_ONCE, len(deals))
            for first in range(start, stop, _ROWS):
                some = slice(first, min(first + _ROWS, stop))
                where, bring = ladder.where(deals.where(some)), (brings[0][some], brings[1][some])
                ladder.sums(where, bring, grains, added[:, :, first - start : some.stop - start])
            for key, count, total in zip(keys, counts, totals, strict=True):
                for at in np.ndindex(SUMS, ladder.spans):
                    total[at] += np.bincount(key[start:stop], added[at][: stop - start], count)
        cells = np.zeros((sum(sizes), 2, SUMS, ladder.spans))
        firsts = np.cumsum([0, *sizes])
        for pair, total in zip(pairs, totals, strict=True):
            whole = total.reshape(SUMS, ladder.spans, *(sizes[each] + 1 for each in pair), 2)
            for place, each in enumerate(pair):
                others = tuple(2 + other for other in range(len(pair)) if other != place)
                own = whole.sum(axis=others)[:, :, :-1]
                cells[firsts[each] : firsts[each + 1]] = own.transpose(2, 3, 0, 1)
        return cls(ladder, tuple(sizes), gauge, grains, cells)

    def move(self, deals: Standing, nodes: Ints, signs: Sequence[int]) -> bool:
        """Put in deals as they stand (sign 1), and take out others as they stood (-1). `nodes`: as in `of`.

        False, with nothing changed, when the grains would be others: then the book is to be made anew.
        """
        brings = self.ladder.brings(deals)
        gauge = self.gauge.moved(*brings, signs)
        if gauge.sizes != self.gauge.sizes:
            return False
        added = np.empty((SUMS, self.ladder.spans, len(deals)))
        self.ladder.sums(self.ladder.where(deals), brings, self.grains, added)
        first = 0
        due = deals.due.tolist()
        for stands, size in zip(nodes.tolist(), self.sizes, strict=True):
            for at, node in enumerate(stands):
                if node != ELSEWHERE:
                    cell = self.cells[first + node, int(due[at])]
                    (np.add if signs[at] > 0 else np.subtract)(cell, added[:, :, at], out=cell)
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


def _together(sizes: Sequence[int]) -> list[list[int]]:
    """The dimensions, small ones together: adding to all pairs of their nodes at once costs no more than adding to one's."""
    found: list[list[int]] = []
    count = 0
    for each in np.argsort(sizes, kind="stable").tolist():
        if found and count * (sizes[each] + 1) <= _PAIRS:
            found[-1].append(each)
            count *= sizes[each] + 1
        else:
            found.append([each])
            count = sizes[each] + 1
    return found


def _key(nodes: Ints, sizes: Sequence[int], due: Flags) -> tuple[Index, int]:
    """One number of where each deal stands in some dimensions, and how many there are; ELSEWHERE is each one's last."""
    key = np.zeros(nodes.shape[1], dtype=np.intp)
    count = 1
    for stands, size in zip(nodes, sizes, strict=True):
        key *= size + 1
        key += np.where(stands < 0, size, stands)
        count *= size + 1
    return key * 2 + due, count * 2


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
