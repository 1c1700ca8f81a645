"""Changes properties of a HubSpot deal."""

from collections.abc import Mapping
from typing import Any

import httpx

from gateway.connectors.client import CrmClient
from gateway.connectors.hubspot.fetch import TYPES


async def write(client: CrmClient, external_id: str, values: Mapping[str, Any], etag: str | None) -> httpx.Response:
    """HubSpot has no conditional change: between reading and writing a moment stays."""
    del etag
    return await client.change(f"/crm/v3/objects/{TYPES['deal']}/{external_id}", json={"properties": dict(values)})
