"""Every topic there is: who owns it, how it is laid out, and how watermarks travel along it."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class Topic:
    """A Kafka topic owned by one component's relay. `partitions` is fixed at creation."""

    name: str
    owner: str
    partitions: int = 6
    retention: timedelta = timedelta(days=7)


CRM_CHANGES = Topic("crm-changes", owner="gateway")
LEAD_EVENTS = Topic("lead-events", owner="leads")
DEAL_EVENTS = Topic("deal-events", owner="deals")
PRICING_EVENTS = Topic("pricing-events", owner="pricing")
FORECAST_EVENTS = Topic("forecast-events", owner="forecast")

TOPICS: tuple[Topic, ...] = (CRM_CHANGES, LEAD_EVENTS, DEAL_EVENTS, PRICING_EVENTS, FORECAST_EVENTS)
BY_NAME: dict[str, Topic] = {topic.name: topic for topic in TOPICS}

WATERMARK_FROM: dict[str, tuple[Topic, ...]] = {
    "gateway": (),
    "leads": (CRM_CHANGES,),
    "deals": (CRM_CHANGES, LEAD_EVENTS),
    "pricing": (DEAL_EVENTS,),
    "forecast": (DEAL_EVENTS,),
}
"""The topics whose origin a component's own origin is the minimum of: one direction, so that it advances."""

CONSUMERS: dict[str, tuple[str, ...]] = {
    CRM_CHANGES.name: ("leads", "deals", "pricing"),
    LEAD_EVENTS.name: ("deals", "forecast"),
    DEAL_EVENTS.name: ("gateway", "leads", "pricing", "forecast"),
    PRICING_EVENTS.name: ("deals", "forecast"),
    FORECAST_EVENTS.name: (),
}
"""The components that keep a position in a topic. A test holds it against every component's `consumes`."""
