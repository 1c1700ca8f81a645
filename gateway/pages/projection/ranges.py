"""Ranges of several distributions on one axis, each in its row of a table. Pure.

Positions are thousandths of the picture, as in `axis`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from gateway.pages import suppositions
from gateway.pages.axis import Axis, Mark, axis, placed, written
from gateway.pages.projection import outlook


@dataclass(frozen=True, slots=True)
class Bar:
    """From the low end of a range to its high one, with the mean between."""

    x: str
    width: str
    mean: str


@dataclass(frozen=True, slots=True)
class Row:
    """A projection, its range of 80 % (None where there is none) and where they lie."""

    projection: Decimal
    band: Mapping[str, Any] | None
    bar: Bar


@dataclass(frozen=True, slots=True)
class Ranges:
    """One row per landing, in their order, and the marks that all of them share."""

    rows: Sequence[Row]
    levels: Sequence[Mark]


def ranges(landings: Sequence[Mapping[str, Any]]) -> Ranges:
    """Where landings of the forecast lie."""
    bands = [outlook.band(each["bands"], outlook.NARROW) for each in landings]
    means = [Decimal(each["parts"]["projection"]) for each in landings]
    ends = [Decimal(band[end]) for band in bands if band for end in ("low", "high")]
    levels = axis([*means, *ends], steps=4, with_zero=False)
    rows = [Row(mean, band, _bar(mean, band, levels)) for mean, band in zip(means, bands, strict=True)]
    return Ranges(rows, [placed(levels.across(tick), tick) for tick in levels.ticks])


def _bar(mean: Decimal, band: Mapping[str, Any] | None, levels: Axis) -> Bar:
    low, high = (levels.across(Decimal(band[end]) if band else mean) for end in ("low", "high"))
    return Bar(written(low), written(high - low), written(levels.across(mean)))


STANDING = {
    "won": "was won meanwhile: it is in what is closed",
    "lost": "was lost meanwhile",
    "removed": "was removed meanwhile",
    "elsewhere": "is no longer among the deals that this scenario is of",
    "unknown": "was not known then",
    "hidden": "is outside what you may see",
}
"""Why a supposition is not taken into account."""


@dataclass(frozen=True, slots=True)
class Said:
    """A supposition in words. `deal` is the one it is of, if it may be seen; `why_not` says why it is left out, if it is."""

    words: str
    deal: Mapping[str, Any] | None
    why_not: str
    change: Decimal | None


def said(found: Iterable[Mapping[str, Any]]) -> list[Said]:
    """The suppositions of a scenario, as it is listed or compared."""
    return [
        Said(
            "A deal" if each["suppose"] is None else suppositions.words(each["suppose"]),
            each["deal"],
            STANDING.get(each["standing"], ""),
            None if each.get("change") is None else Decimal(each["change"]),
        )
        for each in found
    ]


def counted(found: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """The suppositions that can still be made, as the address has them."""
    return tuple(each["suppose"] for each in found if each["standing"] in ("none", "open"))
