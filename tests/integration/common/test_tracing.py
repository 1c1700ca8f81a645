"""Traces of changes stay apart where they are applied together, and spans leave a process by OTLP."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from sqlalchemy import text

from deploy.local.waiting import wait_until
from libs.common.db import Database
from libs.common.events.crm import CrmDealChanged
from libs.common.observe import tracing
from services.deals.consumers import HANDLERS
from tests.unit.deals.given import day, deal_id, received, record

ROOT = Path(__file__).resolve().parents[3]
TRACE = "0af7651916cd43dd8448eb211c80319c"
PROCESS = """
import sys
from libs.common.observe import tracing
tracing.configure("forecast", send_to=sys.argv[1])
with tracing.continued("deals.deal.changed.v1", f"00-{sys.argv[2]}-b7ad6b7169203331-01"):
    pass
"""


@pytest.fixture
def collector() -> Iterator[tuple[str, list[ExportTraceServiceRequest]]]:
    """Its address, and what was sent to it."""
    taken: list[ExportTraceServiceRequest] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            taken.append(ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1/traces", taken
        server.shutdown()


def test_a_span_is_sent_to_the_collector_with_its_trace_and_the_name_of_its_component(
    collector: tuple[str, list[ExportTraceServiceRequest]],
) -> None:
    address, taken = collector
    subprocess.run([sys.executable, "-c", PROCESS, address, TRACE], cwd=ROOT, check=True, timeout=60)
    assert wait_until(lambda: bool(taken), timeout_s=10)
    (resource,) = taken[0].resource_spans
    assert {each.key: each.value.string_value for each in resource.resource.attributes}["service.name"] == (
        "foretell-forecast"
    )
    (span,) = resource.scope_spans[0].spans
    assert (span.trace_id.hex(), span.parent_span_id.hex(), span.name) == (
        TRACE,
        "b7ad6b7169203331",
        "deals.deal.changed.v1",
    )


async def test_changes_that_are_applied_together_are_told_each_in_its_own_trace(
    database_for: Callable[[str], Database],
) -> None:
    database = database_for("deals")
    tracing.configure("test")
    events = [received(record(day(0), name)) for name in ("D", "E", "F")]
    traces = {deal_id(name): f"{number:032x}" for number, name in enumerate("DEF", start=1)}
    carried = [
        (event.id, f"00-{trace}-b7ad6b7169203331-01") for event, trace in zip(events, traces.values(), strict=True)
    ]
    async with database.transaction() as session:
        with tracing.following("crm.deal.changed.v1", carried):
            await HANDLERS[CrmDealChanged](session, events)
    async with database.reading() as session:
        told = await session.execute(text("SELECT key, attributes ->> 'traceparent' AS carried FROM outbox"))
        assert {row.key: row.carried.split("-")[1] for row in told} == traces
