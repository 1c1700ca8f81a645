"""What a trial counts as a difference, and how it groups what it saw."""

from gateway.connectors.outcomes import Outcome
from gateway.trials.comparison import SAMPLES, Tally, differences


def test_when_and_whence_a_record_came_is_no_difference() -> None:
    before = {"amount": "1.00", "clock": {"mapping_version": 1}, "received_at": "2026-01-01"}
    after = {"amount": "1.00", "clock": {"mapping_version": 2}, "received_at": "2026-01-02", "connection": "x"}
    assert differences(before, after) == []


def test_a_field_that_is_missing_is_null() -> None:
    assert differences({"amount": None, "stage": "Won"}, {"stage": "Won"}) == []
    assert differences({"amount": "1.00"}, {}) == ["amount"]


def test_fields_are_counted_with_a_few_examples_and_the_most_frequent_first() -> None:
    tally = Tally()
    for number in range(SAMPLES + 2):
        assert tally.compare("deal", str(number), {"amount": "1", "stage": "a"}, {"amount": "2", "stage": "a"})
    assert tally.compare("deal", "x", {"amount": "1", "stage": "a"}, {"amount": "1", "stage": "b"})
    assert not tally.compare("deal", "y", {"amount": "1"}, {"amount": "1"})
    assert tally.compare("lead", "z", None, {"company": "c"})
    out = tally.as_out(connection="c", deliveries=0, forecast=None, complete=True)
    assert (out.records, out.unchanged, out.changed, out.added) == (SAMPLES + 5, 1, {"deal": SAMPLES + 3}, {"lead": 1})
    assert [(each.field, each.count, len(each.samples)) for each in out.fields] == [
        ("amount", SAMPLES + 2, SAMPLES),
        ("stage", 1, 1),
    ]
    assert (out.fields[1].samples[0].before, out.fields[1].samples[0].after) == ("a", "b")


def test_refusals_of_one_reason_are_one_line() -> None:
    tally = Tally()
    for number in range(2):
        tally.refuse(str(number), Outcome("parked", reason="unknown stage", field="stage", value="s", advice="add it"))
    tally.refuse("9", Outcome("parked", reason="no time"))
    first, second = tally.as_out(connection="c", deliveries=0, forecast=None, complete=True).refused
    assert (first.reason, first.count, first.external_ids) == ("unknown stage", 2, ["0", "1"])
    assert (second.reason, second.count) == ("no time", 1)
