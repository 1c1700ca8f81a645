"""Metrics as tables: the same numbers as the JSON."""

from services.forecast.metrics.formulas.figures import Unit
from services.forecast.metrics.schemas import MetricDealOut, MetricDealsReading, MetricReading, PartOut
from services.forecast.readings.export import rows_table
from services.forecast.readings.table import Kind, Table


def metric_table(reading: MetricReading) -> Table:
    """A line per part and one for the total; what the value was made from stands as text."""
    contract = reading.contract
    columns: dict[str, Kind] = {
        **dict.fromkeys(("metric_version", "period", "by", "kind", "key", "label", "currency", "unit"), "text"),
        "value": _kind(contract.unit),
        "reason": "text",
        "n": "count",
        "unknown": "count",
        "numerator": _kind(contract.numerator),
        "denominator": _kind(contract.denominator),
        **dict.fromkeys(("low", "high", "median", "p75"), "number"),
        "factors": "text",
    }

    def line(part: PartOut) -> list[object]:
        return [
            *(reading.metric_version, reading.period.key, reading.by, part.kind, part.key, part.label),
            *(reading.currency, contract.unit, part.value, part.reason, part.n, part.unknown),
            *(part.numerator, part.denominator),
            *((part.interval.low, part.interval.high) if part.interval else (None, None)),
            *(part.median, part.p75),
            "; ".join(f"{each.name}={'' if each.value is None else each.value}" for each in part.factors),
        ]

    name = f"{reading.metric}-{reading.period.key}-{reading.by}"
    return Table(name, columns, [line(part) for part in (*reading.rows, reading.total)])


def metric_deals_table(reading: MetricDealsReading) -> Table:
    """A line per deal and role."""
    return rows_table(f"{reading.metric}-{reading.period.key}-deals", MetricDealOut, reading.items)


def _kind(unit: Unit | None) -> Kind:
    if unit is not None and unit.startswith("money"):
        return "money"
    return "count" if unit == "count" else "number"
