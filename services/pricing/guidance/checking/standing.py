"""A price ratio against floor, target and stretch, lifted to the policy's minimum."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

Standing = Literal[
    "below_policy", "below_floor", "below_target", "below_stretch", "above_stretch", "within_policy", "unknown"
]

PLACES = Decimal("0.0001")
"""Ratios are kept and told to a hundredth of a percent."""


@dataclass(frozen=True, slots=True)
class Edges:
    """Floor <= target <= stretch, as shares of the list price."""

    floor: Decimal
    target: Decimal
    stretch: Decimal


def lifted(edges: Edges, minimum: Decimal | None) -> Edges:
    """The band as it may be sold: nothing of it below the policy's minimum."""
    if minimum is None:
        return edges
    return Edges(max(edges.floor, minimum), max(edges.target, minimum), max(edges.stretch, minimum))


def stands(ratio: Decimal | None, edges: Edges | None, minimum: Decimal | None) -> Standing:
    """Where a price stands; a price on an edge has reached it. Without a band only the policy speaks."""
    if ratio is None:
        return "unknown"
    if minimum is not None and ratio < minimum:
        return "below_policy"
    if edges is None:
        return "unknown" if minimum is None else "within_policy"
    band = lifted(edges, minimum)
    if ratio < band.floor:
        return "below_floor"
    if ratio < band.target:
        return "below_target"
    return "below_stretch" if ratio < band.stretch else "above_stretch"


def mixed(parts: Sequence[tuple[Decimal, Edges]]) -> Edges:
    """The band of a whole quote: the lines' bands, weighted by their list amounts. No or no positive amounts raise ValueError."""
    whole = sum((weight for weight, _ in parts), Decimal())
    if whole <= 0:
        raise ValueError("a quote without list amounts has no band")
    return Edges(
        *(
            rounded(sum((weight * getattr(edges, name) for weight, edges in parts), Decimal()) / whole)
            for name in ("floor", "target", "stretch")
        )
    )


def rounded(ratio: Decimal) -> Decimal:
    return ratio.quantize(PLACES, ROUND_HALF_UP)


def spoken(levels: Sequence[str], path: Sequence[str]) -> str:
    """A segment in words: `DACH / enterprise / family unknown`; the company for the empty path."""
    if not path:
        return "the whole company"
    return " / ".join(value or f"{level} unknown" for level, value in zip(levels, path, strict=False))


def why(levels: Sequence[str], asked: Sequence[str], path: Sequence[str], quotes: int, shrunk: Decimal) -> str:
    """What a band rests on, in one sentence."""
    said = (
        f"{quotes} won {'quote' if quotes == 1 else 'quotes'} in {spoken(levels, path)}, shrunk {shrunk:.0%}".replace(
            "%", " %"
        )
    )
    if shrunk:
        said += f" to {spoken(levels, path[:-1])}"
    return said if len(path) == len(asked) else f"none won in {spoken(levels, asked)}: {said}"
