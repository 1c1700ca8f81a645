"""Traces of events that are applied together stay apart."""

from uuid import uuid4

from libs.common.events.base import Cause
from libs.common.observe import tracing

tracing.configure("test")


def _trace(traceparent: str | None) -> str:
    assert traceparent is not None
    return traceparent.split("-")[1]


def _given(number: int) -> str:
    return f"00-{number:032x}-{number:016x}-01"


def test_what_follows_an_event_of_a_batch_belongs_to_the_trace_of_that_event() -> None:
    events = [(uuid4(), _given(number)) for number in (1, 2, 1)]
    with tracing.following("applied", events):
        followed = [tracing.current_traceparent(Cause(event=event).event) for event, _ in events]
        assert [_trace(each) for each in followed] == [f"{number:032x}" for number in (1, 2, 1)]
        assert followed[0] == followed[2], "events of one trace share a span"
        assert not set(followed) & {given for _, given in events}, "the span is one of its own"
        assert tracing.current_traceparent() == followed[0], "what has no cause in the batch goes with the first"
        assert tracing.current_traceparent(uuid4()) == followed[0]
    assert tracing.current_traceparent(events[0][0]) is None


def test_an_event_without_a_trace_begins_one_and_no_event_is_no_span() -> None:
    event = uuid4()
    with tracing.following("applied", [(event, None)]):
        assert int(_trace(tracing.current_traceparent(event)), 16)
    with tracing.following("applied", []):
        assert tracing.current_traceparent() is None
