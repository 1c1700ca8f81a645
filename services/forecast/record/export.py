"""Accuracy as a table: the same numbers as the JSON."""

from services.forecast.readings.table import Kind, Table
from services.forecast.record.schemas import AccuracyOut, CoverageOut, JudgedOut, MethodOut

_SHARES = ("wape", "wape_remaining", "bias", "bias_remaining", "crps", "interval_score", "foretell_wape")


def accuracy_table(found: AccuracyOut) -> Table:
    """A line per part and method, and those of all locks."""
    columns: dict[str, Kind] = {
        **dict.fromkeys(("by", "key", "label", "currency", "method"), "text"),
        **dict.fromkeys(("n", "periods"), "count"),
        "absolute_error": "money",
        **dict.fromkeys((*_SHARES, "cover_80", "cover_80_low", "cover_80_high"), "number"),
        **dict.fromkeys(("noise_floor", "noise_floor_remaining"), "number"),
        **dict.fromkeys(("closer", "too_early"), "text"),
    }

    def line(by: str, key: str | None, label: str | None, judged: JudgedOut, method: MethodOut) -> list[object]:
        return [
            *(by, key, label, found.currency, method.method, method.n, method.periods, method.absolute_error),
            *(getattr(method, name) for name in _SHARES),
            *_ends(method.cover_80),
            *(judged.noise_floor, judged.noise_floor_remaining, method.closer, judged.too_early),
        ]

    lines = [line(found.by, part.key, part.label, part, method) for part in found.parts for method in part.methods]
    lines += [line("all", None, None, found.overall, method) for method in found.overall.methods]
    return Table(f"accuracy-{found.by}", columns, lines)


def _ends(held: CoverageOut | None) -> tuple[float | None, float | None, float | None]:
    return (held.share, held.low, held.high) if held else (None, None, None)
