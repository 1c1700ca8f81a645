"""Changes fields of a Salesforce opportunity."""

from collections.abc import Mapping
from typing import Any

import httpx

from gateway.connectors.client import CrmClient
from gateway.connectors.salesforce.fetch import SOBJECTS


async def write(client: CrmClient, external_id: str, values: Mapping[str, Any], etag: str | None) -> httpx.Response:
    """Validation rules of the organisation answer with 400 and their own words."""
    del etag
    return await client.change(f"/services/data/v61.0/sobjects/{SOBJECTS['deal']}/{external_id}", json=dict(values))
