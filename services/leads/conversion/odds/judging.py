"""How right the model is on leads it has not seen: fitted on the older ones, read on the newer ones, beside newest-first."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from services.leads.conversion.odds import measures
from services.leads.conversion.odds.fitting import Learnt, Past, learn_model
from services.leads.conversion.odds.guard import Circumstances, Leak, find_leaks, without_leaks
from services.leads.conversion.odds.measures import Bin, Measured
from services.leads.conversion.odds.model import Prior
from services.leads.conversion.odds.table import Floats

FIT_SHARE = 0.7
"""The oldest part of the leads, which the model is fitted on; it is judged on the rest."""

DRAWS = 500
ENDS = (0.025, 0.975)
TOP_SHARE = 0.2
"""Who works a queue from the top reaches such a share of it: lift compares who is found there."""


class Interval(NamedTuple):
    """The middle 95 % of a bootstrap over leads."""

    low: float
    high: float


@dataclass(frozen=True)
class Judged:
    """Figures on the newest leads, with 95 % intervals; `newest_first_auc` ranks the same leads by when they came.

    `lift`: share of the conversions among the best-ranked fifth over that share when the newest fifth is taken;
    None where nothing converted there.
    """

    learnt: Learnt
    leaks: tuple[Leak, ...]
    chances: Floats
    outcomes: Floats
    measured: Measured
    auc_interval: Interval | None
    log_loss_interval: Interval
    ece_interval: Interval
    newest_first_auc: float | None
    lift: float | None
    bins: tuple[Bin, ...]

    @property
    def beats_newest_first(self) -> bool:
        """Whether the model ranks the newest leads better than their order of arrival does."""
        if self.measured.auc is None or self.newest_first_auc is None:
            return False
        return self.measured.auc > self.newest_first_auc


def judge(
    past: Past,
    *,
    rng: np.random.Generator,
    channel: str | None = None,
    prior: Prior | None = None,
    circumstances: Circumstances | None = None,
    guarded: bool = True,
    fit_share: float = FIT_SHARE,
    draws: int = DRAWS,
) -> Judged:
    """Guard and fit on the oldest `fit_share` of `past`, judge on the rest. Raises ValueError when nothing is left to judge on."""
    bound = int(len(past) * fit_share)
    older, newer = past.part(0, bound), past.part(bound, len(past))
    known = circumstances.part(0, bound) if circumstances else Circumstances(channel=channel)
    found = find_leaks(older.table, older.outcomes, known) if guarded else ()
    older = replace(older, table=without_leaks(older.table, found))
    learnt = learn_model(older, prior=prior, channel=channel)
    chances = learnt.model.score(newer.table, newer.points).chance
    return reading(learnt, found, chances, newer.outcomes, rng=rng, draws=draws)


def reading(
    learnt: Learnt,
    leaks: Sequence[Leak],
    chances: Floats,
    outcomes: Floats,
    *,
    rng: np.random.Generator,
    draws: int = DRAWS,
) -> Judged:
    """The figures of `chances` given to leads in the order in which they came, and of what came. Raises ValueError for none."""
    newest = np.arange(len(chances), dtype=float)
    drawn = [measures.measure(chances[rows], outcomes[rows]) for rows in _draws(rng, len(chances), draws)]
    aucs = [each.auc for each in drawn if each.auc is not None]
    return Judged(
        learnt=learnt,
        leaks=tuple(leaks),
        chances=chances,
        outcomes=outcomes,
        measured=measures.measure(chances, outcomes),
        auc_interval=_interval(aucs) if aucs else None,
        log_loss_interval=_interval([each.log_loss for each in drawn]),
        ece_interval=_interval([each.ece for each in drawn]),
        newest_first_auc=measures.auc(newest, outcomes),
        lift=lift(chances, newest, outcomes),
        bins=measures.reliability(chances, outcomes),
    )


def lift(chances: Floats, newest: Floats, outcomes: Floats) -> float | None:
    """Conversions among the fifth with the best chances over those among the newest fifth; None when those are none."""
    top = max(1, round(len(outcomes) * TOP_SHARE))
    ours = outcomes[np.argsort(-chances, kind="stable")[:top]].sum()
    theirs = outcomes[np.argsort(-newest, kind="stable")[:top]].sum()
    return float(ours / theirs) if theirs else None


def _draws(rng: np.random.Generator, leads: int, times: int) -> list[np.ndarray[tuple[int], np.dtype[np.int64]]]:
    return [rng.integers(0, leads, leads) for _ in range(times)]


def _interval(values: Sequence[float]) -> Interval:
    low, high = np.quantile(values, ENDS)
    return Interval(float(low), float(high))
