"""One row per event of a case, in the order of the file."""

import gzip
from datetime import UTC, date, datetime

from tests.unit.gateway.imports.conftest import ReadFiles

MAPPING = """
version: 1
name: log
connection: bank
timezone: Europe/Amsterdam
currency: EUR
files:
  events: {match: "events*"}
stages:
  ASKED: {stage: Asked, category: pipeline}
  OFFERED: {stage: Offered, category: best_case}
  PAID: {stage: Paid, state: won}
  BOOKED: {stage: Booked, state: won}
records:
  - object: user
    file: events
    id: who
    distinct: true
    changes: [{at: ts}]
  - object: deal
    file: events
    id: case
    ties: file_order
    closed_is_final: true
    fields: {amount: amount, owner_id: who, stage: event}
    changes: [{at: ts}]
"""
HEADER = "case,amount,event,ts,who\n"


def deals(outcome: object) -> list[object]:
    return [event for event in outcome.events if hasattr(event, "deal_id")]  # type: ignore[attr-defined]


def test_events_of_one_instant_keep_the_order_of_the_file(read_files: ReadFiles) -> None:
    rows = (
        "1,10,ASKED,2011-10-01T00:38:44.546+02:00,7\n"
        "2,10,ASKED,2011-10-01T00:38:44.546+02:00,7\n"
        "1,10,OFFERED,2011-10-01T00:38:44.546+02:00,7\n"
        "1,10,PAID,2011-10-01T00:38:44.546+02:00,8\n"
        "1,10,BOOKED,2011-10-02T00:38:44.546+02:00,8\n"
    )
    outcome = read_files(MAPPING, {"events.csv": HEADER + rows})
    found = [(event.external_id, event.stage, event.clock.sequence) for event in deals(outcome)]  # type: ignore[attr-defined]

    assert found == [("1", "Asked", 0), ("2", "Asked", 0), ("1", "Offered", 1), ("1", "Paid", 2), ("1", "Booked", 0)]
    assert outcome.events[-1].clock.crm_time == datetime(2011, 10, 1, 22, 38, 44, 546000, tzinfo=UTC)


def test_a_closed_case_stays_closed_on_its_first_closing_day(read_files: ReadFiles) -> None:
    rows = (
        "1,10,ASKED,2011-10-01T08:00:00+02:00,7\n"
        "1,10,PAID,2011-10-02T00:30:00+02:00,7\n"
        "1,10,OFFERED,2011-10-03T08:00:00+02:00,7\n"
        "1,10,BOOKED,2011-10-04T08:00:00+02:00,7\n"
    )
    outcome = read_files(MAPPING, {"events.csv": HEADER + rows})
    last = outcome.events[-1]

    assert [event.stage for event in deals(outcome)] == ["Asked", "Paid", "Booked"]  # type: ignore[attr-defined]
    assert (last.state, last.closed_on, last.close_date) == ("won", date(2011, 10, 2), date(2011, 10, 2))
    assert outcome.stream.tally.ignored == {"after the deal had closed": 1}
    assert outcome.stream.tally.stages() == {("Booked", "won"): 1}


def test_a_row_older_than_its_case_is_refused_instead_of_reordering_the_close(read_files: ReadFiles) -> None:
    rows = "1,10,PAID,2011-10-02T08:00:00+02:00,7\n1,10,ASKED,2011-10-01T08:00:00+02:00,7\n"
    outcome = read_files(MAPPING, {"events.csv": HEADER + rows})

    assert [refusal.reason for refusal in outcome.refusals] == [
        "older than the deal's row before it; sort the file by time"
    ]


def test_each_person_is_told_of_once_at_their_first_event(read_files: ReadFiles) -> None:
    rows = "".join(f"{case},10,ASKED,2011-10-0{case}T08:00:00+02:00,7\n" for case in (1, 2, 3))
    outcome = read_files(MAPPING, {"events.csv": HEADER + rows})

    assert outcome.stream.tally.changes == {"user": 1, "deal": 3}
    assert outcome.events[0].clock.crm_time == datetime(2011, 10, 1, 6, tzinfo=UTC)


def test_a_packed_log_gives_what_the_plain_one_gives(read_files: ReadFiles) -> None:
    log = HEADER + "1,10,ASKED,2011-10-01T08:00:00+02:00,7\n"
    plain = [event.model_dump() for event in read_files(MAPPING, {"events": log}).events]
    packed = [event.model_dump() for event in read_files(MAPPING, {"events": gzip.compress(log.encode())}).events]

    assert plain == packed != []


def test_reading_again_gives_the_same_batches_with_the_same_numbers(read_files: ReadFiles) -> None:
    rows = "".join(f"{case},10,ASKED,2011-10-01T08:00:0{case}+02:00,{case % 2}\n" for case in range(10))
    first = read_files(MAPPING, {"events.csv": HEADER + rows}, rows_per_batch=3)
    second = read_files(MAPPING, {"events.csv": HEADER + rows}, rows_per_batch=3)

    assert [batch.number for batch in first.batches] == list(range(7))
    assert first.batches == second.batches


def test_a_limit_reads_so_many_rows_of_each_record(read_files: ReadFiles) -> None:
    rows = "".join(f"{case},10,ASKED,2011-10-01T08:00:0{case}+02:00,{case}\n" for case in range(10))
    outcome = read_files(MAPPING, {"events.csv": HEADER + rows}, limit=4)

    assert outcome.stream.tally.changes == {"user": 4, "deal": 4}
