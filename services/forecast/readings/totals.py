"""From sums by part and bucket to the lines of a reading. Pure: a total is nothing but the sum of its parts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from libs.common import money
from services.forecast.rollup.cells import Measures
from services.forecast.rollup.schemas import Beside, Cumulative, Lines, Restatements, Sum
from services.forecast.rollup.standing import FORECAST_LINES

BESIDE = ("held_back", "omitted", "lost", "carried_over", "undated")


@dataclass(slots=True)
class Tally:
    """The sums of one part, by bucket."""

    buckets: dict[str, Measures] = field(default_factory=dict)

    def add(self, bucket: str, row: Mapping[str, Any]) -> None:
        self.buckets.setdefault(bucket, Measures()).add(measures_of(row), 1)

    def of(self, *buckets: str) -> Measures:
        together = Measures()
        for bucket in buckets:
            if bucket in self.buckets:
                together.add(self.buckets[bucket], 1)
        return together


def measures_of(row: Mapping[str, Any]) -> Measures:
    return Measures(row["count"], row["amount"], row["weighted"], row["unpriced_count"], row["unweighted_count"])


def tally(rows: Iterable[Mapping[str, Any]]) -> dict[str | None, Tally]:
    """The rows of a query, by part."""
    parts: dict[str | None, Tally] = {}
    for row in rows:
        parts.setdefault(row["part"], Tally()).add(row["bucket"], row)
    return parts


def together(tallies: Iterable[Tally]) -> Tally:
    """The sum of several parts."""
    whole = Tally()
    for part in tallies:
        for bucket, measures in part.buckets.items():
            whole.buckets.setdefault(bucket, Measures()).add(measures, 1)
    return whole


def sum_out(measures: Measures, currency: str) -> Sum:
    return Sum(
        count=measures.deal_count,
        amount=_at_scale(measures.amount, currency),
        weighted=_at_scale(measures.weighted, currency),
        unpriced_count=measures.unpriced,
        unweighted_count=measures.unweighted,
    )


def _at_scale(amount: Decimal, currency: str) -> Decimal:
    return money.quantise(amount, currency)


def lines_out(part: Tally, currency: str) -> Lines:
    return Lines(**{line: sum_out(part.of(line), currency) for line in FORECAST_LINES})


def beside_out(part: Tally, currency: str) -> Beside:
    return Beside(**{bucket: sum_out(part.of(bucket), currency) for bucket in BESIDE})


def restatements_out(found: Mapping[str, Mapping[str, Any]], currency: str) -> Restatements:
    """The sums by what they are to a period; those without any deal are nothing."""
    sums = {name: measures_of(found[name]) if name in found else Measures() for name in Restatements.model_fields}
    return Restatements(**{name: sum_out(measures, currency) for name, measures in sums.items()})


def total_out(part: Tally, currency: str) -> Sum:
    """What the forecast's lines make together."""
    return sum_out(part.of(*FORECAST_LINES), currency)


def cumulative_out(part: Tally, currency: str) -> Cumulative:
    surer = {line: FORECAST_LINES[: FORECAST_LINES.index(line) + 1] for line in FORECAST_LINES[1:]}
    return Cumulative(**{line: sum_out(part.of(*lines), currency) for line, lines in surer.items()})
