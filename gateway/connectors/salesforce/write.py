"""Changes fields of a Salesforce opportunity."""

from collections.abc import Mapping
from typing import Any

import httpx

from gateway.connectors.client import CrmClient
from gateway.connectors.salesforce.fetch import SOBJECTS


async def write(client: CrmClient, external_id: str, values: Mapping[str, Any], etag: str | None) -> httpx.Response:
    """Only what nobody has changed since the second of the version that was read; validation rules answer with 400 and their own words."""
    path = f"/services/data/v61.0/sobjects/{SOBJECTS['deal']}/{external_id}"
    return await client.change(path, json=dict(values), if_unmodified_since=etag)
