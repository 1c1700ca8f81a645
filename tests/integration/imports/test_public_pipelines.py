"""The two public pipelines, read with the mappings that ship: every row accounted for."""

import csv
import gzip
from collections import Counter
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

from gateway.imports.reading.files import locate
from gateway.imports.reading.load import load_mapping
from gateway.imports.reading.refusal import Refusal
from gateway.imports.reading.stream import Stream
from libs.common.events.crm import CrmDealChanged
from libs.common.money import total

IMPORTED_AT = datetime(2026, 1, 15, tzinfo=UTC)


def rows_of(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def read(target: Path, mapping: str) -> tuple[Stream, list[CrmDealChanged], list[Refusal]]:
    document = load_mapping(mapping)
    stream = Stream(document, locate(target, document), received_at=IMPORTED_AT)
    batches = list(stream.batches())
    events = [change.event for batch in batches for change in batch.changes]
    refusals = [refusal for batch in batches for refusal in batch.refusals]
    return stream, [event for event in events if isinstance(event, CrmDealChanged)], refusals


def test_every_opportunity_of_the_pipeline_is_imported_or_refused_with_its_line(shared_data: Path) -> None:
    source = rows_of(shared_data / "sales_pipeline.csv.gz")
    stream, deals, refusals = read(shared_data / "sales_pipeline.csv.gz", "maven-pipeline")

    expected = Counter(row["deal_stage"] for row in source)
    assert stream.tally.states() == {"won": expected["Won"], "lost": expected["Lost"], "open": expected["Engaging"]}
    undated = [number for number, row in enumerate(source, start=2) if row["deal_stage"] == "Prospecting"]
    assert [refusal.line for refusal in refusals] == undated
    assert {refusal.reason for refusal in refusals} == {"no date: cannot be placed in time"}
    won = [deal for deal in deals if deal.state == "won"]
    assert total(deal.amount or Decimal() for deal in won) == sum(int(row["close_value"] or 0) for row in source)
    assert stream.tally.last_day == date(2017, 12, 31)


def test_no_open_deal_of_the_pipeline_knows_its_final_value(shared_data: Path) -> None:
    prices = {"GTX Basic": 550, "GTX Pro": 4821, "MG Special": 55, "MG Advanced": 3393}
    prices |= {"GTX Plus Pro": 5482, "GTX Plus Basic": 1096, "GTK 500": 26768}
    _, deals, _ = read(shared_data, "maven-pipeline")
    opened = [deal for deal in deals if deal.state == "open"]

    assert len(opened) == 8300
    assert all(deal.amount == prices[deal.product or ""] for deal in opened)
    assert all(deal.close_date is None and deal.stage_probability is None for deal in opened)


def test_every_case_of_the_event_log_ends_as_it_did(shared_data: Path) -> None:
    source = rows_of(shared_data / "bpi12_events.csv.gz")
    stream, deals, refusals = read(shared_data / "bpi12_events.csv.gz", "loan-event-log")

    won = {row["case"] for row in source if row["event"] in ("A_ACTIVATED", "A_APPROVED", "A_REGISTERED")}
    lost = {row["case"] for row in source if row["event"] in ("A_DECLINED", "A_CANCELLED")}
    assert stream.tally.states() == {
        "won": len(won),
        "lost": len(lost),
        "open": len({row["case"] for row in source}) - len(won) - len(lost),
    }
    assert refusals == []
    assert len(deals) + stream.tally.ignored["after the deal had closed"] == len(source)
    ends = {deal.external_id: deal.state for deal in sorted(deals, key=lambda deal: deal.clock.order())}
    assert {case for case, state in ends.items() if state == "won"} == won
