"""Counts what happened, and how often it could have: deal-days and events by where a deal stood, its age there, and the day. Pure."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from services.forecast.projection.steps import LOST, OPEN, WON, Births, Flags, Floats, Ints, Stays

WIN: Final = 0
LOSS: Final = 1
MOVE: Final = 2
KINDS: Final = 3
_KIND_OF = {WON: WIN, LOST: LOSS, OPEN: MOVE}


@dataclass(frozen=True, slots=True)
class Counts:
    """By cell (segment, stage, age band; flattened in this order) and day from `first` up to yesterday.

    `exposure`: deals that could have moved that day, (cells, days). `events`: those that did, (kinds, cells, days).
    `moves`: to which stage deals moved, (stages, stages). `born`: deals created, (segments, days). `first_stage`: where
    they stood in the evening, (segments, stages + 2), the last two columns won and lost at once.
    """

    first: int
    shape: tuple[int, int, int]
    exposure: Floats
    events: Floats
    moves: Floats
    born: Floats
    first_stage: Floats

    @property
    def days(self) -> int:
        return int(self.exposure.shape[1])

    def since(self, day: int) -> "Counts":
        """Without the days before `day`."""
        left_out = max(0, day - self.first)
        return replace(
            self,
            first=self.first + left_out,
            exposure=self.exposure[:, left_out:],
            events=self.events[:, :, left_out:],
            born=self.born[:, left_out:],
        )


def count(
    stays: Stays, births: Births, *, first: int, today: int, segments: int, stages: int, ages: tuple[int, ...]
) -> Counts:
    """Count the days from `first` up to `today`, which is not one of them. Earlier days are left out."""
    days = today - first
    shape = (segments, stages, len(ages))
    cells = segments * stages * len(ages)
    place = (stays.segment.astype(np.int64) * stages + stays.stage) * len(ages)
    lasted = stays.left - stays.entered
    begins, ends = [], []
    for band, low in enumerate(ages):
        high = ages[band + 1] if band + 1 < len(ages) else np.iinfo(np.int32).max
        begin = np.maximum(stays.entered + low - first, 0)
        end = np.minimum(np.minimum(stays.entered + high, stays.left + 1) - first, days)
        counted = (lasted >= low) & (end > begin)
        row = (place[counted] + band) * (days + 1)
        begins.append(row + begin[counted])
        ends.append(row + end[counted])
    size = cells * (days + 1)
    change = np.bincount(np.concatenate(begins), minlength=size) - np.bincount(np.concatenate(ends), minlength=size)
    exposure = np.cumsum(change.reshape(cells, days + 1), axis=1)[:, :days].astype(float)
    happened = [np.zeros((cells, days)) for _ in range(KINDS)]
    band_of = place + np.searchsorted(np.array(ages), lasted, side="right") - 1
    for state, kind in _KIND_OF.items():
        rows = (stays.kind == state) & (stays.left >= first) & (lasted >= 1)
        at = band_of[rows] * days + stays.left[rows] - first
        happened[kind] = np.bincount(at, minlength=cells * days).reshape(cells, days).astype(float)
    moved = stays.kind == OPEN
    moves = np.bincount(
        stays.stage[moved].astype(np.int64) * stages + stays.to[moved], minlength=stages * stages
    ).reshape(stages, stages)
    return Counts(
        first, shape, exposure, np.stack(happened), moves.astype(float), *_born(births, first, days, segments, stages)
    )


def created(births: Births, which: Flags, first: int, days: int, segments: int) -> Floats:
    """How many of the deals, by a flag for each, were created on each of so many days, (segments, days)."""
    seen = which & (births.day >= first)
    segment, day = births.segment[seen].astype(np.int64), births.day[seen] - first
    return np.bincount(segment * days + day, minlength=segments * days).reshape(segments, days).astype(float)


def _born(births: Births, first: int, days: int, segments: int, stages: int) -> tuple[Floats, Floats]:
    born = created(births, np.ones(len(births.day), dtype=bool), first, days, segments)
    into = np.where(births.state == OPEN, births.stage, stages + births.state - 1)
    first_stage = np.bincount(
        births.segment.astype(np.int64) * (stages + 2) + into, minlength=segments * (stages + 2)
    ).reshape(segments, stages + 2)
    return born, first_stage.astype(float)


def weights(days: int, half_life: float) -> Floats:
    """What each of the last `days` days counts: yesterday 1, a `half_life` earlier half."""
    counted: Floats = 0.5 ** (np.arange(days)[::-1] / half_life)
    return counted


def days_of(counts: Counts) -> Ints:
    """The days counted, since 1970."""
    return np.arange(counts.first, counts.first + counts.days)
