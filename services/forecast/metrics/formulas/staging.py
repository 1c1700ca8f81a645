"""Conversion from stage to stage, time in stage, stalled deals. Pure."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from libs.common.signals import VISITS_NEEDED
from services.forecast.history.columns import Codes, Columns, Flags, Index, Ints, micros
from services.forecast.metrics.formulas import figures
from services.forecast.metrics.formulas.figures import Factor, Figure
from services.forecast.metrics.formulas.items import Entry, Items, Part, Role, quantiles
from services.forecast.metrics.formulas.scene import DAY, WON, Scene, once


@dataclass(frozen=True)
class Stages:
    """The stages in which open deals have stood, by pipeline and in their order. A stage is a pair of pipeline and stage."""

    index: Codes
    """The stage of each pair of codes of pipeline and stage, by `_pair`."""
    pipeline: Codes
    place: Codes
    """The place of each in its pipeline, from 0."""
    keys: tuple[str, ...]
    """`pipeline/stage`."""

    @cached_property
    def lengths(self) -> Ints:
        """How many stages each pipeline has, by its code."""
        return np.bincount(self.pipeline)

    def at(self, pipeline: Codes, place: Ints) -> Codes:
        """The stage at a place of a pipeline."""
        begins = np.cumsum(self.lengths) - self.lengths
        found: Codes = (begins[pipeline] + place).astype(np.int32)
        return found

    def of(self, columns: Columns, rows: Index) -> Codes:
        """The stage of each row, as an index; rows must stand in one of these."""
        found: Codes = self.index[_pair(columns, rows)]
        return found


def _pair(columns: Columns, rows: Index) -> Ints:
    pair: Ints = columns.pipeline[rows].astype(np.int64) * len(columns.words["stage"].texts) + columns.stage[rows]
    return pair


def _open_rows(columns: Columns, rows: Index) -> Index:
    return rows[columns.is_in("state", ["open"], rows) & ~columns.gone[rows]]


@once
def stages(scene: Scene) -> Stages:
    """All stages of open deals of the company, in order: by the probability that most entries have, else by how they follow.

    Where a stage of a pipeline has no probability, its stages stand as deals came to them: by how many others they had seen.
    """
    columns = scene.columns
    rows = _open_rows(columns, scene.timeline)
    width = len(columns.words["stage"].texts)
    pair = _pair(columns, rows)
    by_pair = np.zeros(len(columns.words["pipeline"].texts) * width, dtype=np.int32)
    pairs = np.flatnonzero(np.bincount(pair, minlength=len(by_pair)))
    by_pair[pairs] = np.arange(len(pairs))
    index = by_pair[pair]
    pipeline = (pairs // width).astype(np.int32)
    names = [columns.words["stage"].texts[code] or "" for code in (pairs % width).tolist()]
    probability = _probabilities(columns, rows, index, len(pairs))
    is_plain = not np.isnan(probability).any() and len(set(zip(pipeline, probability, strict=True))) == len(pairs)
    depth = np.zeros(len(pairs)) if is_plain else _depths(columns, rows, index, len(pairs))
    ordered: list[int] = []
    place = np.zeros(len(pairs), dtype=np.int32)
    for each in np.unique(pipeline).tolist():
        own = np.flatnonzero(pipeline == each)
        known = depth if np.isnan(probability[own]).any() else probability
        place[len(ordered) : len(ordered) + len(own)] = np.arange(len(own))
        ordered += sorted(own.tolist(), key=lambda one: (known[one], depth[one], names[one]))
    by_pair[pairs[ordered]] = np.arange(len(pairs))
    pipelines = columns.words["pipeline"].texts
    keys = tuple(f"{pipelines[pipeline[each]]}/{names[each]}" for each in ordered)
    return Stages(by_pair, pipeline[ordered], place, keys)


def _probabilities(columns: Columns, rows: Index, index: Codes, size: int) -> npt.NDArray[np.float64]:
    """The probability that most entries of each stage have; nan where none has one. Of equally many the higher."""
    texts = columns.words["probability"].texts
    value = np.array([np.nan if text is None else float(text) for text in texts])
    found = np.full(size, np.nan)
    counts = np.bincount(index.astype(np.int64) * len(texts) + columns.probability[rows], minlength=size * len(texts))
    both = np.flatnonzero(counts)
    counts = counts[both]
    stage, chance = both // len(texts), value[both % len(texts)]
    known = ~np.isnan(chance)
    order = np.lexsort((chance[known], counts[known]))
    found[stage[known][order]] = chance[known][order]
    return found


def _depths(columns: Columns, rows: Index, index: Codes, size: int) -> npt.NDArray[np.float64]:
    """How many other stages deals had seen, on average, before they came into each."""
    deal = columns.deal[rows]
    first = np.sort(np.unique(deal.astype(np.int64) * size + index, return_index=True)[1]) if size else rows
    deal, index = deal[first], index[first]
    begins = np.ones(len(deal), dtype=bool)
    begins[1:] = deal[1:] != deal[:-1]
    nth = np.arange(len(deal)) - np.maximum.accumulate(np.where(begins, np.arange(len(deal)), 0))
    counts = np.maximum(np.bincount(index, minlength=size), 1)
    return np.bincount(index, weights=nth, minlength=size) / counts


CONVERSION = (
    Role("reached", in_numerator=True, in_denominator=True),
    Role("left", in_denominator=True),
    Role("still_there", in_denominator=True),
)


def conversions(scene: Scene) -> Items:
    """Every stage that a deal first entered in the period, once per deal, by whether it came to the next.

    A deal enters all stages up to the one in which it stands, so skipped ones are passed; a won one has passed all of its
    pipeline. Deals that are known only closed are in none.
    """
    found = stages(scene)
    at, stage, reached = _entered(scene, found)
    stays = ~reached & scene.columns.is_in("state", ["open"], scene.population.rows)[at]
    amount, priced = scene.population.amount
    entries = [
        Entry(role, at[here], (amount[at[here]], priced[at[here]]), slot=stage[here])
        for role, here in (("reached", reached), ("left", ~reached & ~stays), ("still_there", stays))
    ]
    return Items.of(CONVERSION, entries, found.keys or ("",))


def _entered(scene: Scene, found: Stages) -> tuple[Index, Codes, Flags]:
    """Deals, the stages they first entered in the period, and whether they came further."""
    columns = scene.columns
    rows = _open_rows(columns, scene.held)
    if len(np.unique(found.pipeline)) > 1:
        rows = rows[np.argsort(columns.pipeline[rows].astype(np.int16), kind="stable")]
    who, pipeline = scene.places[columns.deal[rows]], columns.pipeline[rows]
    place = found.place[found.of(columns, rows)].astype(np.int64)
    begins = np.ones(len(rows), dtype=bool)
    begins[1:] = (who[1:] != who[:-1]) | (pipeline[1:] != pipeline[:-1])
    journey = np.cumsum(begins) - 1
    wide = len(found.place) + 1
    furthest = np.maximum.accumulate(place + journey * wide) - journey * wide
    before = np.where(begins, -1, np.roll(furthest, 1))
    first = np.flatnonzero(begins)
    last = np.append(first[1:], len(rows))[: len(first)] - 1
    # A won deal comes to the end of the pipeline in which it was won, when it was.
    deal, way, top = who[first], pipeline[first], furthest[last]
    won = (scene.population.line[deal] == WON) & (columns.pipeline[scene.population.rows[deal]] == way)
    when = np.zeros(len(columns.words["deal"].texts), dtype=np.int64)
    closing = scene.turned("won")
    when[columns.deal[closing]] = columns.valid_from[closing]
    end = np.where(won, found.lengths[way] - 1, top) if len(way) else top
    # Only moves of the period are looked at further.
    at, ends = columns.stage_entered_at[rows], when[columns.deal[scene.population.rows[deal]]]
    moved = np.flatnonzero((furthest > before) & scene.in_period(at))
    closed = np.flatnonzero((end > top) & scene.in_period(ends))
    low, high = np.concatenate((before[moved], top[closed])), np.concatenate((furthest[moved], end[closed]))
    trip = np.concatenate((journey[moved], closed))
    steps = high - low
    move = np.repeat(np.arange(len(steps)), steps)
    entered = low[move] + 1 + np.arange(len(move)) - np.repeat(np.cumsum(steps) - steps, steps)
    trip = trip[move]
    return deal[trip], found.at(way[trip], entered), (top[trip] > entered) | won[trip]


def conversion(part: Part, scene: Scene) -> Figure:
    """Reached the next stage / entered."""
    del scene
    figure = figures.share(part, "count", of="deals entered a stage in the period")
    return replace(figure, factors=(Factor("still_there", "count", part.count("still_there")),))


VISITS = (Role("left", in_numerator=True, in_denominator=True),)


@dataclass(frozen=True)
class Visits:
    """Stays of open deals in a stage that have ended: rows of their beginning, spans, and the instants of their end."""

    rows: Index
    span: Ints
    timed: Flags
    end: Ints


def visits(columns: Columns, held: Index) -> Visits:
    """The ended stays among entries ordered by deal and time. What was removed in between did not leave."""
    rows = held[~columns.gone[held]]
    opened = columns.is_in("state", ["open"], rows)
    pair, deal = np.where(opened, _pair(columns, rows), -1), columns.deal[rows]
    begins = np.ones(len(rows), dtype=bool)
    begins[1:] = (deal[1:] != deal[:-1]) | (pair[1:] != pair[:-1])
    first = np.flatnonzero(begins)
    following = np.append(first[1:], first[-1:])
    ended = opened[first] & (deal[following] == deal[first]) & (following > first)
    first, following = rows[first[ended]], rows[following[ended]]
    span = columns.valid_from[following] - columns.stage_entered_at[first]
    return Visits(first, np.maximum(span, 0), span >= 0, columns.valid_from[following])


def left(scene: Scene) -> Items:
    """The stays in a stage that ended in the period: by a move, in either direction, or by closing."""
    found, every = stages(scene), visits(scene.columns, scene.held)
    here = scene.in_period(every.end)
    rows = every.rows[here]
    amount, priced = scene.population.amount
    at = scene.places[scene.columns.deal[rows]]
    entry = Entry(
        "left", at, (amount[at], priced[at]), (every.span[here], every.timed[here]), found.of(scene.columns, rows)
    )
    return Items.of(VISITS, [entry], found.keys or ("",))


def time_in_stage(part: Part, scene: Scene) -> Figure:
    """Mean days of a stay."""
    del scene
    return figures.mean_days(part, of="stays in a stage ended in the period")


STANDING = (Role("open", in_numerator=True, in_denominator=True),)


def standing(scene: Scene) -> Items:
    """The open deals, since when they stand in their stage."""
    found = stages(scene)
    at = np.flatnonzero(scene.is_open)
    amount, priced = scene.population.amount
    rows = scene.population.rows[at]
    entry = Entry("open", at, (amount[at], priced[at]), _ages(scene, rows), found.of(scene.columns, rows))
    return Items.of(STANDING, [entry], found.keys or ("",))


def _ages(scene: Scene, rows: Index) -> tuple[Ints, Flags]:
    age = micros(scene.as_of) - scene.columns.stage_entered_at[rows]
    return np.maximum(age, 0), age >= 0


def age(part: Part, scene: Scene) -> Figure:
    """Mean days since stage entry."""
    del scene
    return figures.mean_days(part, of="open deals")


STALLED = (
    Role("stalled", in_numerator=True, in_denominator=True),
    Role("moving", in_denominator=True),
    Role("not_judged"),
)


@once
def stalled(scene: Scene) -> tuple[Flags, Flags]:
    """Which deals of the population are open for longer in their stage than p75 of won deals, and which can be judged.

    Usual: the stays of all won deals of the company in that stage and segment; of any segment where there are too few.
    """
    columns, found = scene.columns, stages(scene)
    late, judged = np.zeros(len(scene), dtype=bool), np.zeros(len(scene), dtype=bool)
    is_won = np.zeros(len(columns.words["deal"].texts), dtype=bool)
    is_won[columns.deal[scene.turned("won")]] = True
    held = scene.timeline[is_won[columns.deal[scene.timeline]]]
    every = visits(columns, held)
    stage, segment = found.of(columns, every.rows), columns.segment[every.rows]
    at = np.flatnonzero(scene.is_open)
    rows = scene.population.rows[at]
    own, width = found.of(columns, rows), len(columns.words["segment"].texts)
    finer = _usual(every, stage.astype(np.int64) * width + segment, len(found.keys) * width)
    coarse = _usual(every, stage, len(found.keys))
    usual = finer[own.astype(np.int64) * width + columns.segment[rows]] if len(at) else np.empty(0)
    usual = np.where(np.isnan(usual), coarse[own], usual) if len(at) else usual
    span, timed = _ages(scene, rows)
    judged[at] = ~np.isnan(usual) & timed
    late[at] = judged[at] & (span > usual * DAY)
    return late, judged


def _usual(every: Visits, group: Any, size: int) -> npt.NDArray[np.float64]:
    """p75 of stays in days by group; nan where they are too few."""
    group = group[every.timed]
    found = quantiles(every.span[every.timed], group, size, 0.75)
    found[np.bincount(group, minlength=size) < VISITS_NEEDED] = np.nan
    return found


def stalling(scene: Scene) -> Items:
    """The open deals, by whether they stand in their stage for longer than is usual for won ones."""
    late, judged = stalled(scene)
    found = stages(scene)
    amount, priced = scene.population.amount
    entries = []
    for role, here in (("stalled", late), ("moving", judged & ~late), ("not_judged", scene.is_open & ~judged)):
        at = np.flatnonzero(here)
        rows = scene.population.rows[at]
        entries.append(Entry(role, at, (amount[at], priced[at]), _ages(scene, rows), found.of(scene.columns, rows)))
    return Items.of(STALLED, entries, found.keys or ("",))


def share_stalled(part: Part, scene: Scene) -> Figure:
    """Stalled / judged, deals, with what the stalled ones are worth."""
    del scene
    figure = figures.share(part, "count", of="open deals in stages whose usual time is known")
    worth = None if part.is_mixed else part.amount("stalled")
    return replace(
        figure,
        unknown=part.count("not_judged"),
        factors=(Factor("stalled_amount", "money", worth, part.priced("stalled")),),
    )
