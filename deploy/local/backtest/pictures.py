"""The backtest as pictures: what was said against what came."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from deploy.local.backtest.judging import OURS, RIVAL, Series
from services.forecast.accuracy.scores import Bin

mpl.rcParams.update({"svg.hashsalt": "foretell", "svg.fonttype": "none", "font.size": 9})
_EPOCH = date(1970, 1, 1)
_INK, _BAND, _CAME, _RIVAL = "#1f4e79", "#9db8d2", "#b03a2e", "#7f7f7f"


def fans(folder: Path, all_series: Sequence[Mapping[str, Series]], currency: Mapping[str, str]) -> Path:
    """A panel per company and horizon: our mean and 80 % interval, the moving average, and what came."""
    figure = Figure(figsize=(10, 3.2 * len(all_series)), layout="constrained")
    for place, series in enumerate(all_series, start=1):
        _fan(figure.add_subplot(len(all_series), 1, place), series, currency)
    return _kept(figure, folder / "fan.svg")


def reliability(folder: Path, bins: Sequence[Bin]) -> Path:
    """Probabilities as said against how often they came true; the larger a point, the more statements."""
    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color=_RIVAL, linewidth=1)
    most = max((each.n for each in bins), default=1)
    axes.scatter(
        [each.said for each in bins],
        [each.came for each in bins],
        [20 + 180 * each.n / most for each in bins],
        color=_INK,
    )
    for each in bins:
        axes.annotate(f"{each.n}", (each.said, each.came), textcoords="offset points", xytext=(8, -8))
    axes.set(xlabel="P(at least x) as said", ylabel="share that came true", title="Reliability")
    return _kept(figure, folder / "reliability.svg")


def _fan(axes: Axes, series: Mapping[str, Series], currency: Mapping[str, str]) -> None:
    ours = series[OURS]
    ends = [_EPOCH + timedelta(days=int(day) + ours.horizon_days) for day in ours.as_of]
    axes.fill_between(ends, ours.ends_80[:, 0], ours.ends_80[:, 1], color=_BAND, label="80 % interval", linewidth=0)  # type: ignore[arg-type]
    axes.plot(ends, ours.mean, color=_INK, label="Foretell")  # type: ignore[arg-type]
    if RIVAL in series:
        rival = series[RIVAL]
        days = [_EPOCH + timedelta(days=int(day) + rival.horizon_days) for day in rival.as_of]
        axes.plot(days, rival.mean, color=_RIVAL, linestyle="--", label="moving average")  # type: ignore[arg-type]
    axes.plot(ends, ours.came, "o", color=_CAME, label="came")  # type: ignore[arg-type]
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda amount, _: f"{amount:,.0f}"))
    axes.set_title(f"{ours.company}: won in {ours.horizon_days} days, by the window's end ({currency[ours.company]})")
    axes.legend(loc="lower left", ncols=4, frameon=False)


def _kept(figure: Figure, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})
    return path
