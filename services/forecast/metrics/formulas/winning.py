"""Win rates, cycle and velocity. Pure."""

from dataclasses import replace

import numpy as np

from services.forecast.history.columns import Flags, Ints
from services.forecast.metrics.formulas import figures
from services.forecast.metrics.formulas.figures import CLOSED_NEEDED, Factor, Figure
from services.forecast.metrics.formulas.items import Entry, Items, Part, Role
from services.forecast.metrics.formulas.scene import DAY, LOST, WON, Scene, in_days, once
from services.forecast.metrics.formulas.tidying import in_clean_up

CLOSED = (
    Role("won", in_numerator=True, in_denominator=True),
    Role("lost", in_denominator=True),
    Role("lost_in_clean_up", in_denominator=True),
)


def positive(scene: Scene) -> tuple[Ints, Flags]:
    """Amounts that can be shared out: known, and not below zero."""
    amount, priced = scene.population.amount
    return amount, priced & (amount >= 0)


@once
def closed(scene: Scene) -> Items:
    """The deals won and lost in the period; losses of clean-ups are told apart, and counted."""
    amount, priced = positive(scene)
    tidied = in_clean_up(scene) & scene.is_lost
    parts = (("won", scene.is_won), ("lost", scene.is_lost & ~tidied), ("lost_in_clean_up", tidied))
    return Items.of(CLOSED, [_entry(role, here, (amount, priced), scene.cycle) for role, here in parts])


def rate_by_count(part: Part, scene: Scene) -> Figure:
    """Won / (won + lost), deals."""
    del scene
    return _flagged(part, figures.share(part, "count", of="closed deals", needed=CLOSED_NEEDED))


def rate_by_value(part: Part, scene: Scene) -> Figure:
    """Won / (won + lost), amounts."""
    del scene
    return _flagged(part, figures.share(part, "amount", of="closed deals with an amount", needed=CLOSED_NEEDED))


def _flagged(part: Part, figure: Figure) -> Figure:
    """With how many of the losses were clean-ups, and the rate without them."""
    tidied = part.count("lost_in_clean_up")
    if not tidied:
        return figure
    without = part.count("won") + part.count("lost")
    rate = part.count("won") / without if without else None
    return replace(
        figure,
        factors=(
            Factor("lost_in_clean_up", "count", tidied),
            Factor("count_win_rate_without_clean_up", "share", rate, without),
        ),
    )


COHORT = (
    Role("won", in_numerator=True, in_denominator=True),
    Role("lost", in_denominator=True),
    Role("still_open", in_denominator=True),
)


def cohort(scene: Scene) -> Items:
    """The deals created in the period, by what became of them."""
    created = in_days(scene.created_on, scene.period)
    line = scene.population.line
    parts = (
        ("won", created & (line == WON)),
        ("lost", created & (line == LOST)),
        ("still_open", created & (line != WON) & (line != LOST)),
    )
    return Items.of(COHORT, [_entry(role, here, positive(scene), scene.cycle) for role, here in parts])


def rate_of_cohort(part: Part, scene: Scene) -> Figure:
    """Won / created; refused while too few of them have closed."""
    del scene
    figure = figures.share(part, "count", of="deals were created in the period")
    done, waiting = part.count("won", "lost"), part.count("still_open")
    figure = replace(figure, factors=(Factor("closed", "count", done), Factor("still_open", "count", waiting)))
    if done < CLOSED_NEEDED:
        reason = f"{done} closed deals; under {CLOSED_NEEDED} a rate says nothing"
        return replace(figure, value=None, interval=None, reason=reason)
    return figure


CYCLE = (Role("won", in_numerator=True, in_denominator=True),)


def won(scene: Scene) -> Items:
    """The deals won in the period."""
    return Items.of(CYCLE, [_entry("won", scene.is_won, scene.population.amount, scene.cycle)])


def cycle(part: Part, scene: Scene) -> Figure:
    """Mean days from creation to booking."""
    del scene
    return figures.mean_days(part, of="deals won in the period with a creation date before it")


VELOCITY = (Role("open", in_numerator=True), Role("won", in_numerator=True), Role("lost"), Role("lost_in_clean_up"))


def flowing(scene: Scene) -> Items:
    """The open deals, and those closed in the period."""
    done = closed(scene)
    opened = np.flatnonzero(scene.is_open)
    amount, priced = scene.population.amount
    kept = [
        Entry(
            role.name,
            done.at[here],
            (amount[done.at[here]], priced[done.at[here]]),
            (done.span[here], done.timed[here]),
        )
        for index, role in enumerate(CLOSED)
        for here in (done.role == index,)
    ]
    return Items.of(VELOCITY, [Entry("open", opened), *kept])


def velocity(part: Part, scene: Scene) -> Figure:
    """Open deals x count win rate x mean won amount / mean cycle: money per day."""
    del scene
    opened, wins = part.count("open"), part.count("won")
    done = wins + part.count("lost", "lost_in_clean_up")
    rate = wins / done if done else None
    mean = part.amount("won") / part.priced("won") if part.priced("won") else None
    days = part.span("won") / DAY / part.timed("won") if part.timed("won") else None
    factors = (
        Factor("open_deals", "count", opened),
        Factor("count_win_rate", "share", rate, done),
        Factor("mean_won_amount", "money", None if part.is_mixed else mean, part.priced("won")),
        Factor("mean_cycle", "days", days, part.timed("won")),
    )
    figure = Figure(None, done, unknown=wins - part.priced("won"), factors=factors)
    if done < CLOSED_NEEDED:
        return replace(figure, reason=f"{done} closed deals; under {CLOSED_NEEDED} a rate says nothing")
    if part.is_mixed:
        return replace(figures.mixed(done, figure.unknown), factors=factors)
    if rate is None or mean is None:
        return replace(figure, reason="no won deals with an amount")
    if not days:
        return replace(figure, reason="the mean cycle is 0 days or unknown")
    return replace(figure, value=opened * rate * mean / days)


def _entry(role: str, here: Flags, amount: tuple[Ints, Flags], span: tuple[Ints, Flags]) -> Entry:
    at = np.flatnonzero(here)
    return Entry(role, at, (amount[0][at], amount[1][at]), (span[0][at], span[1][at]))
