"""On or off: a signal turns only when two refits agree. Pure."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from services.deals.signals.lift import Measured

Verdict = Literal["lowers", "raises", "no_effect", "too_little_data"]


@dataclass(frozen=True, slots=True)
class Switch:
    """Whether a signal is on, and what the refit before said of which newest landmark."""

    is_on: bool = False
    verdict: Verdict | None = None
    newest_landmark: date | None = None


def verdict(found: Measured, *, stands_out: bool) -> Verdict:
    """What one refit says alone."""
    if found.lift is None:
        return "too_little_data"
    if not stands_out:
        return "no_effect"
    return "lowers" if found.lift < 0 else "raises"


def turned(before: Switch, said: Verdict, newest_landmark: date) -> Switch:
    """The switch after a refit.

    A refit agrees with the one before when both say the same of whether there is an effect, and in which direction. One that sees no
    later landmark than the one before is no second witness: it replaces it, and turns nothing.
    """
    if before.newest_landmark is not None and newest_landmark <= before.newest_landmark:
        return Switch(before.is_on, said, before.newest_landmark)
    if before.verdict is not None and _claim(before.verdict) == _claim(said):
        return Switch(_claim(said) != "none", said, newest_landmark)
    return Switch(before.is_on, said, newest_landmark)


def _claim(said: Verdict) -> str:
    return said if said in ("lowers", "raises") else "none"
