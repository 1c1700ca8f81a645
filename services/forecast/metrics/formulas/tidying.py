"""Hygiene of the open pipeline in money, and clean-ups: many losses at once. Pure."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from libs.common.signals import MANY_PUSHES, QUIET_DAYS
from services.forecast.history.columns import EPOCH, NO_DAY, NO_TIME, Codes, Flags, Index, Ints, day_number
from services.forecast.metrics.formulas import figures
from services.forecast.metrics.formulas.figures import Factor, Figure
from services.forecast.metrics.formulas.items import Entry, Items, Part, Role
from services.forecast.metrics.formulas.scene import Scene, in_days, once
from services.forecast.metrics.formulas.staging import stages, stalled

LOSSES_AT_ONCE: Final = 10
TIMES_NORMAL: Final = 5
NORMAL_DAYS: Final = 365

WARNINGS = (
    *("overdue", "stalled", "three_pushes", "no_close_date"),
    *(
        "no_activity_14d",
        "no_next_step",
        "no_economic_buyer",
        "single_threaded",
        "close_plan_late",
        "discount_outside_band",
    ),
)
UNTOLD = {
    "stalled": "too few won deals have left these stages to say what is usual",
    "no_activity_14d": "no CRM of these deals tells activities: map last_activity_at in its connection",
    "no_next_step": "no CRM of these deals tells next steps: map next_step in its connection",
    "no_economic_buyer": "nobody has recorded an economic buyer of any deal yet",
    "close_plan_late": "no open deal that is due has a close plan with tasks left",
    "discount_outside_band": "no open deal has an approved or accepted quote whose lines all have a band: publish price guidance",
    "single_threaded": "nobody has told who talked with whom about any of these deals yet: touchpoints, by REST or a file",
}
"""Why a warning is given of no deal at all, where none of them can be judged."""
HYGIENE = (Role("warned", in_numerator=True, in_denominator=True), Role("clean", in_denominator=True))
BY_WARNING = (*HYGIENE, Role("not_judged"))


class Warned(NamedTuple):
    """Which deals of the population a warning is about, of which that can be said, and which it concerns at all: None is all."""

    found: Flags
    judged: Flags
    concerned: Flags | None = None


@once
def warnings(scene: Scene) -> dict[str, Warned]:
    """Every warning of `WARNINGS`."""
    columns, rows = scene.columns, scene.population.rows
    due, every = columns.close_date[rows], np.ones(len(rows), dtype=bool)
    return {
        "overdue": Warned((due != NO_DAY) & (due < day_number(scene.day)), every),
        "stalled": Warned(*stalled(scene)),
        "three_pushes": Warned(columns.pushes[rows] >= MANY_PUSHES, every),
        "no_close_date": Warned(due == NO_DAY, every),
        "no_activity_14d": _quiet(scene),
        "no_next_step": Warned(columns.lacks_next_step[rows], columns.next_step_known[rows]),
        "no_economic_buyer": _without_buyer(scene),
        "single_threaded": _single_threaded(scene),
        "close_plan_late": _plan_late(scene),
        "discount_outside_band": _outside_band(scene),
    }


def _quiet(scene: Scene) -> Warned:
    """More than 14 local days lie between the last activity, or the creation, and the business date."""
    since = scene.columns.quiet_since[scene.population.rows]
    judged = since != NO_TIME
    found = np.zeros(len(since), dtype=bool)
    found[judged] = day_number(scene.day) - scene.local_days(since[judged]) > QUIET_DAYS
    return Warned(found, judged)


def _without_buyer(scene: Scene) -> Warned:
    """Nothing that is fresh on the business date is known of an economic buyer although the deal stands in the later half of its pipeline.

    Later half: with n stages from place n // 2 on, counted from 0, which is where a proposal is made; a pipeline of one stage
    has none. Nobody is judged as long as the company has recorded no economic buyer of any deal.
    """
    columns, at = scene.columns, np.flatnonzero(scene.is_open)
    concerned = np.zeros(len(scene), dtype=bool)
    rows, order = scene.population.rows[at], stages(scene)
    if len(at):
        length = order.lengths[columns.pipeline[rows]]
        concerned[at] = (length > 1) & (order.place[order.of(columns, rows)] >= length // 2)
    are_recorded = bool((columns.economic_buyer_until[scene.timeline] != NO_TIME).any())
    until = columns.economic_buyer_until[scene.population.rows]
    known = until != NO_TIME
    known[known] = scene.local_days(until[known]) >= day_number(scene.day)
    return Warned(concerned & ~known & are_recorded, concerned & are_recorded, concerned)


def _single_threaded(scene: Scene) -> Warned:
    """Fewer than two threads live on the business date although the deal is worth more than half of the open ones.

    A thread is a contact touched both ways within 90 days. Judged are the deals of which somebody told a touchpoint.
    """
    columns, rows = scene.columns, scene.population.rows
    amount, priced = scene.population.amount
    is_open = scene.is_open & priced
    concerned = is_open & (amount > np.median(amount[is_open])) if is_open.any() else is_open
    known, until = columns.threads_known[rows], columns.second_thread_until[rows]
    several = until != NO_TIME
    several[several] = scene.local_days(until[several]) >= day_number(scene.day)
    return Warned(concerned & known & ~several, concerned & known, concerned)


def _plan_late(scene: Scene) -> Warned:
    """In half of the cases the close plan is done after the close date.

    It concerns deals that have a plan with tasks left; while none has one all are not judged, so that the reason is told.
    """
    columns, rows = scene.columns, scene.population.rows
    ends = np.array([scene.plan_ends.get(deal or "", NO_DAY) for deal in columns.texts("deal", rows)], dtype=np.int64)
    due = columns.close_date[rows]
    dated = scene.is_open & (due != NO_DAY)
    judged = dated & (ends != NO_DAY)
    return Warned(judged & (ends > due), judged, judged if judged.any() else dated)


def _outside_band(scene: Scene) -> Warned:
    """The quote that sets the deal's amount lies below the floor of its band.

    It concerns deals with such a quote whose lines all have a band; while none has one all are not judged, so that the reason is
    told.
    """
    known = [scene.below_floor.get(deal or "") for deal in scene.columns.texts("deal", scene.population.rows)]
    judged = scene.is_open & np.array([each is not None for each in known], dtype=bool)
    found = judged & np.array([bool(each) for each in known], dtype=bool)
    return Warned(found, judged, judged if judged.any() else scene.is_open)


def hygiene(scene: Scene) -> Items:
    """The open deals of the period, with what is carried over and undated; each once, warned or clean."""
    found = np.logical_or.reduce([each.found for each in warnings(scene).values()])
    return Items.of(HYGIENE, _split(scene, Warned(found, np.ones(len(scene), dtype=bool)), 0))


def by_warning(scene: Scene) -> Items:
    """The same deals once under every warning."""
    every = [entry for slot, each in enumerate(warnings(scene).values()) for entry in _split(scene, each, slot)]
    return Items.of(BY_WARNING, every, WARNINGS)


def _split(scene: Scene, warned: Warned, slot: int) -> list[Entry]:
    amount, priced = scene.population.amount
    day = scene.population.day
    here = scene.is_open & (in_days(day, scene.period) | (day < day_number(scene.calendar.quarter(scene.day).start)))
    if warned.concerned is not None:
        here = here & warned.concerned
    entries = []
    for role, wanted in (
        ("warned", here & warned.found),
        ("clean", here & warned.judged & ~warned.found),
        ("not_judged", here & ~warned.judged),
    ):
        at = np.flatnonzero(wanted)
        if role == "not_judged" and not len(at):
            continue
        entries.append(Entry(role, at, (amount[at], priced[at] & (amount[at] >= 0)), slot=slot))
    return entries


def share_warned(part: Part, scene: Scene) -> Figure:
    """Open amount with a warning / open amount that can be judged, with what cannot be."""
    del scene
    figure = figures.share(part, "amount", of="open deals with an amount that can be judged")
    untold = part.count("not_judged") if part.sums.items.roles == BY_WARNING else 0
    if not untold:
        return figure
    worth = Factor("not_judged", "money", None if part.is_mixed else part.amount("not_judged"), untold)
    return replace(figure, unknown=figure.unknown + untold, factors=(worth,))


CLEAN_UPS = (Role("cleaned_up", in_numerator=True), Role("cleaned_up_by_owner", in_numerator=True))
"""By whom the CRM says, or by the owner, since it does not say."""


@once
def _lost(scene: Scene) -> "Losses":
    """Every loss of the company."""
    lost = scene.turned("lost")
    columns = scene.columns
    return Losses(lost, *_actors(scene, lost), scene.local_days(columns.valid_from[lost]))


class Losses(NamedTuple):
    """Losses: the entry by which each deal was lost, who lost it within which connection, whether that was told, and the local day."""

    rows: Index
    actor: Ints
    names: tuple[str | None, ...]
    """By actor, without the connection."""
    is_told: Flags
    day: Codes

    def of_deals(self, scene: Scene, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """By code of the deal; 0 where it is not lost."""
        found = np.zeros(len(scene.columns.words["deal"].texts), dtype=values.dtype)
        found[scene.columns.deal[self.rows]] = values
        return found


def clean_ups(scene: Scene) -> Items:
    """The deals lost in the period by a clean-up, by how it is known whose; slots are the days of the actors."""
    at = np.flatnonzero(in_clean_up(scene) & scene.is_lost)
    amount, priced = scene.population.amount
    deals, lost = scene.columns.deal[scene.population.rows[at]], _lost(scene)
    keys = lost.of_deals(scene, lost.actor * _FAR + lost.day)[deals]
    is_told = lost.of_deals(scene, lost.is_told)[deals]
    found, slot = np.unique(keys, return_inverse=True)
    entries = [
        Entry(role, at[here], (amount[at[here]], priced[at[here]]), slot=slot[here].astype(np.int32))
        for role, here in (("cleaned_up", is_told), ("cleaned_up_by_owner", ~is_told))
    ]
    connections = len(scene.columns.words["connection"].texts)
    return Items.of(
        CLEAN_UPS,
        entries,
        tuple((EPOCH + timedelta(days=each % _FAR)).isoformat() for each in found.tolist()) or ("",),
        tuple(lost.names[each // _FAR // connections] for each in found.tolist()),
    )


def cleaned_up(part: Part, scene: Scene) -> Figure:
    """How many deals, with what they were worth, and how many of them are taken to be their owner's."""
    del scene
    figure = figures.total(part, "count")
    both = tuple(role.name for role in CLEAN_UPS)
    worth = Factor("amount", "money", None if part.is_mixed else part.amount(*both), part.priced(*both))
    return Figure(
        figure.value,
        figure.n,
        figure.numerator,
        factors=(worth, Factor("by_owner", "count", part.count("cleaned_up_by_owner"))),
    )


_FAR: Final = 2**31
"""More than any number of a day."""


@once
def in_clean_up(scene: Scene) -> Flags:
    """Which deals of the population were lost by a clean-up, whoever of the company may see them all."""
    lost = _lost(scene)
    own: Flags = lost.of_deals(scene, _at_once(lost.actor, lost.day))[scene.columns.deal[scene.population.rows]]
    return own


def _actors(scene: Scene, rows: Index) -> tuple[Ints, tuple[str | None, ...], Flags]:
    """Who lost each, within the connection that told it: who made the change, else the owner; their names; which were told.

    Somebody who owns deals is the same actor whether the CRM tells it of a loss or not.
    """
    columns = scene.columns
    known = columns.words["changed_by"].codes
    names = list(columns.words["changed_by"].texts)
    as_actor = np.zeros(len(columns.words["owner"].texts), dtype=np.int64)
    for code, owner in enumerate(columns.words["owner"].texts):
        if owner is not None:
            as_actor[code] = known.get(owner, len(names))
            if owner not in known:
                names.append(owner)
    told = columns.changed_by[rows].astype(np.int64)
    who = np.where(told > 0, told, as_actor[columns.owner[rows]])
    actor: Ints = (who * len(columns.words["connection"].texts) + columns.connection[rows]).astype(np.int64)
    return actor, tuple(names), told > 0


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
