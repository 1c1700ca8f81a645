"""Readings as tables: the same numbers as the JSON, for CSV and Parquet alike."""

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal, get_args
from uuid import UUID

from starlette.responses import Response

from libs.common.web.schemas import Out
from services.forecast.readings import parquet, sheet
from services.forecast.readings.schemas import OpenLines, PipelineReading
from services.forecast.readings.table import Kind, Table
from services.forecast.readings.totals import BESIDE
from services.forecast.rollup.schemas import DealRow, DealsReading, RollupReading, RollupRow, Sum
from services.forecast.rollup.standing import FORECAST_LINES, OPEN_LINES

Form = Literal["csv", "parquet"]

MEASURES: dict[str, Kind] = {
    "count": "count",
    "amount": "money",
    "weighted": "money",
    "unpriced_count": "count",
    "unweighted_count": "count",
}
SHARES = ("stage_probability",)


def answer(table: Table, form: Form) -> Response:
    """The table as a file to be saved."""
    written, media_type = (
        (sheet.written(table), sheet.MEDIA_TYPE) if form == "csv" else (parquet.written(table), parquet.MEDIA_TYPE)
    )
    return Response(
        written,
        media_type=media_type,
        headers={"Content-Disposition": f'attachment; filename="{table.name}.{form}"'},
    )


def rollup_table(reading: RollupReading) -> Table:
    """A line per part and one for the total; each bucket's count, amount and weighted side by side."""
    names = ("total", *FORECAST_LINES, *BESIDE)
    start: dict[str, Kind] = {"period": "text", reading.by: "text", "label": "text", "currency": "text"}
    sums = {f"{name}_{measure}": kind for name in names for measure, kind in MEASURES.items()}

    def line(row: RollupRow) -> list[Any]:
        parts: list[Sum] = [
            row.total,
            *(getattr(row.lines, name) for name in FORECAST_LINES),
            *(getattr(row.beside, name) for name in BESIDE),
        ]
        values = [getattr(part, measure) for part in parts for measure in MEASURES]
        return [reading.period.key, row.key, row.label, reading.currency, *values]

    return Table(
        f"rollup-{reading.period.key}-{reading.by}",
        start | sums,
        [line(row) for row in (*reading.rows, reading.totals)],
    )


def pipeline_table(reading: PipelineReading) -> Table:
    """A line per stage and one for the total; each line's count, amount and weighted side by side."""
    names = ("total", *OPEN_LINES)
    start: dict[str, Kind] = {"period": "text", "stage": "text", "currency": "text"}
    sums = {f"{name}_{measure}": kind for name in names for measure, kind in MEASURES.items()}
    days: dict[str, Kind] = {"median_days": "number", "longest_days": "number"}

    def measured(total: Sum, lines: OpenLines) -> list[Any]:
        parts = [total, *(getattr(lines, name) for name in OPEN_LINES)]
        return [getattr(part, measure) for part in parts for measure in MEASURES]

    begin, currency = reading.period.key, reading.currency
    rows = [
        [begin, row.stage, currency, *measured(row.total, row.lines), row.median_days, row.longest_days]
        for row in reading.stages
    ]
    whole = [begin, "Total", currency, *measured(reading.total, reading.lines), None, None]
    return Table(f"pipeline-{begin}", start | sums | days, [*rows, whole])


def deals_table(reading: DealsReading, items: Iterable[DealRow]) -> Table:
    """A line per deal behind the number."""
    period = reading.period.key if reading.period else "all"
    return rows_table(f"deals-{period}-{reading.bucket or 'forecast'}", DealRow, items)


def rows_table(name: str, model: type[Out], rows: Iterable[Out]) -> Table:
    """A line per row, a column per field of its schema."""
    columns = {field: kind_of(field, given.annotation) for field, given in model.model_fields.items()}
    return Table(name, columns, [[getattr(row, field) for field in columns] for row in rows])


def kind_of(name: str, annotation: Any) -> Kind:
    """What a field of a schema holds."""
    kinds: dict[Any, Kind] = {
        bool: "flag", int: "count", float: "number", date: "day", datetime: "instant", UUID: "text", str: "text",
    }  # fmt: skip
    given = {annotation, *get_args(annotation)}
    if Decimal in given:
        return "share" if name in SHARES else "money"
    return next((kind for known, kind in kinds.items() if known in given), "text")
