"""What bookings of a period are made of, and what each driver moved between two periods. Pure.

Of the deals that were open when a period began, and of those created in it, some were decided in it, of these some were won, and
each won one brought some amount: there x decided share x win rate x mean size = booked, exactly. A bridge puts the drivers of one
period in the place of the other's, one after the other in a fixed order; each term is what the sum moved by. So the terms add up to
the difference and no term is what is left over. (The method is the chain substitution of variance analysis.)
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Final, Literal
from uuid import UUID

Term = Literal["opening", "creation", "win_rate", "timing", "size", "scope", "fx", "unexplained"]
TERMS: Final[tuple[Term, ...]] = (
    *("opening", "creation", "win_rate", "timing", "size"),
    *("scope", "fx", "unexplained"),
)
Driver = Literal["opening", "creation", "win_rate", "timing", "size"]
By = Literal["win_rate", "creation", "size", "pipeline_created"]
"""What a plan states a driver by: an assumption, or its target of created pipeline."""


@dataclass(frozen=True, slots=True)
class Counted:
    """Deals of one kind in a period: how many there were, were decided and were won in it, and what the won ones brought (minor units)."""

    there: int
    decided: int
    won: int
    amount: int


@dataclass(frozen=True, slots=True)
class Period:
    """What a period is made of. `other`: what deals brought that were neither open when it began nor created in it.

    Amounts are in minor units at one rate set for both periods of a bridge; `booked` is what the reading itself says it brought.
    """

    opening: Counted
    created: Counted
    other: int
    booked: int

    @property
    def common(self) -> int:
        """What it brought at the rates of the bridge."""
        return self.opening.amount + self.created.amount + self.other


@dataclass(frozen=True, slots=True)
class Drivers:
    """The same as rates: decided of there, won of decided, amount of won; None where that is undefined."""

    there: Fraction
    decided: Fraction | None
    win_rate: Fraction | None
    size: Fraction | None

    @classmethod
    def of(cls, counted: Counted) -> "Drivers":
        return cls(
            Fraction(counted.there),
            Fraction(counted.decided, counted.there) if counted.there else None,
            Fraction(counted.won, counted.decided) if counted.decided else None,
            Fraction(counted.amount, counted.won) if counted.won else None,
        )

    def filled(self, other: "Drivers") -> "Drivers":
        """With the other's rate wherever an own one is undefined, so that what it would move falls to the driver before."""
        return Drivers(
            self.there,
            other.decided if self.decided is None else self.decided,
            other.win_rate if self.win_rate is None else self.win_rate,
            other.size if self.size is None else self.size,
        )

    @property
    def brings(self) -> Fraction:
        """What these drivers make; nothing where one is undefined on both sides."""
        if self.decided is None or self.win_rate is None or self.size is None:
            return Fraction(0)
        return self.there * self.decided * self.win_rate * self.size


@dataclass(frozen=True, slots=True)
class Said:
    """A driver as a plan states it: `value` as a bridge counts (a share, minor units, deals), `stated` in the plan's own words.

    `of`: the node that it is said of. `assumption_id`: None of a target.
    """

    value: Fraction
    stated: Decimal
    by: By
    of: str
    assumption_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Stated:
    """The drivers that a plan states: the share won of what is decided, what a won deal brings (minor units), how many are created."""

    win_rate: Fraction | None = None
    size: Fraction | None = None
    created: Fraction | None = None

    @classmethod
    def of(cls, said: Mapping[Driver, Said]) -> "Stated":
        """As a bridge takes them."""
        values = {name: each.value for name, each in said.items()}
        return cls(values.get("win_rate"), values.get("size"), values.get("creation"))

    def instead(self, drivers: Drivers) -> Drivers:
        """The drivers with those that are stated in their place."""
        win_rate = drivers.win_rate if self.win_rate is None else self.win_rate
        return replace(drivers, win_rate=win_rate, size=drivers.size if self.size is None else self.size)


@dataclass(frozen=True, slots=True)
class Base:
    """Where a bridge from a plan begins: its drivers, what came of neither kind, and what all that makes (minor units)."""

    opening: Drivers
    created: Drivers
    other: int
    booked: int


def bridge(was: Period, before: Period, after: Period) -> dict[Term, int]:
    """The terms from `was.booked` to `after.booked`, in minor units; they add up exactly.

    `was`: the earlier period in the organisation of its time; `before`: the same in the organisation of the later one, which alone
    is compared driver by driver. `scope` is what the organisation moved, `fx` what the rates moved of both periods.
    """
    then = Drivers.of(before.opening), Drivers.of(before.created)
    return _chained(*then, after)[1] | {
        "scope": before.common - was.common,
        "fx": (was.common - was.booked) + (after.booked - after.common),
        "unexplained": after.other - before.other,
    }


def from_plan(stated: Stated, before: Period, after: Period) -> tuple[Base, dict[Term, int]]:
    """What the plan's drivers make, with those of `before` where it states none, and the terms from there to `after.booked`.

    Nothing is scope: the plan is of the organisation that is compared. What neither kind brought is that of `before`.
    """
    opening, created = (stated.instead(Drivers.of(each)) for each in (before.opening, before.created))
    if stated.created is not None:
        created = replace(created, there=stated.created)
    (opening, created), terms = _chained(opening, created, after)
    base = Base(opening, created, before.other, round(opening.brings + created.brings) + before.other)
    return base, terms | {
        "scope": 0,
        "fx": after.booked - after.common,
        "unexplained": after.other - before.other,
    }


def _chained(open_then: Drivers, made_then: Drivers, after: Period) -> tuple[tuple[Drivers, Drivers], dict[Term, int]]:
    """The drivers with which the chain begins, filled, and the terms of those that take their place one after the other."""
    open_now, made_now = Drivers.of(after.opening), Drivers.of(after.created)
    here, new = begins = open_then.filled(open_now), made_then.filled(made_now)
    open_now, made_now = open_now.filled(open_then), made_now.filled(made_then)
    levels = [here.brings + new.brings]

    def stands() -> None:
        levels.append(here.brings + new.brings)

    here = replace(here, there=open_now.there)
    stands()
    new = replace(new, there=made_now.there)
    stands()
    here, new = replace(here, win_rate=open_now.win_rate), replace(new, win_rate=made_now.win_rate)
    stands()
    here, new = replace(here, decided=open_now.decided), replace(new, decided=made_now.decided)
    stands()
    here, new = replace(here, size=open_now.size), replace(new, size=made_now.size)
    stands()
    opening, creation, win_rate, timing, size = (round(to) - round(at) for at, to in pairwise(levels))
    return begins, {
        "opening": opening,
        "creation": creation,
        "win_rate": win_rate,
        "timing": timing,
        "size": size,
    }
