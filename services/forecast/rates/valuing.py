"""Many amounts valued at once, to the cent: the twin of `Rates.convert` and `money.weighted` for columns. Pure."""

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from libs.common import money
from services.forecast.rates.conversion import Rates, YearRates

Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]
Flags = npt.NDArray[np.bool_]

_ALL_INTS = 2**63


def times(units: Ints, factor: Fraction) -> Ints:
    """`units` times `factor`, each rounded half away from zero, exactly."""
    if not len(units) or factor == 1:
        return units
    numerator, denominator = factor.numerator, factor.denominator
    largest = int(np.abs(units).max())
    if 2 * largest * numerator + denominator < _ALL_INTS and 2 * denominator < _ALL_INTS:
        magnitude = (2 * np.abs(units) * numerator + denominator) // (2 * denominator)
        return np.where(units < 0, -magnitude, magnitude)
    product = units.astype(np.float64) * float(factor)
    whole = np.trunc(product + np.copysign(0.5, product))
    # Where doubles cannot tell to which side it rounds, whole numbers do.
    doubtful = np.abs(np.abs(product - np.trunc(product)) - 0.5) <= np.abs(product) * 1e-15 + 1e-9
    doubtful |= np.abs(product) > 2**50
    rounded = np.where(doubtful, 0, whole).astype(np.int64)
    for at in np.flatnonzero(doubtful).tolist():
        exact = factor * int(units[at])
        nearest = (2 * abs(exact.numerator) + exact.denominator) // (2 * exact.denominator)
        rounded[at] = nearest if exact >= 0 else -nearest
    return rounded


def in_base(
    amount: Ints, scale: int, currency: Codes, currencies: Sequence[str | None], day: Codes, rates: Rates
) -> tuple[Ints, Flags]:
    """Amounts (whole numbers of 10^-`scale` of their currency) in minor units of the base currency, and which are known.

    `day` (days since 1970) decides on the fiscal year whose own rate goes before the default one.
    """
    valued, known = np.zeros(len(amount), dtype=np.int64), np.zeros(len(amount), dtype=bool)
    places = money.exponent(rates.base) - scale
    for code in np.flatnonzero(np.bincount(currency)).tolist() if len(currency) else ():
        name = currencies[code]
        if name is None:
            continue
        waiting = currency == code
        for rate, year in _rates_of(rates, name):
            here = waiting if year is None else waiting & (day >= _number(year.start)) & (day < _number(year.end))
            waiting = waiting & ~here
            valued[here] = times(amount[here], Fraction(rate) * Fraction(10) ** places)
            known |= here
    return valued, known


def weighted(units: Ints, probability: Codes, probabilities: Sequence[str | None]) -> tuple[Ints, Flags]:
    """Each amount times its probability, rounded each; and which have one."""
    valued, known = np.zeros(len(units), dtype=np.int64), np.zeros(len(units), dtype=bool)
    for code in np.flatnonzero(np.bincount(probability)).tolist() if len(probability) else ():
        text = probabilities[code]
        if text is None:
            continue
        here = probability == code
        valued[here] = times(units[here], Fraction(Decimal(text)))
        known |= here
    return valued, known


def _rates_of(rates: Rates, currency: str) -> Iterator[tuple[Decimal, YearRates | None]]:
    """The rates of a currency, those of single years first; None stands for every other day."""
    if currency == rates.base:
        yield Decimal(1), None
        return
    for year in rates.years:
        if currency in year.to_base:
            yield year.to_base[currency], year
    if currency in rates.default:
        yield rates.default[currency], None


def _number(day: date) -> int:
    return (day - date(1970, 1, 1)).days
