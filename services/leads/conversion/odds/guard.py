"""The leak guard: columns that were filled after the outcome are left out, each with the reason."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from services.leads.conversion.odds import leaks
from services.leads.conversion.odds.table import Bools, Floats, Table

FILL_ODDS_FROM = 1.5
"""The nearer end of the interval of the odds ratio of being filled must lie beyond this, or below its inverse."""

ALONE_FROM = 0.9
"""A single column whose interval of AUC lies above this tells the outcome instead of foretelling it."""

LATE_FROM = 0.2
"""A column that was modified after the outcome on such a share of leads is not what was known when they were scored."""

TELLS_FROM = 0.5
TOO_GOOD_MODEL = 0.95
"""A model with such an AUC on later leads still reads the outcome somewhere."""

Kind = Literal["modified_after_close", "fill_by_outcome", "too_good"]


@dataclass(frozen=True, slots=True)
class Leak:
    """A column left out: how it was found, and the evidence in words."""

    column: str
    kind: Kind
    reason: str


@dataclass(frozen=True)
class Circumstances:
    """What else is known of the leads, where it is: all in days on one scale, NaN for unknown.

    `closed` (leads,): when the outcome was known. `modified`: by column, when it was last written. `channel`: a word
    column by which leads come in different ways; fill is compared within it.
    """

    closed: Floats | None = None
    modified: Mapping[str, Floats] = field(default_factory=dict)
    channel: str | None = None

    def part(self, start: int, end: int) -> "Circumstances":
        """Those of the leads at `start` to `end`."""
        return Circumstances(
            None if self.closed is None else self.closed[start:end],
            {name: days[start:end] for name, days in self.modified.items()},
            self.channel,
        )


def find_leaks(table: Table, outcomes: Floats, circumstances: Circumstances | None = None) -> tuple[Leak, ...]:
    """The columns to leave out, in the order of the table.

    Three tests, the first that holds gives the reason: written after the outcome while telling of it; filled much more
    often, or much less, on leads that converted, among leads of one channel; telling the outcome all alone. A column
    that is filled late by chance says nothing of the outcome and stays. The tests see a leak only where there are enough
    leads for their intervals; what they miss, the AUC of the model betrays (TOO_GOOD_MODEL).
    """
    if not 0 < outcomes.sum() < len(outcomes):
        return ()
    known = circumstances or Circumstances()
    strata = _strata(table, known.channel)
    found = (_leak(table, name, outcomes, strata, known) for name in table.names)
    return tuple(leak for leak in found if leak is not None)


def too_good(auc: float | None) -> str | None:
    """A warning in words when a model ranks better than anything known beforehand does."""
    if auc is None or auc <= TOO_GOOD_MODEL:
        return None
    return (
        f"AUC {auc:.3f} is above {TOO_GOOD_MODEL}: a column is likely filled after the outcome, and the guard missed it"
    )


def without_leaks(table: Table, leaks_found: Sequence[Leak]) -> Table:
    return table.without([leak.column for leak in leaks_found])


def _leak(table: Table, name: str, outcomes: Floats, strata: NDArray[np.int64], known: Circumstances) -> Leak | None:
    filled = table.filled(name)
    return (
        _modified_late(table, name, outcomes, filled, known)
        or _filled_by_outcome(name, outcomes, filled, strata)
        or _tells_alone(table, name, outcomes, filled)
    )


def _modified_late(table: Table, name: str, outcomes: Floats, filled: Bools, known: Circumstances) -> Leak | None:
    modified = known.modified.get(name)
    if modified is None or known.closed is None:
        return None
    dated = filled & ~np.isnan(modified) & ~np.isnan(known.closed)
    if not dated.any():
        return None
    share = float((modified[dated] > known.closed[dated]).mean())
    told = leaks.alone(table, name, outcomes)
    if share < LATE_FROM or told is None or told[1] <= TELLS_FROM:
        return None
    return Leak(
        name,
        "modified_after_close",
        f"written after the outcome on {share:.0%} of the leads where both times are known",
    )


def _filled_by_outcome(name: str, outcomes: Floats, filled: Bools, strata: NDArray[np.int64]) -> Leak | None:
    odds = leaks.fill_odds(filled, outcomes, strata)
    if odds is None or (odds.low <= FILL_ODDS_FROM and odds.high >= 1 / FILL_ODDS_FROM):
        return None
    won, lost = filled[outcomes == 1].mean(), filled[outcomes == 0].mean()
    return Leak(
        name,
        "fill_by_outcome",
        f"filled on {won:.0%} of the leads that converted and {lost:.0%} of the others; "
        f"odds ratio {odds.value:.1f} ({odds.low:.1f} to {odds.high:.1f}) among leads of one channel",
    )


def _tells_alone(table: Table, name: str, outcomes: Floats, filled: Bools) -> Leak | None:
    told = [leaks.alone(table, name, outcomes)]
    if filled.any() and not filled.all():
        told.append(leaks.alone(table.take(filled), name, outcomes[filled]))
    best = max((each for each in told if each is not None), key=lambda each: each[1], default=None)
    if best is None or best[1] <= ALONE_FROM:
        return None
    return Leak(name, "too_good", f"tells the outcome all alone: AUC {best[0]:.3f}, at least {best[1]:.3f}")


def _strata(table: Table, channel: str | None) -> NDArray[np.int64]:
    if channel is None or channel not in table.words:
        return np.zeros(len(table), dtype=np.int64)
    return leaks.coded_words(table.words[channel])
