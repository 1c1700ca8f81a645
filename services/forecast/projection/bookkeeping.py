"""Keeps a book up to date with the deals as they stand: few that moved are moved in it, else it is made anew. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Final

import numpy as np

from services.forecast.projection.book import MEAN, SHARED, SUMS, VARIANCE, WINS, Book, Ladder
from services.forecast.projection.engine import Model
from services.forecast.projection.lessons import Lessons
from services.forecast.projection.steps import Flags, Floats, Index, Ints, Standing

FEW: Final = 1000
"""Deals that are moved one by one at most."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A book of these deals, in these nodes (dimensions, deals), by these lessons. The book changes when it is kept on."""

    lessons: Lessons
    book: Book
    deals: Standing
    nodes: Ints


def kept(
    held: Kept | None, model: Model, edges: Sequence[int], deals: Standing, nodes: Ints, sizes: Sequence[int]
) -> Kept:
    """The book of `deals`, some of the model's, in `nodes`: the one held moved on, or another. To the last bit the same."""
    if held is None or held.lessons is not model.lessons or held.book.ladder.edges != tuple(edges):
        return Kept(model.lessons, Book.of(Ladder.of(model, edges), deals, nodes, sizes), deals, nodes)
    if held.book.sizes == tuple(sizes) and held.book.ladder.today == model.today:
        gone, come = _moved(held, deals, nodes)
        if len(gone) + len(come) <= FEW and _move(held, gone, deals, nodes, come):
            return Kept(model.lessons, held.book, deals, nodes)
    return Kept(model.lessons, Book.of(held.book.ladder, deals, nodes, sizes), deals, nodes)


def _move(held: Kept, gone: Ints, deals: Standing, nodes: Ints, come: Ints) -> bool:
    if not len(gone) and not len(come):
        return True
    before, after = held.deals.where(gone), deals.where(come)
    both = Standing(
        *(np.concatenate((getattr(before, each.name), getattr(after, each.name))) for each in fields(Standing))
    )
    where = np.concatenate((held.nodes[:, gone], nodes[:, come]), axis=1)
    return held.book.move(both, where, [-1] * len(gone) + [1] * len(come))


def _moved(held: Kept, deals: Standing, nodes: Ints) -> tuple[Ints, Ints]:
    """The rows of deals that no longer stand so, and of those that do now."""
    at = np.minimum(np.searchsorted(deals.deal, held.deals.deal), max(len(deals) - 1, 0))
    same: Flags = np.zeros(len(held.deals), dtype=bool)
    if len(deals) and len(held.deals):
        same = (held.nodes == nodes[:, at]).all(axis=0)
        for each in fields(Standing):
            old, new = getattr(held.deals, each.name), getattr(deals, each.name)[at]
            same &= (old == new) | ((old != old) & (new != new))
    stands = np.zeros(len(deals), dtype=bool)
    stands[at[same]] = True
    return np.flatnonzero(~same), np.flatnonzero(~stands)


def coming(
    model: Model, edges: Sequence[int], rates: Floats, doubts: Floats | float = 0.0
) -> tuple[Floats, Floats, Floats]:
    """What deals bring that are not created yet, in the spans between edges: wins, mean and variance, (nodes, spans).

    `rates`: of each node the deals created a day, (nodes, segments). `doubts`: of each what `Part` has, (nodes, 1).
    """
    born = np.stack([_newborn(model, edge) for edge in edges], axis=1)
    wins = rates @ np.diff(born, axis=1)
    each, spread = np.nan_to_num(model.sizes.mean), np.nan_to_num(model.sizes.variance)
    mean = (rates * each) @ np.diff(born, axis=1)
    created = rates.sum(axis=1)[:, None] * (np.array(edges[1:]) - model.today)
    scatter = 1 + (model.arrivals.dispersion - 1) * np.minimum(wins / np.maximum(created, 1e-12), 1.0)
    variance = (rates * spread) @ np.diff(born, axis=1) + scatter * ((rates * each**2) @ np.diff(born, axis=1))
    return wins, mean, variance + mean**2 / max(model.arrivals.evidence, 1.0) + doubts * mean**2


def falling_due(model: Model, edges: Sequence[int], part: Index, parts: int) -> Floats:
    """What contracts bring that fall due without a deal, in the spans between edges: the sums of a book, (parts, sums, spans).

    `part`: of each contract of the model, -1 for none of them. The last part is of all that are in one.
    """
    found = np.zeros((parts, SUMS, len(edges) - 1))
    inside = np.flatnonzero(part >= 0)
    for span, (start, end) in enumerate(pairwise(edges)):
        due = model.due(end, start=start, some=inside)
        deals, where = due.deals, part[due.rows]
        mean = deals.chance * deals.mean
        each = {
            WINS: deals.chance,
            MEAN: mean,
            VARIANCE: deals.chance * (deals.variance + deals.mean**2) - mean**2,
            SHARED: deals.responses,
        }
        for sums, adds in each.items():
            found[:, sums, span] = np.bincount(where, adds, parts)
            found[-1, sums, span] = adds.sum()
        found[:, VARIANCE, span] += (model.lessons.renewing.relative * found[:, MEAN, span]) ** 2
    return found


def _newborn(model: Model, end: int) -> Floats:
    found: Floats = model.curves(end).newborn.sum(axis=1) if end > model.today else np.zeros(len(model.arrivals.rate))
    return found
