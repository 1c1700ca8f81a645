"""What open pipeline becomes by the end of a period, how much of it a target needs, how much is to be created. Pure."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Final

import numpy as np

from libs.common.calendar import Period
from services.forecast.history.columns import Codes, Flags
from services.forecast.metrics.formulas import figures
from services.forecast.metrics.formulas.figures import Factor, Figure
from services.forecast.metrics.formulas.items import Entry, Items, Part, Role
from services.forecast.metrics.formulas.moving import WEEK, is_open_now
from services.forecast.metrics.formulas.scene import WON, Scene, in_days, once
from services.forecast.past.population import OPEN

USUAL: Final = 1 / 3
"""What conversion is taken to be where nothing is known; it weighs as much as one past period."""
PACE_DAYS: Final = 91

CONVERSION = (Role("won", in_numerator=True, in_denominator=True), Role("not_won", in_denominator=True))
REQUIRED = (
    Role("open", in_denominator=True),
    Role("closed"),
    Role("past_won", in_numerator=True),
    Role("past_not_won"),
    Role("past_created_and_closed"),
    Role("past_pulled_in"),
    Role("past_cycle"),
    Role("created_lately"),
)


def day_of_period(scene: Scene) -> int:
    """How many days of the period have passed at the business date: 0 on its first."""
    return min(max((scene.day - scene.period.start).days, 0), (scene.period.end - scene.period.start).days - 1)


def _same_day(scene: Scene, period: Period) -> date:
    day = period.start + timedelta(days=day_of_period(scene))
    return min(day, period.end - timedelta(days=1))


@once
def past(scene: Scene) -> list[Entry]:
    """The deals of past periods as of the same day in each: open and due, or what came otherwise and was won in it."""
    entries = []
    line, day = scene.population.line, scene.population.day
    amount, priced = scene.population.amount
    for slot, period in enumerate(scene.past_periods):
        won = (line == WON) & in_days(day, period)
        then = scene.at(scene.instant(_same_day(scene, period)), period, won)
        is_won, was_due = won[then.at], then.is_open_in(period)
        worth = (then.amount, then.priced & (then.amount >= 0))
        now = (amount[then.at], priced[then.at])
        pulled = is_won & ~was_due & np.isin(then.line, OPEN)
        for role, here, value in (
            ("past_won", was_due & is_won, worth),
            ("past_not_won", was_due & ~is_won, worth),
            ("past_created_and_closed", is_won & ~then.was_there, now),
            ("past_pulled_in", pulled, now),
        ):
            entries.append(Entry(role, then.at[here], (value[0][here], value[1][here]), slot=slot))
    return entries


def _slots(scene: Scene) -> tuple[str, ...]:
    return tuple(period.key for period in scene.past_periods) or ("",)


def conversions(scene: Scene) -> Items:
    """The deals that were open and due at the same day of past periods, at what they were worth then."""
    names = {"past_won": "won", "past_not_won": "not_won"}
    entries = [entry._replace(role=names[entry.role]) for entry in past(scene) if entry.role in names]
    return Items.of(CONVERSION, entries, _slots(scene))


def conversion(part: Part, scene: Scene) -> Figure:
    """Won / open and due, shrunk to 1/3 by the weight of one more period."""
    if part.is_mixed:
        return figures.mixed(part.priced("won", "not_won"))
    value, periods, n = _shrunk(part, "won", "not_won")
    opened, won = part.amount("won", "not_won"), part.amount("won")
    return Figure(
        value,
        n,
        won,
        opened,
        part.count("won", "not_won") - n,
        factors=(
            Factor("day", "index", day_of_period(scene)),
            Factor("past_periods", "count", periods),
            Factor("observed", "share", won / opened if opened else None, n),
        ),
    )


def _shrunk(part: Part, won: str, not_won: str) -> tuple[float, int, int]:
    """Conversion, over how many periods, from how many deals."""
    periods = int(np.count_nonzero(part.slots(won) + part.slots(not_won)))
    opened = part.amount(won, not_won)
    observed = part.amount(won) / opened if opened else 0.0
    return (observed * periods + USUAL) / (periods + 1), periods, part.priced(won, not_won)


@once
def required(scene: Scene) -> Items:
    """What is open, due and closed now; what past periods became; what was created lately."""
    amount, priced = scene.population.amount
    lately = created_lately(scene)
    entries = [*past(scene)]
    for role, here in (("open", is_open_now(scene)), ("closed", scene.is_won), ("created_lately", lately)):
        at = np.flatnonzero(here)
        entries.append(Entry(role, at, (amount[at], priced[at])))
    span, timed = scene.cycle
    won_lately = np.zeros(len(scene), dtype=bool)
    for period in scene.past_periods:
        won_lately |= (scene.population.line == WON) & in_days(scene.population.day, period)
    at = np.flatnonzero(won_lately)
    entries.append(Entry("past_cycle", at, span=(span[at], timed[at])))
    return Items.of(REQUIRED, entries, _slots(scene))


def created_lately(scene: Scene) -> Flags:
    """Which deals were created in the 13 weeks up to the business date."""
    until: Codes = scene.created_on
    start = scene.day - timedelta(days=PACE_DAYS - 1)
    lately = replace(scene.period, start=start, end=scene.day + timedelta(days=1))
    return in_days(until, lately)


def required_open(part: Part, scene: Scene) -> Figure:
    """max(0, gap - expected create-and-close - expected pull-in) / conversion(d); 0 where the gap is covered."""
    opened, closed = part.amount("open"), part.amount("closed")
    rate, periods, n = _shrunk(part, "past_won", "past_not_won")
    past = max(1, len(scene.past_periods))
    fresh, pulled = part.amount("past_created_and_closed") / past, part.amount("past_pulled_in") / past
    gap = None if scene.target is None else scene.target - closed
    factors = (
        Factor("target", "money", scene.target),
        Factor("closed", "money", closed, part.priced("closed")),
        Factor("gap", "money", gap),
        Factor("expected_create_and_close", "money", fresh if scene.past_periods else None),
        Factor("expected_pull_in", "money", pulled if scene.past_periods else None),
        Factor("conversion", "share", rate, n),
        Factor("past_periods", "count", periods),
        Factor("open", "money", opened, part.priced("open")),
    )
    unknown = part.count("open", "closed") - part.priced("open", "closed")
    figure = Figure(None, part.priced("open"), unknown=unknown, factors=factors)
    if part.is_mixed:
        return figures.mixed(part.priced("open"), unknown)
    if gap is None:
        return replace(figure, reason="no target is known here; give one by target")
    if gap <= 0:
        return replace(figure, value=0.0, reason="covered: closed reaches the target")
    needed = max(0.0, gap - fresh - pulled) / rate
    coverage = Factor("coverage", "index", opened / needed if needed else None)
    return replace(figure, value=needed, factors=(*factors, coverage))


def pipeline_to_create(part: Part, scene: Scene) -> Figure:
    """max(0, required open - open), and the pace that it asks for within the lead time."""
    base = required_open(part, scene)
    lead = part.quantile(0.5, "past_cycle")
    pace = part.amount("created_lately") * WEEK / PACE_DAYS
    left = None if lead is None else (scene.period.end - scene.day).days - lead
    missing = None if base.value is None else max(0.0, base.value - part.amount("open"))
    needed = missing * WEEK / left if missing is not None and left is not None and left > 0 else None
    kept = tuple(each for each in base.factors if each.name in ("target", "gap", "conversion", "open"))
    factors = (
        Factor("required_open", "money", base.value),
        *kept,
        Factor("lead_time", "days", lead, part.timed("past_cycle")),
        Factor("days_left_to_create", "days", left),
        Factor("needed_per_week", "money_per_week", needed),
        Factor("created_per_week", "money_per_week", None if part.is_mixed else pace, part.priced("created_lately")),
    )
    reason = base.reason
    if missing and left is not None and left <= 0:
        reason = "too late to create: by the usual lead time half of what is created now closes after the period"
    return replace(base, value=missing, reason=reason, factors=factors)
