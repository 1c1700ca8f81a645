"""Whatever happens between outbox and consumer, every committed event is applied exactly once and the newest wins."""

import asyncio
from collections.abc import Coroutine, Iterator
from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from libs.common import crash
from libs.common.messaging import consumer, relay
from tests.support.brokers import TestBroker
from tests.support.counters import KEYS
from tests.support.databases import DatabaseServer
from tests.support.eventpath import Crashed, World

RELAY_POINTS = ("relay.read_not_sent", "relay.sent_cursor_not_stored")
CONSUMER_POINTS = (
    "consumer.polled_not_applied",
    "consumer.applied_not_committed",
    "consumer.committed_offset_not_copied",
)


@pytest.fixture(autouse=True)
def in_quick_steps(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A crash point ends the step, not the test; what waits for seconds in production waits for moments here."""

    def die(_: int) -> None:
        raise Crashed

    monkeypatch.setattr(crash.os, "_exit", die)
    monkeypatch.setattr(relay, "TICK_S", 0.02)
    monkeypatch.setattr(relay, "CLUSTER_CHECK_S", 0.0)
    monkeypatch.setattr(consumer, "IDLE_CHECK_S", 0.1)
    yield
    crash.arm(None)


def machine(server: DatabaseServer, broker: TestBroker) -> type[RuleBasedStateMachine]:  # noqa: C901 - one rule per thing that can happen
    class EventPath(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.runner = asyncio.Runner()
            self.world = World(server, broker)
            self.do(self.world.start())

        def do(self, what: Coroutine[Any, Any, Any]) -> None:
            self.runner.run(what)

        @rule(key=st.sampled_from(KEYS))
        def change(self, key: Any) -> None:
            self.do(self.world.change(key))

        @rule(key=st.sampled_from(KEYS))
        def open_change(self, key: Any) -> None:
            self.do(self.world.open_change(key))

        @rule(commit=st.booleans())
        def finish_change(self, commit: bool) -> None:
            self.do(self.world.finish_change(commit=commit))

        @rule(point=st.sampled_from((None, None, *RELAY_POINTS)), which=st.sampled_from((0, -1)))
        def relay(self, point: str | None, which: int) -> None:
            self.do(self.world.relay(which, crash_at=point))

        @precondition(lambda self: len(self.world.leaders) < 2)
        @rule()
        def another_relay(self) -> None:
            self.do(self.world.another_relay())

        @rule(point=st.sampled_from((None, None, *CONSUMER_POINTS)), which=st.sampled_from((0, -1)))
        def consume(self, point: str | None, which: int) -> None:
            self.do(self.world.consume(which, crash_at=point))

        @precondition(lambda self: len(self.world.consumers) < 2)
        @rule()
        def another_consumer(self) -> None:
            self.do(self.world.another_consumer())

        @precondition(lambda _: broker.is_embedded)
        @rule()
        def empty_broker(self) -> None:
            self.do(self.world.empty_broker())

        @rule()
        def backup_consumer(self) -> None:
            self.do(self.world.backup_consumer())

        @rule()
        def restore_consumer(self) -> None:
            self.do(self.world.restore_consumer())

        @rule()
        def move_producer(self) -> None:
            self.do(self.world.move_producer())

        def teardown(self) -> None:
            try:
                self.do(self.world.settle())
                difference = self.runner.run(self.world.difference())
                assert not difference, difference
            finally:
                self.do(self.world.close())
                self.runner.close()

    return EventPath


def test_no_event_is_lost_or_applied_twice_whatever_happens(
    database_server: DatabaseServer, broker: TestBroker
) -> None:
    run_state_machine_as_test(
        machine(database_server, broker),
        settings=settings(max_examples=8, stateful_step_count=20, phases=[Phase.generate]),
    )
