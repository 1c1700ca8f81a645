"""What the simulated CRMs keep beside the deal of `records`, and connections that read it."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import orjson

from libs.common import clock
from simulator.connections import documents
from simulator.fakecrm.kept import LineKept
from tests.integration.gateway.conftest import SIMULATED, Gateway

PLACES = {"hubspot": "hub", "salesforce": "sf", "pipedrive": "pipe"}


async def reading(gateway: Gateway, provider: str, *what: str) -> None:
    """Let the connection read these."""
    (document,) = [each for each in documents(SIMULATED) if each["provider"] == provider]
    document["settings"] = document["settings"] | {"reads": list(what)}
    await gateway.put_connection(document)


def line(number: int, **changes: Any) -> LineKept:
    """Ten ovens for 900 each, changed an hour ago."""
    told: dict[str, Any] = {
        "line_id": str(800 + number),
        "name": f"Oven {number}",
        "code": f"OVEN-{number}",
        "quantity": Decimal(10),
        "price": Decimal("100.00"),
        "amount": Decimal("900.00"),
        "changed_at": clock.now().replace(microsecond=0) - timedelta(hours=1),
    }
    return LineKept(**told | changes)


async def settled(gateway: Gateway) -> None:
    """Everything that has arrived is understood, and everything that is due was fetched."""
    await gateway.understand()
    while await gateway.fetch():
        pass


async def told(gateway: Gateway, event_type: str) -> Sequence[Mapping[str, Any]]:
    """The payloads of the events of a type that have left, the oldest first."""
    rows = await gateway.rows("SELECT data FROM outbox WHERE type = :type ORDER BY position", type=event_type)
    return [orjson.loads(row["data"]) for row in rows]
