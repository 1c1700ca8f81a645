"""The longest way through tasks that wait for each other. Pure."""

from collections.abc import Collection, Mapping
from typing import TypeVar
from uuid import UUID

import numpy as np
import numpy.typing as npt

Length = TypeVar("Length", float, npt.NDArray[np.float64])
"""Days of one task: a number, or one per draw of a simulation."""


class Cycle(ValueError):
    """Tasks that wait for each other in a circle: `tasks` are those on it, each waiting for the one before, the first for the last."""

    def __init__(self, tasks: list[UUID]) -> None:
        super().__init__(" → ".join(map(str, tasks)))
        self.tasks = tasks


def ordered(after: Mapping[UUID, Collection[UUID]]) -> list[UUID]:
    """All tasks, each behind those it waits for; ties by the mapping's order. Raises Cycle; KeyError for a task that is not there."""
    done: dict[UUID, None] = {}
    for first in after:
        trail: dict[UUID, list[UUID]] = {}
        _enter(first, after, trail, done)
        while trail:
            task, waiting = next(reversed(trail.items()))
            if waiting:
                _enter(waiting.pop(), after, trail, done)
            else:
                del trail[task]
                done[task] = None
    return list(done)


def _enter(
    task: UUID, after: Mapping[UUID, Collection[UUID]], trail: dict[UUID, list[UUID]], done: Mapping[UUID, None]
) -> None:
    if task in trail:
        on_trail = list(trail)
        raise Cycle(on_trail[on_trail.index(task) :][::-1])
    if task not in done:
        trail[task] = list(after[task])[::-1]


def finishes(after: Mapping[UUID, Collection[UUID]], lengths: Mapping[UUID, Length]) -> dict[UUID, Length]:
    """Days from now until each task is finished when each begins as soon as it may: the longest way up to and with it.

    With draws the maximum is taken draw by draw. What a task waits for and `lengths` does not have is done. Raises Cycle.
    """
    found: dict[UUID, Length] = {}
    for task in ordered({each: [one for one in after[each] if one in lengths] for each in lengths}):
        begins: Length | None = None
        for one in after[task]:
            if one in found:
                begins = found[one] if begins is None else np.maximum(begins, found[one])
        found[task] = lengths[task] if begins is None else begins + lengths[task]
    return found


def critical(after: Mapping[UUID, Collection[UUID]], lengths: Mapping[UUID, float]) -> list[UUID]:
    """The tasks of the longest way, the first to do first; of ways of one length the one that ends in the smallest ids."""
    ends = finishes(after, lengths)
    if not ends:
        return []
    way = [min(ends, key=lambda task: (-ends[task], task))]
    while before := [one for one in after[way[-1]] if one in ends]:
        way.append(min(before, key=lambda task: (-ends[task], task)))
    return way[::-1]
