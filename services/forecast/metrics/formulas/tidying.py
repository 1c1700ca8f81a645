"""Hygiene of the open pipeline in money, and clean-ups: many losses at once. Pure."""

from datetime import timedelta
from typing import Final

import numpy as np

from services.forecast.history.columns import EPOCH, NO_DAY, Codes, Flags, Index, Ints, day_number
from services.forecast.metrics.formulas import figures
from services.forecast.metrics.formulas.figures import Factor, Figure
from services.forecast.metrics.formulas.items import Entry, Items, Part, Role
from services.forecast.metrics.formulas.scene import Scene, in_days, once
from services.forecast.metrics.formulas.staging import stalled

LOSSES_AT_ONCE: Final = 10
TIMES_NORMAL: Final = 5
NORMAL_DAYS: Final = 365
MANY_PUSHES: Final = 3

WARNINGS = ("overdue", "stalled", "three_pushes", "no_close_date")
UNSEEN = {
    "no_activity_14d": "the forecast is not told of touchpoints",
    "no_next_step": "the forecast is not told of next steps",
    "single_threaded": "the forecast is not told of contacts",
    "no_economic_buyer": "the forecast is not told of contacts' roles",
    "discount_outside_band": "the forecast is not told of quotes' discounts",
    "close_plan_late": "there are no close plans",
}
"""Warnings that cannot be given, and why."""

HYGIENE = (Role("warned", in_numerator=True, in_denominator=True), Role("clean", in_denominator=True))


@once
def warnings(scene: Scene) -> dict[str, Flags]:
    """Which deals of the population each warning is about."""
    columns, rows = scene.columns, scene.population.rows
    due = columns.close_date[rows]
    return {
        "overdue": (due != NO_DAY) & (due < day_number(scene.day)),
        "stalled": stalled(scene)[0],
        "three_pushes": columns.pushes[rows] >= MANY_PUSHES,
        "no_close_date": due == NO_DAY,
    }


def hygiene(scene: Scene) -> Items:
    """The open deals of the period, with what is carried over and undated; each once, warned or clean."""
    found = np.logical_or.reduce(list(warnings(scene).values()))
    return Items.of(HYGIENE, _split(scene, found, 0))


def by_warning(scene: Scene) -> Items:
    """The same deals once under every warning."""
    every = [entry for slot, found in enumerate(warnings(scene).values()) for entry in _split(scene, found, slot)]
    return Items.of(HYGIENE, every, WARNINGS)


def _split(scene: Scene, warned: Flags, slot: int) -> list[Entry]:
    amount, priced = scene.population.amount
    day = scene.population.day
    here = scene.is_open & (in_days(day, scene.period) | (day < day_number(scene.calendar.quarter(scene.day).start)))
    entries = []
    for role, wanted in (("warned", here & warned), ("clean", here & ~warned)):
        at = np.flatnonzero(wanted)
        entries.append(Entry(role, at, (amount[at], priced[at] & (amount[at] >= 0)), slot=slot))
    return entries


def share_warned(part: Part, scene: Scene) -> Figure:
    """Open amount with a warning / open amount."""
    del scene
    return figures.share(part, "amount", of="open deals with an amount")


CLEAN_UPS = (Role("cleaned_up", in_numerator=True),)


def clean_ups(scene: Scene) -> Items:
    """The deals lost in the period by a clean-up; slots are the days of the actors."""
    at = np.flatnonzero(in_clean_up(scene) & scene.is_lost)
    amount, priced = scene.population.amount
    lost = scene.turned("lost")
    by_deal = np.zeros(len(scene.columns.words["deal"].texts), dtype=np.int64)
    by_deal[scene.columns.deal[lost]] = _actors(scene, lost) * _FAR + scene.local_days(scene.columns.valid_from[lost])
    found, slot = np.unique(by_deal[scene.columns.deal[scene.population.rows[at]]], return_inverse=True)
    return Items.of(
        CLEAN_UPS,
        [Entry("cleaned_up", at, (amount[at], priced[at]), slot=slot.astype(np.int32))],
        tuple((EPOCH + timedelta(days=each % _FAR)).isoformat() for each in found.tolist()) or ("",),
    )


def cleaned_up(part: Part, scene: Scene) -> Figure:
    """How many deals, with what they were worth and in how many clean-ups."""
    del scene
    figure = figures.total(part, "count")
    worth = Factor("amount", "money", None if part.is_mixed else part.amount("cleaned_up"), part.priced("cleaned_up"))
    return Figure(figure.value, figure.n, figure.numerator, factors=(worth,))


_FAR: Final = 2**31
"""More than any number of a day."""


@once
def in_clean_up(scene: Scene) -> Flags:
    """Which deals of the population were lost by a clean-up, whoever of the company may see them all."""
    lost = scene.turned("lost")
    at_once = _at_once(_actors(scene, lost), scene.local_days(scene.columns.valid_from[lost]))
    found = np.zeros(len(scene.columns.words["deal"].texts), dtype=bool)
    found[scene.columns.deal[lost[at_once]]] = True
    own: Flags = found[scene.columns.deal[scene.population.rows]]
    return own


def _actors(scene: Scene, rows: Index) -> Ints:
    """Who lost each: the owner, within the connection that told it."""
    columns = scene.columns
    actor: Ints = (
        columns.owner[rows].astype(np.int64) * len(columns.words["connection"].texts) + columns.connection[rows]
    )
    return actor


def _at_once(actor: Ints, day: Codes) -> Flags:
    """Which losses are among at least ten of one actor on a day, more than five times what is normal for them.

    Normal: losses per calendar day over the 365 days before.
    """
    key = actor * _FAR + day
    days, place, losses = np.unique(key, return_inverse=True, return_counts=True)
    before = np.concatenate(([0], np.cumsum(losses)))
    since = np.searchsorted(days, np.maximum(days - NORMAL_DAYS, days // _FAR * _FAR))
    normal = before[:-1] - before[since]
    many = (losses >= LOSSES_AT_ONCE) & (losses * NORMAL_DAYS > TIMES_NORMAL * normal)
    found: Flags = many[place]
    return found
