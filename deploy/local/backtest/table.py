"""The backtest as lines of text."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from deploy.local.backtest.judging import METHODS, Overall, Row, Series
from deploy.local.backtest.targets import Target
from services.forecast.accuracy.scores import Bin, Coverage

_EPOCH = date(1970, 1, 1)
_HEAD = (
    f"{'method':<18}{'n':>4}{'WAPE':>8}{'bias':>8}{'CRPS':>8}{'interval score':>16}"
    f"{'in 80 %':>9}{'[95 %]':>14}{'in 95 %':>9}{'[95 %]':>14}"
)


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Of one company at one horizon: wins per window, the coefficient of variation of their amounts, the noise floor of WAPE.

    On `stood_in` days the seasonal method was the last window under another name; on `wide_known` days enough periods were
    over for the product to show a 95 % interval.
    """

    wins: float
    cv: float
    floor: float | None
    stood_in: int
    wide_known: int


def block(series: Series, rows: Sequence[Row], found: Circumstances) -> Iterator[str]:
    """One company at one horizon."""
    first, last = (_day(series.as_of[place]) for place in (0, -1))
    distinct = int(series.blocks.max()) + 1
    yield (
        f"{series.company}, {series.horizon_days} days: {len(series.as_of)} windows from {first} to {last}, "
        f"{distinct} of them distinct"
    )
    yield _HEAD
    for row in sorted(rows, key=lambda row: METHODS.index(row.method)):
        yield (
            f"{row.method:<18}{row.n:>4}{_share(row.wape):>8}{_signed(row.bias):>8}{_share(row.crps):>8}"
            f"{_share(row.interval_score):>16}{_cover(row.cover80)}{_cover(row.cover95)}"
        )
    silent = [method for method in METHODS if method not in {row.method for row in rows}]
    if silent:
        yield f"history is too short for: {', '.join(silent)}"
    if found.stood_in:
        yield f"seasonal is naive_last in {found.stood_in} of {len(series.as_of)} windows: history does not reach back so far"
    if found.wide_known < len(series.as_of):
        yield (
            f"the product would have shown a 95 % interval in {found.wide_known} of {len(series.as_of)} windows: "
            "it waits for enough periods of its own"
        )
    if found.floor is not None:
        yield (
            f"noise floor of WAPE: {found.floor:.3f} ({found.wins:.0f} wins a window, "
            f"their amounts vary by {found.cv:.2f} of their mean)"
        )


def reliability(bins: Sequence[Bin]) -> Iterator[str]:
    """Said against came, a line per bin."""
    yield "P(at least x), said and come true, at nine amounts per window:"
    for each in bins:
        yield f"  said {each.said:5.0%}   came {each.came:5.0%}   of {each.n:,}"


def verdict(targets: Sequence[Target]) -> Iterator[str]:
    """A line per target."""
    width = max((len(target.name) for target in targets), default=0)
    for target in targets:
        said = "reached" if target.is_reached else "MISSED "
        yield f"{said}  {target.name:<{width}}  {target.value}, wanted {target.wanted}"


def pooled(found: Overall) -> str:
    """The comparison over all companies and horizons in one line."""
    compared = found.compared
    return (
        f"against the moving average: WAPE × {found.ratio:.3f} (geometric mean), log ratio {compared.log_ratio:+.3f} "
        f"[{compared.low:+.3f}, {compared.high:+.3f}]"
    )


def _day(number: float) -> date:
    return _EPOCH + timedelta(days=int(number))


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _signed(value: float | None) -> str:
    return "-" if value is None else f"{value:+.3f}"


def _cover(found: Coverage | None) -> str:
    if found is None:
        return f"{'-':>9}{'':>14}"
    return f"{found.share:>9.0%}{f'[{found.low:.0%}, {found.high:.0%}]':>14}"
