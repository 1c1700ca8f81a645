"""Created, creation pace, slippage, push rate and linearity: what comes into a period, what leaves it, and when. Pure."""

from dataclasses import replace
from datetime import timedelta
from typing import Final

import numpy as np

from services.forecast.history.columns import NO_DAY, Flags, day_number
from services.forecast.metrics.formulas import figures
from services.forecast.metrics.formulas.figures import Factor, Figure
from services.forecast.metrics.formulas.items import Entry, Items, Part, Role
from services.forecast.metrics.formulas.scene import HELD_BACK, LOST, WON, Scene, in_days
from services.forecast.past.population import OPEN

WEEK: Final = 7

CREATED = (Role("created", in_numerator=True), Role("held_back"))


def created(scene: Scene) -> Items:
    """The deals created in the period, at what they are worth now; those whose lead is not qualified yet stand beside."""
    here = in_days(scene.created_on, scene.period)
    waits = scene.population.line == HELD_BACK
    return Items.of(CREATED, [_entry(scene, "created", here & ~waits), _entry(scene, "held_back", here & waits)])


def created_count(part: Part, scene: Scene) -> Figure:
    """How many."""
    del scene
    return figures.total(part, "count")


def created_amount(part: Part, scene: Scene) -> Figure:
    """What they are worth."""
    del scene
    return figures.total(part, "amount")


def creation_pace(part: Part, scene: Scene) -> Figure:
    """Amount created per week of the period so far."""
    figure = figures.total(part, "amount")
    if not scene.elapsed_days:
        return replace(figure, value=None, reason="the period has not begun")
    weeks = Factor("weeks", "index", scene.elapsed_days / WEEK)
    value = None if figure.value is None else figure.value * WEEK / scene.elapsed_days
    return replace(figure, value=value, factors=(weeks,))


SLIPPAGE = (
    Role("slipped", in_numerator=True, in_denominator=True),
    Role("won", in_denominator=True),
    Role("lost", in_denominator=True),
    Role("still_due", in_denominator=True),
)


def slipping(scene: Scene) -> Items:
    """The deals that were open and expected in the period as it began, at what they were worth then, by what became of them."""
    if not scene.has_begun:
        return Items.of(SLIPPAGE, [])
    opening = scene.at(scene.instant(scene.period.start), scene.period)
    was_due = opening.is_open_in(scene.period)
    at, amount = opening.at[was_due], opening.amount[was_due]
    priced = opening.priced[was_due] & (amount >= 0)
    line, day = scene.population.line[at], scene.population.day[at]
    won, lost = line == WON, line == LOST
    slipped = (day >= day_number(scene.period.end)) | (day == NO_DAY)
    if scene.day >= scene.period.end:
        slipped |= ~won & ~lost
    still_due = ~slipped & ~won & ~lost
    roles = (("slipped", slipped), ("won", ~slipped & won), ("lost", ~slipped & lost), ("still_due", still_due))
    return Items.of(SLIPPAGE, [Entry(role, at[here], (amount[here], priced[here])) for role, here in roles])


def slippage(part: Part, scene: Scene) -> Figure:
    """Slipped / due, amounts."""
    figure = figures.share(part, "amount", of="deals with an amount were due as the period began")
    if not scene.has_begun:
        figure = replace(figure, reason="the period has not begun")
    by_count = Factor("slipped_deals", "count", part.count("slipped"), part.count(*part.side("denominator")))
    return replace(figure, factors=(by_count,))


PUSHES = (Role("pushed", in_numerator=True, in_denominator=True), Role("not_pushed", in_denominator=True))


def pushes(scene: Scene) -> Items:
    """The deals that were open at some time of the period, by whether their close date was moved later in it."""
    columns, (begin, end) = scene.columns, (scene.instant(scene.period.start), scene.instant(scene.period.end))
    rows = scene.held[~columns.gone[scene.held]]
    who, since = scene.places[columns.deal[rows]], columns.valid_from[rows]
    opened = columns.is_in("state", ["open"], rows)
    due = columns.close_date[rows]
    is_next = np.zeros(len(rows), dtype=bool)
    is_next[1:] = who[1:] == who[:-1]
    until = np.full(len(rows), end, dtype=np.int64)
    until[:-1][is_next[1:]] = since[1:][is_next[1:]]
    was_open = np.zeros(len(scene), dtype=bool)
    was_open[who[opened & (since < end) & (until > begin)]] = True
    later = is_next & opened & (since >= begin) & (since < end) & (due != NO_DAY)
    later[1:] &= opened[:-1] & (due[:-1] != NO_DAY) & (due[1:] > due[:-1])
    pushed = np.zeros(len(scene), dtype=bool)
    pushed[who[later]] = True
    return Items.of(
        PUSHES, [_entry(scene, "pushed", was_open & pushed), _entry(scene, "not_pushed", was_open & ~pushed)]
    )


def push_rate(part: Part, scene: Scene) -> Figure:
    """Pushed / open in the period, deals."""
    figure = figures.share(part, "count", of="deals were open in the period")
    return figure if scene.has_begun else replace(figure, value=None, interval=None, reason="the period has not begun")


LINEARITY = (Role("won", in_numerator=True, in_denominator=True),)


def bookings(scene: Scene) -> Items:
    """The deals won in the period by the day of booking; slots are the days of the period."""
    at = np.flatnonzero(scene.is_won)
    amount, priced = scene.population.amount
    slot = scene.population.day[at] - day_number(scene.period.start)
    length = (scene.period.end - scene.period.start).days
    entry = Entry("won", at, (amount[at], priced[at] & (amount[at] >= 0)), slot=slot)
    return Items.of(
        LINEARITY, [entry], tuple((scene.period.start + timedelta(days=day)).isoformat() for day in range(length))
    )


def linearity(part: Part, scene: Scene) -> Figure:
    """How far bookings run behind the calendar at worst: elapsed share of days - booked share, in [0, 1]."""
    booked, n = part.amount("won"), part.priced("won")
    figure = Figure(None, n, unknown=part.count("won") - n)
    if part.is_mixed:
        return figures.mixed(n, figure.unknown)
    if not booked:
        return replace(figure, reason="nothing was booked in the period")
    by_day = part.slots("won")
    last = int(np.flatnonzero(by_day)[-1])
    days = max(scene.elapsed_days, last + 1)
    share = np.cumsum(by_day[:days]) / booked
    elapsed = np.arange(1, days + 1) / days
    thirds = np.minimum(np.arange(days) * 3 // days, 2)
    factors = tuple(
        Factor(f"{name}_third", "share", float(by_day[:days][thirds == third].sum() / booked))
        for third, name in enumerate(("first", "second", "last"))
    )
    behind = max(0.0, float((elapsed - share).max()))
    return replace(figure, value=behind, factors=(*factors, Factor("booked", "money", booked, n)))


def _entry(scene: Scene, role: str, here: Flags) -> Entry:
    at = np.flatnonzero(here)
    amount, priced = scene.population.amount
    return Entry(role, at, (amount[at], priced[at]))


def is_open_now(scene: Scene) -> Flags:
    """In the open forecast of the period at `as_of`, and not carried over."""
    found: Flags = np.isin(scene.population.line, OPEN) & in_days(scene.population.day, scene.period)
    found &= scene.population.day >= day_number(scene.calendar.quarter(scene.day).start)
    return found
