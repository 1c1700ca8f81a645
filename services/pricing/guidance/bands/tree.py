"""Bands of a tree of segments: each segment's own quotes, and below 30 of them partly its parent's band."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from services.pricing.guidance.bands.quantiles import Floats, intervals, quantiles, sampling_variance

Path = tuple[str, ...]
"""Values from the company down; () is the company. What is not known is the value ''."""
ENOUGH = 30
"""Won quotes from which on a segment speaks for itself."""
PRIOR_SEGMENTS = 4.0
"""As many segments count as the belief that segments differ by as much as the sampling error of 30 quotes."""
_Z = 1.6448536269514722


@dataclass(frozen=True, slots=True)
class Sold:
    """Lines of won quotes, one entry each: the full path, the quote's number, and the net price over the list price."""

    paths: Sequence[Path]
    quotes: npt.NDArray[np.int64]
    ratios: Floats


@dataclass(frozen=True, slots=True)
class Quantile:
    """A share of the list price with its 90 % interval; an end is None where the quotes bound nothing."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Band:
    """Floor, target and stretch of a segment.

    `quotes` stand in the segment itself; `shrunk` in [0, 1] is the share of the parent's other quotes in the answer; `effective_quotes` says on how many
    quotes of its own a segment would have to rest to be as sure.
    """

    path: Path
    quotes: int
    effective_quotes: float
    shrunk: float
    floor: Quantile
    target: Quantile
    stretch: Quantile


@dataclass(slots=True)
class _Segment:
    path: Path
    lines: npt.NDArray[np.intp]
    values: Floats
    weights: Floats
    quotes: int
    own: Floats
    error: Floats
    """Sampling variance of `own`, by level; of a small segment 0 until its siblings are known (see `_share_errors`)."""


def bands(sold: Sold) -> dict[Path, Band]:
    """The band of every segment that has a won quote; without quotes none.

    Empirical Bayes after Efron and Morris (1975), on quantiles: a segment's quantile q with sampling variance s2 and that of its
    parent's other quotes, Q' with variance V', give u q + (1 - u) Q', where u = (t2 + V') / (t2 + V' + s2), one u for the three levels so
    that they stay in order. The parent's own Q holds the segment's quotes by a share a, so Q' is read out of Q (see `_shrunk`): no
    quote counts twice. t2 is how much segments of that depth differ from their parents (see `_spread`). s2 of a small
    segment comes from deviations within all its siblings. From 30 quotes on u = 1. An only child is its parent.
    """
    if not len(sold.ratios):
        return {}
    parents: dict[Path, _Segment] = {(): _segment((), np.arange(len(sold.ratios)), sold)}
    variances: dict[Path, Floats] = {(): parents[()].error}
    found: dict[Path, Band] = {(): _own_band(parents[()])}
    for depth in range(1, max(map(len, sold.paths)) + 1):
        families = {path: _children(parent, depth, sold) for path, parent in parents.items()}
        pools = _pools(families, parents)
        for path, family in families.items():
            _share_errors(family, pools[path])
        spread = _spread(families, found, _usual_error(pools))
        below: dict[Path, _Segment] = {}
        for path, family in families.items():
            for segment in family:
                below[segment.path] = segment
                share = len(segment.lines) / len(parents[path].lines)
                found[segment.path], variances[segment.path] = _shrunk(
                    segment, found[path], variances[path], spread, share=share
                )
        parents = below
    return found


def _segment(path: Path, lines: npt.NDArray[np.intp], sold: Sold) -> _Segment:
    values = sold.ratios[lines]
    quotes, which, counts = np.unique(sold.quotes[lines], return_inverse=True, return_counts=True)
    weights: Floats = 1.0 / counts[which]
    own = quantiles(values, weights)
    speaks = not path or len(quotes) >= ENOUGH
    error = sampling_variance(values, len(quotes)) if speaks else np.zeros_like(own)
    return _Segment(path, lines, values, weights, len(quotes), own, error)


def _children(parent: _Segment, depth: int, sold: Sold) -> list[_Segment]:
    members: dict[Path, list[int]] = {}
    for line in parent.lines.tolist():
        if len(sold.paths[line]) >= depth:
            members.setdefault(sold.paths[line][:depth], []).append(line)
    return [_segment(path, np.array(members[path]), sold) for path in sorted(members)]


def _pools(families: Mapping[Path, Sequence[_Segment]], parents: Mapping[Path, _Segment]) -> dict[Path, Floats]:
    """By parent, values whose spread is that within its segments: their own where there are enough, else the whole depth's."""
    within = {path: [_deviations(each) for each in family if len(each.values) > 1] for path, family in families.items()}
    everybody = [each for family in within.values() for each in family]
    pools = {}
    for path, own in within.items():
        chosen = own if sum(map(len, own)) >= ENOUGH else everybody
        pools[path] = np.concatenate(chosen) if chosen else parents[path].values
    return pools


def _deviations(segment: _Segment) -> Floats:
    lines = len(segment.values)
    deviations: Floats = (segment.values - segment.values.mean()) * np.sqrt(lines / (lines - 1))
    return deviations


def _share_errors(family: Sequence[_Segment], pool: Floats) -> None:
    """Give small segments the sampling variance that quotes spread like their siblings' would have."""
    known: dict[int, Floats] = {}
    for segment in family:
        if segment.quotes < ENOUGH:
            if segment.quotes not in known:
                known[segment.quotes] = sampling_variance(pool, segment.quotes)
            segment.error = known[segment.quotes]


def _usual_error(pools: Mapping[Path, Floats]) -> float:
    return float(np.mean([sampling_variance(pool, ENOUGH) for pool in pools.values()]))


def _spread(families: Mapping[Path, Sequence[_Segment]], found: Mapping[Path, Band], prior: float) -> float:
    """t2: the variance between segments of one depth and their parents, by moments, blended with a prior.

    A parent's quantile holds its segments' own quotes, a_c of them, so E(q_c - Q)2 = (t2 + s2_c)(1 - 2 a_c) + sum_j a_j2 (t2 + s2_j),
    which is solved for t2 over all segments, weighted by their quotes up to 30.
    """
    squares = weight = 0.0
    for path, family in families.items():
        parent = _levels(found[path])
        counts: Floats = np.array([segment.quotes for segment in family], dtype=float)
        errors: Floats = np.array([segment.error.mean() for segment in family])
        apart: Floats = np.array([((segment.own - parent) ** 2).mean() for segment in family])
        share = counts / counts.sum()
        trust = np.minimum(counts, ENOUGH) / ENOUGH
        squares += float(trust @ (apart - errors * (1 - 2 * share) - (share**2) @ errors))
        weight += float(trust @ (1 - 2 * share + (share**2).sum()))
    return (max(0.0, squares) + PRIOR_SEGMENTS * prior) / (max(0.0, weight) + PRIOR_SEGMENTS)


def _shrunk(
    segment: _Segment, parent: Band, parent_variance: Floats, spread: float, *, share: float
) -> tuple[Band, Floats]:
    """The segment's band and the variance of its quantiles; `share` in (0, 1] of its parent's lines are its own.

    With Q = a q + (1 - a) Q' follow V' = (V - a2 s2) / (1 - a)2 and u q + (1 - u) Q' = w q + (1 - w) Q for w = (u - a) / (1 - a). What
    the parent itself borrows holds none of the segment's quotes.
    """
    if segment.quotes >= ENOUGH:
        return _own_band(segment), segment.error
    if share == 1:
        return replace(parent, path=segment.path), parent_variance
    inside = share * (1 - parent.shrunk)
    others = np.maximum(0, parent_variance - inside**2 * segment.error) / (1 - inside) ** 2
    belief = spread + others
    total = float(belief.mean() + segment.error.mean())
    # Where all quotes so far have one price nothing is known of spread; then the belief of `PRIOR_SEGMENTS` alone.
    own = float(belief.mean()) / total if total > 0 else segment.quotes / (segment.quotes + ENOUGH)
    own = max(own, inside)
    weight = (own - inside) / (1 - inside)
    values = weight * segment.own + (1 - weight) * _levels(parent)
    variance: Floats = own**2 * segment.error + (1 - own) ** 2 * belief
    reach = _Z * np.sqrt(variance)
    ends = np.stack((np.maximum(0, values - reach), values + reach), axis=1)
    # Quotes all at one price have no error that could be divided by.
    effective = (
        segment.quotes * float(segment.error.mean() / variance.mean()) if variance.mean() > 0 else segment.quotes
    )
    return _band(segment, values, ends, effective, 1 - own), variance


def _own_band(segment: _Segment) -> Band:
    return _band(segment, segment.own, intervals(segment.values, segment.weights), float(segment.quotes), 0.0)


def _band(segment: _Segment, values: Floats, ends: Floats, effective: float, shrunk: float) -> Band:
    told = [Quantile(float(value), *map(_end, pair)) for value, pair in zip(values, ends, strict=True)]
    return Band(segment.path, segment.quotes, effective, shrunk, *told)


def _end(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _levels(band: Band) -> Floats:
    return np.array((band.floor.value, band.target.value, band.stretch.value))
