"""Which service owns which part of the API. Pure."""

from typing import Literal

Service = Literal["leads", "deals", "pricing", "forecast"]
SERVICES: tuple[Service, ...] = ("leads", "deals", "pricing", "forecast")

OWNER_OF: dict[str, Service] = {
    "leads": "leads",
    "lead-models": "leads",
    "deals": "deals",
    "close-plans": "deals",
    "accounts": "deals",
    "commitments": "deals",
    "contacts": "deals",
    "touchpoints": "deals",
    "signals": "deals",
    "organisation": "deals",
    "products": "pricing",
    "quotes": "pricing",
    "guidance": "pricing",
    "price-checks": "pricing",
    "price-exceptions": "pricing",
    "price-books": "pricing",
    "price-policies": "pricing",
    "price-realisation": "pricing",
    "promotions": "pricing",
    "promised-parts": "pricing",
    "price-draws": "pricing",
    "approvals": "pricing",
    "approval-delegations": "pricing",
    "forecast": "forecast",
    "plans": "forecast",
    "reviews": "forecast",
}
"""First segment after `/api/v1/` -> the service that serves it under `/v1/`."""

FORWARDED_REQUEST_HEADERS = frozenset(
    {
        "accept",
        "accept-language",
        "content-type",
        "content-length",
        "if-match",
        "if-none-match",
        "idempotency-key",
        "traceparent",
        "tracestate",
        "x-request-id",
    }
)
"""An allow-list: the caller's cookie and key never go inside."""

FORWARDED_RESPONSE_HEADERS = frozenset(
    {
        "content-type",
        "content-length",
        "content-disposition",
        "content-encoding",
        "etag",
        "location",
        "link",
        "retry-after",
        "last-modified",
        "vary",
        "x-request-id",
    }
)


def is_plain(path: str) -> bool:
    """Whether a path may be forwarded: no dot segments, empty segments or backslashes that a service could read differently."""
    return "\\" not in path and all(part not in ("", ".", "..") for part in path.split("/"))
