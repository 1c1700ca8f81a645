"""What Salesforce sends: outbound messages as XML, or change events as JSON."""

from gateway.connectors.items import Item, StoredDelivery
from gateway.connectors.salesforce import changes, outbound
from gateway.connectors.verification import JSON, media_type


def parse(delivery: StoredDelivery) -> list[Item]:
    """The items of either form, as the content type says. Raises UnreadableBody."""
    return changes.parse(delivery) if media_type(delivery.headers) == JSON else outbound.parse(delivery)
