"""A fit for the registry: the guard, the model, how right it is on the newest leads and in their segments. Pure."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from services.leads.conversion.facts import CHANNEL, Facts
from services.leads.conversion.odds.fitting import Past, learn_model
from services.leads.conversion.odds.guard import Circumstances, Leak, find_leaks, too_good, without_leaks
from services.leads.conversion.odds.judging import DRAWS, FIT_SHARE, Judged, judge, reading
from services.leads.conversion.odds.model import ConversionModel, Prior
from services.leads.conversion.odds.table import Floats

SEGMENTED_BY = ("source", "segment", "region", "market", "product")
LEAST_IN_SEGMENT = 50
SEGMENT_DRAWS = 200


@dataclass(frozen=True)
class Registered:
    """What the registry keeps of a fit. `model` is the prior alone where `is_fitted` is False."""

    model: ConversionModel
    is_fitted: bool
    why: str
    ridge: float | None
    leaks: list[dict[str, str]]
    figures: dict[str, Any] | None
    segments: list[dict[str, Any]]


def learn(facts: Facts, outcomes: Floats, *, leads: int, rng: np.random.Generator, draws: int = DRAWS) -> Registered:
    """Fit on rows in the order of their leads' creation, of `leads` different leads.

    The oldest 70 % are fitted and the rest judges: where the model does not rank those better than their order of
    arrival, newest first, the rules go on scoring, with the base rate that was learnt. Else it is fitted on all.
    """
    past = Past(facts.table(), facts.points(), outcomes, max(1.0, len(outcomes) / max(leads, 1)))
    rules = ConversionModel(Prior().learnt(outcomes, past.points, past.rows_per_lead))
    bound = int(len(past) * FIT_SHARE)
    if not past.part(0, bound).says_something:
        return Registered(
            rules, False, f"{int(outcomes.sum())} conversions are too few to learn from", None, [], None, []
        )
    judged = judge(past, rng=rng, channel=CHANNEL, draws=draws)
    figures, segments = figures_of(judged), _segments(judged, facts, bound, rng)
    if not judged.beats_newest_first:
        why = "the fitted model does not rank the newest leads better than newest-first"
        return Registered(rules, False, why, judged.learnt.ridge, _leaks(judged), figures, segments)
    leaks = find_leaks(past.table, outcomes, Circumstances(channel=CHANNEL))
    learnt = learn_model(
        Past(without_leaks(past.table, leaks), past.points, outcomes, past.rows_per_lead), channel=CHANNEL
    )
    why = too_good(judged.measured.auc) or "it ranks the newest leads better than newest-first"
    return Registered(learnt.model, True, why, learnt.ridge, [_leak(leak) for leak in leaks], figures, segments)


def figures_of(judged: Judged) -> dict[str, Any]:
    """The fields of `FiguresOut`."""
    found = judged.measured
    return {
        "leads": found.leads,
        "converted": found.converted,
        "auc": found.auc,
        "auc_interval": None if judged.auc_interval is None else judged.auc_interval._asdict(),
        "newest_first_auc": judged.newest_first_auc,
        "log_loss": found.log_loss,
        "log_loss_interval": judged.log_loss_interval._asdict(),
        "brier": found.brier,
        "ece": found.ece,
        "ece_interval": judged.ece_interval._asdict(),
        "lift": judged.lift,
        "bins": [{"leads": each.leads, "said": each.said, "came": each.came} for each in judged.bins],
    }


def _segments(judged: Judged, facts: Facts, bound: int, rng: np.random.Generator) -> list[dict[str, Any]]:
    found = []
    for by in SEGMENTED_BY:
        values = facts.words[by][bound:]
        for value in sorted({value for value in values.tolist() if value is not None}):
            rows = np.flatnonzero(values == value)
            if len(rows) >= LEAST_IN_SEGMENT:
                part = _part(judged, rows, rng)
                found.append({"by": by, "value": value, **figures_of(part)})
    return found


def _part(judged: Judged, rows: np.ndarray[Any, Any], rng: np.random.Generator) -> Judged:
    return reading(judged.learnt, (), judged.chances[rows], judged.outcomes[rows], rng=rng, draws=SEGMENT_DRAWS)


def _leaks(judged: Judged) -> list[dict[str, str]]:
    return [_leak(leak) for leak in judged.leaks]


def _leak(leak: Leak) -> dict[str, str]:
    return {"column": leak.column, "kind": leak.kind, "reason": leak.reason}
