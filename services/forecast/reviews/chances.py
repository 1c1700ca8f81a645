"""A projection's distribution as it is frozen, and the chance of any target by it. Pure."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import numpy as np

from services.forecast.history.columns import Flags
from services.forecast.projection.landing import Landing
from services.forecast.projection.steps import Floats
from services.forecast.record.several import lighter

_POINTS: Final = 81
_DEVIATIONS: Final = 6.0
_PLACES: Final = 6


def frozen(landing: Landing, places: int, targets: Sequence[float]) -> tuple[list[float], list[float]]:
    """Amounts, and the chance that at least so much will have been closed at each of them.

    At `targets` the chance is exact; between the amounts it is read off the straight line.
    """
    few = lighter(landing)
    highest = few.to_come + _DEVIATIONS * few.deviation
    exact = {round(target, places): landing.at_least(target) for target in targets if target > landing.closed}
    grid = np.round(landing.closed + highest * np.linspace(0.0, 1.0, _POINTS)[1:] ** 2, places)
    reached = 1 - few.cdf(np.nextafter(grid, -np.inf))
    points = dict(zip(grid.tolist(), reached.tolist(), strict=True)) | exact
    amounts = np.array(sorted(points))
    chances = _falling(np.array([points[amount] for amount in amounts.tolist()]), np.isin(amounts, list(exact)))
    return amounts.tolist(), np.round(chances, _PLACES).tolist()


def at_least(closed: Decimal, amounts: Sequence[float], chances: Sequence[float], target: Decimal) -> float:
    """P(landing >= target) by a frozen distribution; what is closed already is certain."""
    wanted = float(target)
    if target <= closed:
        return 1.0
    if not amounts or wanted > amounts[-1]:
        return 0.0
    first = 1.0 if amounts[0] > float(closed) else chances[0]
    found = np.interp(wanted, [float(closed), *amounts], [first, *chances])
    return round(float(found), _PLACES)


def _falling(chances: Floats, is_exact: Flags) -> Floats:
    """The chances made to fall, those that are exact as they are: the others are from a distribution made lighter."""
    found = np.clip(chances, 0.0, 1.0)
    places = np.flatnonzero(is_exact)
    for place in places.tolist():
        found[:place] = np.maximum(found[:place], found[place])
        found[place + 1 :] = np.minimum(found[place + 1 :], found[place])
    for start, end in zip([0, *places.tolist()], [*places.tolist(), len(found)], strict=True):
        found[start:end] = np.minimum.accumulate(found[start:end])
    return found
