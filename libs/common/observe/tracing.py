"""One trace from a webhook through outbox and broker to the forecast, carried as W3C `traceparent` text."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from uuid import UUID

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import Span, SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_propagator = TraceContextTextMapPropagator()
_of_events: ContextVar[Mapping[UUID, Span]] = ContextVar("spans of a batch", default=MappingProxyType({}))


def configure(component: str, *, send_to: str | None = None) -> None:
    """Give this process a tracer. Without an address spans only make trace ids, for logs and events.

    `send_to` takes OTLP over HTTP; spans are sent from a thread of their own and dropped where nobody takes them.
    """
    if isinstance(trace.get_tracer_provider(), TracerProvider):
        return
    provider = TracerProvider(resource=Resource.create({"service.name": f"foretell-{component}"}))
    if send_to is not None:
        # Loaded here: most systems send nothing, and these take long to load.
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=send_to)))
    trace.set_tracer_provider(provider)


def current_traceparent(event: UUID | None = None) -> str | None:
    """The present span as a `traceparent` value, to be stored beside an event; None outside a span.

    In a batch, the span that follows the `event` which is the cause.
    """
    span = _of_events.get().get(event) if event is not None else None
    carrier: dict[str, str] = {}
    _propagator.inject(carrier, context=trace.set_span_in_context(span) if span is not None else None)
    return carrier.get("traceparent")


@contextmanager
def continued(name: str, traceparent: str | None, *, kind: SpanKind = SpanKind.CONSUMER) -> Iterator[Span]:
    """A span that continues the trace of `traceparent`, or starts one."""
    context = _propagator.extract({"traceparent": traceparent}) if traceparent else None
    with trace.get_tracer("foretell").start_as_current_span(name, context=context, kind=kind) as span:
        yield span


@contextmanager
def following(name: str, events: Iterable[tuple[UUID, str | None]]) -> Iterator[None]:
    """A span for every trace that a batch of events (id, traceparent) belongs to; the first one's is the present span."""
    tracer = trace.get_tracer("foretell")
    spans: dict[str | None, Span] = {}
    of_events: dict[UUID, Span] = {}
    for event, traceparent in events:
        if traceparent not in spans:
            context = _propagator.extract({"traceparent": traceparent}) if traceparent else None
            spans[traceparent] = tracer.start_span(name, context=context, kind=SpanKind.CONSUMER)
        of_events[event] = spans[traceparent]
    known = _of_events.set(of_events)
    try:
        with trace.use_span(next(iter(spans.values()), trace.INVALID_SPAN)):
            yield
    finally:
        _of_events.reset(known)
        for span in spans.values():
            span.end()
