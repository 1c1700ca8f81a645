"""Readings as CSV: the same numbers as the JSON, one header line, decimals with a point, RFC 4180."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from starlette.responses import Response

from services.forecast.readings.schemas import OpenLines, PipelineReading
from services.forecast.readings.totals import BESIDE
from services.forecast.rollup.schemas import DealRow, DealsReading, RollupReading, RollupRow, Sum
from services.forecast.rollup.standing import FORECAST_LINES, OPEN_LINES

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def rollup_csv(reading: RollupReading) -> Response:
    """A line per part and one for the total; each bucket's count, amount and weighted side by side."""
    names = ("total", *FORECAST_LINES, *BESIDE)
    measures = ("count", "amount", "weighted", "unpriced_count", "unweighted_count")
    header = [
        "period",
        reading.by,
        "label",
        "currency",
        *(f"{name}_{measure}" for name in names for measure in measures),
    ]

    def line(row: RollupRow) -> list[Any]:
        sums: list[Sum] = [
            row.total,
            *(getattr(row.lines, name) for name in FORECAST_LINES),
            *(getattr(row.beside, name) for name in BESIDE),
        ]
        values = [getattr(part, measure) for part in sums for measure in measures]
        return [reading.period.key, text(row.key), text(row.label), reading.currency, *values]

    return answer(
        f"rollup-{reading.period.key}-{reading.by}", header, (line(row) for row in (*reading.rows, reading.totals))
    )


def pipeline_csv(reading: PipelineReading) -> Response:
    """A line per stage and one for the total; each line's count, amount and weighted side by side."""
    names = ("total", *OPEN_LINES)
    measures = ("count", "amount", "weighted", "unpriced_count", "unweighted_count")
    columns = [f"{name}_{measure}" for name in names for measure in measures]
    header = ["period", "stage", "currency", *columns, "median_days", "longest_days"]

    def sums(total: Sum, lines: OpenLines) -> list[Any]:
        parts = [total, *(getattr(lines, name) for name in OPEN_LINES)]
        return [getattr(part, measure) for part in parts for measure in measures]

    start, currency = reading.period.key, reading.currency
    rows = [
        [start, text(row.stage), currency, *sums(row.total, row.lines), row.median_days, row.longest_days]
        for row in reading.stages
    ]
    whole = [start, "Total", currency, *sums(reading.total, reading.lines), None, None]
    return answer(f"pipeline-{start}", header, [*rows, whole])


def deals_csv(reading: DealsReading, items: Iterable[DealRow]) -> Response:
    """A line per deal behind the number."""
    names = list(DealRow.model_fields)

    def line(row: DealRow) -> list[Any]:
        return [text(value) if isinstance(value, str) else value for value in (getattr(row, name) for name in names)]

    period = reading.period.key if reading.period else "all"
    return answer(f"deals-{period}-{reading.bucket or 'forecast'}", names, (line(row) for row in items))


def text(value: str | None) -> str | None:
    """Text that a spreadsheet would take for a formula gets an apostrophe in front."""
    return f"'{value}" if value and value.startswith(_FORMULA_STARTS) else value


def answer(name: str, header: Sequence[str], lines: Iterable[Sequence[Any]]) -> Response:
    """A CSV file to be saved as `name`."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(header)
    writer.writerows(lines)
    return Response(
        buffer.getvalue(),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
    )
