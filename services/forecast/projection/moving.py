"""Why a projection moved: what each deal and the deals not created yet added to the mean then and now, by what changed. Pure.

A deal that is open at both ends is led from then to now one change at a time, in the order of LED: days passed, its stage, its
segment, its close date, its pushes, its amount. Each step is judged by what was known then, with all that follows it as it was;
the rest is what the model learnt since. A change that acts through another counts with the later of both. Every other order
would add up as well; their average (Shapley) would ask each deal a hundred times. Every other deal moved by one term.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from services.forecast.projection.engine import Model, Part
from services.forecast.projection.reading import OMITTED, OTHER
from services.forecast.projection.sizes import Sizes
from services.forecast.projection.steps import LOST, WON, Flags, Floats, Index, Ints, Small, Standing

NOWHERE: Final = np.int8(-1)
"""The state of a deal that nobody knew of."""

AT_ONCE: Final = (
    *("won", "corrected", "reversed", "elsewhere", "created", "reopened", "lost", "removed"),
    *("moved_in", "moved_out"),
)
"""Terms of deals that are not open at both ends: all that they moved is one of these."""
LED: Final = ("time", "stage", "omitted", "segment", "close_date", "pushes", "amount", "learnt")
"""Terms of deals that are open at both ends, in the order in which they are led from then to now."""
TERMS: Final = (*AT_ONCE, *LED)
NEW: Final = ("new_time", "new_learnt")
"""Terms of what is not created yet: fewer days are left, and what was learnt since."""


@dataclass(frozen=True, slots=True)
class Look:
    """A part of a company at one end. `deal` is the code of each deal number, the same at both ends.

    `won`: the codes of deals that are closed won and count in the period; `brought`: what each does.
    """

    model: Model
    deal: Index
    part: Part | None
    won: Index
    brought: Floats


@dataclass(frozen=True, slots=True)
class Side:
    """Deals at one end: the chance to be won in the period (1 for those that are and count in it), what each brings if it
    is, and what it adds to the projection. `row`: its place in the model's standing deals, -1 for one that is not open there.
    """

    chance: Floats
    brings: Floats
    adds: Floats
    row: Ints

    def of(self, deals: Ints) -> "Side":
        return Side(self.chance[deals], self.brings[deals], self.adds[deals], self.row[deals])


@dataclass(frozen=True, slots=True)
class Moved:
    """Deals by their codes, then and now; `worth` and `chance`: what each term moved of each deal, in the order of TERMS.

    then.adds + all terms of `worth` = now.adds, and so for the chances. `new`: what NEW moved of what is not created yet.
    """

    deal: Ints
    then: Side
    now: Side
    worth: Mapping[str, Floats]
    chance: Mapping[str, Floats]
    new: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class _Stood:
    """All deals by code at one end. `inside`: belongs to the part; `counts`: closed won in the period."""

    side: Side
    state: Small
    inside: Flags
    counts: Flags

    @property
    def stands(self) -> Flags:
        """Open, and in the part."""
        return (self.side.row >= 0) & self.inside & ~self.counts


def explain(then: Look, now: Look, start: int, end: int) -> Moved:
    """What moved the part's mean for the days from `start` to before `end`. `now` is not before `then`."""
    codes = 1 + max((int(each.max(initial=-1)) for each in (then.deal, now.deal, then.won, now.won)), default=0)
    before, after = (_stood(each, codes, start, end) for each in (then, now))
    worth, chance = ({name: np.zeros(codes) for name in TERMS} for _ in range(2))
    led = before.stands & after.stands
    _at_once(before, after, ~led, worth, chance)
    _lead((then.model, now.model), before, after, led, _chances(then.model, start, end, now.model.today), worth, chance)
    told = np.flatnonzero(before.stands | after.stands | before.counts | after.counts)
    return Moved(
        told,
        before.side.of(told),
        after.side.of(told),
        {name: moved[told] for name, moved in worth.items()},
        {name: moved[told] for name, moved in chance.items()},
        _new(then, now, start, end),
    )


def _stood(look: Look, codes: int, start: int, end: int) -> _Stood:
    model = look.model
    numbers = np.arange(len(look.deal))
    state, inside = np.full(codes, NOWHERE), np.zeros(codes, dtype=bool)
    rows = model.evenings
    state[look.deal[rows.deal]] = rows.state  # in order of time: the last of each deal stays
    inside[look.deal] = True if look.part is None else look.part.deals[numbers]
    counts = np.zeros(codes, dtype=bool)
    counts[look.won] = True
    chance, brings, row = np.zeros(codes), np.zeros(codes), np.full(codes, -1, dtype=np.int64)
    standing = look.deal[model.standing.deal]
    row[standing] = np.arange(len(standing))
    chance[standing] = _chances(model, start, end, model.today)(model.standing)
    brings[standing] = _brings(model.sizes, model.standing)
    idle = ~inside | (row < 0)
    chance[idle], brings[idle] = 0.0, 0.0
    chance[look.won], brings[look.won] = 1.0, look.brought
    return _Stood(Side(chance, brings, chance * brings, row), state, inside, counts)


def _chances(model: Model, start: int, end: int, today: int) -> Callable[[Standing], Floats]:
    """Each deal's chance to be won in the period, standing so when the day `today` begins; none when the period is over."""
    if today >= end:
        return lambda deals: np.zeros(len(deals))
    return model.ahead(end, start=start, today=today).of


def _brings(sizes: Sizes, deals: Standing) -> Floats:
    return np.nan_to_num(sizes.of(deals.segment, deals.amount)[0])


def _at_once(before: _Stood, after: _Stood, which: Flags, worth: dict[str, Floats], chance: dict[str, Floats]) -> None:
    """Deals that are not open at both ends: all that they moved is one term, the first that fits."""
    was, then = before.counts, before.stands
    is_won, now = after.counts, after.stands
    came = ~before.inside & (before.state != NOWHERE)
    went = ~after.inside & (after.state != NOWHERE)
    fits = [
        ("corrected", was & is_won),
        ("moved_in", (is_won | now) & came),
        ("elsewhere", is_won & (before.state == WON)),
        ("won", is_won),
        ("moved_out", (was | then) & went),
        ("elsewhere", (was | then) & (after.state == WON)),
        ("reversed", was),
        ("created", now & (before.state == NOWHERE)),
        ("reopened", now),
        ("lost", then & (after.state == LOST)),
        ("removed", then),
    ]
    place = np.select([fit & which for _, fit in fits], list(range(len(fits))), -1)
    moved, by = after.side.adds - before.side.adds, after.side.chance - before.side.chance
    for at, (name, _) in enumerate(fits):
        worth[name] += np.where(place == at, moved, 0.0)
        chance[name] += np.where(place == at, by, 0.0)


def _lead(
    models: tuple[Model, Model],
    before: _Stood,
    after: _Stood,
    which: Flags,
    later: Callable[[Standing], Floats],
    worth: dict[str, Floats],
    chance: dict[str, Floats],
) -> None:
    """Deals that are open at both ends: from then to now, one change at a time; `later`: their chances now, by the model of then."""
    then, now = models
    here, there = then.standing.where(before.side.row[which]), now.standing.where(after.side.row[which])
    chances, values = [before.side.chance[which]], [before.side.adds[which]]
    changes = _changes(then, now, here, there)
    for _, deals in changes:
        chances.append(later(deals))
        values.append(chances[-1] * _brings(then.sizes, deals))
    chances.append(after.side.chance[which])
    values.append(after.side.adds[which])
    is_omitted = _omitted(then, here) != _omitted(now, there)
    for at, name in enumerate([*(name for name, _ in changes), "learnt"]):
        by, moved = chances[at + 1] - chances[at], values[at + 1] - values[at]
        aside = is_omitted if name == "stage" else np.zeros(len(by), dtype=bool)
        for term, counted in ((name, ~aside), ("omitted", aside)):
            worth[term][which] += np.where(counted, moved, 0.0)
            chance[term][which] += np.where(counted, by, 0.0)


def _changes(then: Model, now: Model, here: Standing, there: Standing) -> list[tuple[str, Standing]]:
    """The deals after each change, in the codes of then. A name that was not known then is no change: it was learnt."""
    stage, is_known = _translated(there.stage, now.evenings.stages, then.evenings.stages)
    aged = replace(here, age=here.age + (now.today - then.today))
    stage, age = np.where(is_known, stage, here.stage), np.where(is_known, there.age, aged.age)
    segment, is_known = _translated(there.segment, now.evenings.segments, then.evenings.segments)
    # Which segments are too rare to stand apart is the model's doing, not the deal's.
    pooled = _named(there.segment, now.evenings.segments, OTHER)
    pooled &= ~_translated(here.segment, then.evenings.segments, now.evenings.segments)[1]
    segment = np.where(is_known & ~pooled, segment, here.segment)
    found = [("time", aged), ("stage", replace(aged, stage=stage.astype(np.int32), age=age))]
    found.append(("segment", replace(found[-1][1], segment=segment.astype(np.int32))))
    for name in ("close_date", "pushes", "amount"):
        found.append((name, replace(found[-1][1], **{name: getattr(there, name)})))
    return found


def _translated(codes: Index, names: tuple[str, ...], into: tuple[str, ...]) -> tuple[Ints, Flags]:
    """Codes of the same names elsewhere, and of which there is one."""
    places = {name: at for at, name in enumerate(into)}
    code = np.array([places.get(name, -1) for name in names], dtype=np.int64)
    found = code[codes]
    return found, found >= 0


def _named(codes: Index, names: tuple[str, ...], wanted: str) -> Flags:
    found: Flags = np.array([name == wanted for name in names], dtype=bool)[codes]
    return found


def _omitted(model: Model, deals: Standing) -> Flags:
    aside = np.array([name.endswith(f"/ {OMITTED}") for name in model.evenings.stages], dtype=bool)
    found: Flags = aside[deals.stage]
    return found


def _new(then: Look, now: Look, start: int, end: int) -> dict[str, float]:
    first = _coming(then, start, end, then.model.today)
    passed = _coming(then, start, end, now.model.today)
    last = _coming(now, start, end, now.model.today)
    return dict(zip(NEW, (passed - first, last - passed), strict=True))


def _coming(look: Look, start: int, end: int, today: int) -> float:
    """What deals bring that are created from `today` on, by the model of that end."""
    if today >= end:
        return 0.0
    rate = look.model.arrivals.rate if look.part is None else look.model.arrivals.rate * look.part.created
    newborn = look.model.ahead(end, start=start, today=today).newborn
    return float((rate * newborn) @ np.nan_to_num(look.model.sizes.mean))
