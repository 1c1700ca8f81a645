"""One trace from a webhook through outbox and broker to the forecast, carried as W3C `traceparent` text."""

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import Span, SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_propagator = TraceContextTextMapPropagator()


def configure(component: str) -> None:
    """Give this process a tracer. Without an exporter spans only make trace ids, for logs and events."""
    if not isinstance(trace.get_tracer_provider(), TracerProvider):
        trace.set_tracer_provider(TracerProvider(resource=Resource.create({"service.name": f"foretell-{component}"})))


def current_traceparent() -> str | None:
    """The present span as a `traceparent` value, to be stored beside an event; None outside a span."""
    carrier: dict[str, str] = {}
    _propagator.inject(carrier)
    return carrier.get("traceparent")


@contextmanager
def continued(name: str, traceparent: str | None, *, kind: SpanKind = SpanKind.CONSUMER) -> Iterator[Span]:
    """A span that continues the trace of `traceparent`, or starts one."""
    context = _propagator.extract({"traceparent": traceparent}) if traceparent else None
    with trace.get_tracer("foretell").start_as_current_span(name, context=context, kind=kind) as span:
        yield span
