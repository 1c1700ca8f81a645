"""What if: the same outlook with some deals decided, moved or added, and with another pace of wins or of creation. Pure.

Suppositions are taken one after the other, so that the effects of all add up to the whole. What a deal's new close date
says is judged as everywhere: by how often deals dated so were won in time.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from services.forecast.projection.engine import Model, Outlook, Part
from services.forecast.projection.landing import Landing
from services.forecast.projection.steps import Standing

MOST: Final = 4.0
"""A pace or a creation beyond so many times today's is not looked for."""
FEW_DEALS: Final = 10
"""As many deals are named at most that would have to be won."""
_HALVINGS: Final = 10


@dataclass(frozen=True, slots=True)
class Won:
    """The deal with this number is won in the period, for `amount` or else for what is asked."""

    deal: int
    amount: float | None = None


@dataclass(frozen=True, slots=True)
class Lost:
    """The deal with this number is not won in the period."""

    deal: int


@dataclass(frozen=True, slots=True)
class Moved:
    """The deal with this number is expected to close on another day (days since 1970)."""

    deal: int
    close_date: float


@dataclass(frozen=True, slots=True)
class Added:
    """One more open deal, as most are when they begin; with a `chance` it is taken as that."""

    amount: float
    close_date: float = np.nan
    chance: float | None = None


@dataclass(frozen=True, slots=True)
class WithoutLargest:
    """The deals that would bring most, so many of them, are not won in the period."""

    count: int


@dataclass(frozen=True, slots=True)
class Pace:
    """Deals are won so many times as fast, from today on."""

    factor: float


@dataclass(frozen=True, slots=True)
class Creation:
    """So many times as many deals are created, from today on."""

    factor: float


Supposition = Won | Lost | Moved | Added | WithoutLargest | Pace | Creation


@dataclass(frozen=True, slots=True)
class Asked:
    """What is projected: from today or the later day `start` until before `end`, of all or of a part, on top of `closed`.

    `blend`: what simpler methods add to the engine's mean; no supposition changes it.
    """

    model: Model
    end: int
    start: int | None = None
    part: Part | None = None
    closed: float = 0.0
    blend: float = 0.0
    stretch: float = 1.0


@dataclass(frozen=True, slots=True)
class World:
    """What is asked for, with what is supposed of it so far. `chances`, `amounts`: by deal number, where they are settled."""

    asked: Asked
    chances: dict[int, float] = field(default_factory=dict)
    amounts: dict[int, float] = field(default_factory=dict)

    def outlook(self) -> Outlook:
        """What will be won in it."""
        asked = self.asked
        found = asked.model.outlook(asked.end, start=asked.start, part=asked.part)
        deals = found.deals
        chance, mean, variance = deals.chance.copy(), deals.mean.copy(), deals.variance.copy()
        place = {number: at for at, number in enumerate(found.standing.deal.tolist())}
        for number, settled in self.chances.items():
            if number in place:
                chance[place[number]] = settled
        for number, amount in self.amounts.items():
            if number in place and not np.isnan(amount):
                mean[place[number]], variance[place[number]] = amount, 0.0
        return replace(found, deals=replace(deals, chance=chance, mean=mean, variance=variance))

    def landing(self) -> Landing:
        """Where the period lands in it, blended and widened as without suppositions."""
        return landing_of(self.outlook(), self.asked)


def landing_of(outlook: Outlook, asked: Asked) -> Landing:
    """The distribution of an outlook with what the blend adds, which never takes away more than is to come."""
    found = outlook.landing(asked.closed)
    return found.scaled(found.to_come + asked.blend).widened(asked.stretch)


def suppose(asked: Asked, suppositions: Sequence[Supposition]) -> Iterator[World]:
    """The world as it is, and after each supposition."""
    world = World(asked)
    yield world
    for each in suppositions:
        world = _with(world, each)
        yield world


def _with(world: World, supposed: Supposition) -> World:
    asked, standing = world.asked, world.asked.model.standing
    match supposed:
        case Won(deal, amount):
            worth = _amount(standing, deal) if amount is None else amount
            return replace(world, chances=world.chances | {deal: 1.0}, amounts=world.amounts | {deal: worth})
        case Lost(deal):
            return replace(world, chances=world.chances | {deal: 0.0})
        case Moved(deal, close_date):
            dates = np.where(standing.deal == deal, close_date, standing.close_date)
            return _on(world, replace(asked.model, standing=replace(standing, close_date=dates)))
        case Added():
            return _added(world, supposed)
        case WithoutLargest(count):
            found = world.outlook()
            open_still = np.flatnonzero(found.deals.chance > 0)
            largest = open_still[np.argsort(-found.deals.mean[open_still], kind="stable")[:count]]
            gone = dict.fromkeys(found.standing.deal[largest].tolist(), 0.0)
            return replace(world, chances=world.chances | gone)
        case Pace(factor):
            return _on(world, asked.model.winning(factor))
        case Creation(factor):
            return _on(world, asked.model.creating(factor))


def _on(world: World, model: Model) -> World:
    return replace(world, asked=replace(world.asked, model=model))


def _amount(standing: Standing, deal: int) -> float:
    found = standing.amount[standing.deal == deal]
    return float(found[0]) if len(found) else np.nan


def _added(world: World, new: Added) -> World:
    """A deal more: in the segment that has most of those asked for, in the stage in which most begin, a day old."""
    asked, model = world.asked, world.asked.model
    number = max(len(asked.part.deals) if asked.part else 0, int(model.standing.deal.max(initial=-1)) + 1)
    rate = model.arrivals.rate if asked.part is None else model.arrivals.rate * asked.part.created
    segment = int(np.argmax(rate))
    stages = len(model.evenings.stages)
    stage = int(np.argmax(model.hazards.first_stage[segment, :stages]))
    standing = model.standing
    row = Standing(
        deal=np.append(standing.deal, np.int32(number)),
        stage=np.append(standing.stage, np.int32(stage)),
        segment=np.append(standing.segment, np.int32(segment)),
        age=np.append(standing.age, 0),
        amount=np.append(standing.amount, new.amount),
        close_date=np.append(standing.close_date, new.close_date),
        pushes=np.append(standing.pushes, np.int32(0)),
        due=np.append(standing.due, False),
    )
    part = asked.part
    if part is not None:
        flags = np.zeros(number + 1, dtype=bool)
        flags[: len(part.deals)] = part.deals
        flags[number] = True
        part = replace(part, deals=flags)
    more = replace(world, asked=replace(asked, model=replace(model, standing=row), part=part))
    if new.chance is not None:
        more = replace(more, chances=more.chances | {number: new.chance})
    return replace(more, amounts=more.amounts | {number: new.amount})


@dataclass(frozen=True, slots=True)
class Needed:
    """What alone would lift the probability to reach `target` from `now` to `wanted`; None where nothing of its kind does.

    `deals`: in the order in which they were taken, with the probability once each and all before it are won.
    """

    now: float
    deals: tuple[tuple[int, float], ...]
    deals_suffice: bool
    pace: float | None
    creation: float | None


def needed(asked: Asked, target: float, wanted: float) -> Needed:
    """What would have to be true: the deals that add most when they are won, a pace of wins, a creation of deals."""
    now = World(asked).landing().at_least(target)
    if now >= wanted:
        return Needed(now, (), True, 1.0, 1.0)
    deals = tuple(_taken(asked, target, wanted))
    return Needed(
        now,
        deals,
        bool(deals) and deals[-1][1] >= wanted,
        _least(lambda factor: World(_faster(asked, factor)).landing().at_least(target), wanted),
        _least(lambda factor: World(_creating(asked, factor)).landing().at_least(target), wanted),
    )


def _faster(asked: Asked, factor: float) -> Asked:
    return replace(asked, model=asked.model.winning(factor))


def _creating(asked: Asked, factor: float) -> Asked:
    return replace(asked, model=asked.model.creating(factor))


def _taken(asked: Asked, target: float, wanted: float) -> Iterator[tuple[int, float]]:
    """Deals won one after the other, first those that add most, until the probability is there."""
    found = World(asked).outlook()
    asks = np.where(np.isnan(found.standing.amount), found.deals.mean, found.standing.amount)
    adds = asks - found.deals.chance * found.deals.mean
    chance, mean, variance = found.deals.chance.copy(), found.deals.mean.copy(), found.deals.variance.copy()
    for at in np.argsort(-adds, kind="stable")[:FEW_DEALS].tolist():
        if adds[at] <= 0:
            return
        chance[at], mean[at], variance[at] = 1.0, asks[at], 0.0
        won = replace(found, deals=replace(found.deals, chance=chance, mean=mean, variance=variance))
        likely = landing_of(won, asked).at_least(target)
        yield int(found.standing.deal[at]), likely
        if likely >= wanted:
            return


def _least(likely: Callable[[float], float], wanted: float) -> float | None:
    """The least factor from 1 to MOST with which it is likely enough, to about 0.3 %, and never one with which it is not."""
    if likely(MOST) < wanted:
        return None
    low, high = 0.0, float(np.log(MOST))
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if likely(float(np.exp(middle))) >= wanted else (middle, high)
    return float(np.exp(high))
