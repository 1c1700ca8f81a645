"""Changes columns of a Dataverse opportunity, of the version that was read and of no other."""

from collections.abc import Mapping
from typing import Any

import httpx

from gateway.connectors.client import CrmClient
from gateway.connectors.dataverse.fetch import API, SETS


async def write(client: CrmClient, external_id: str, values: Mapping[str, Any], etag: str | None) -> httpx.Response:
    """412 where the row has another version by now; without an etag an existing row is still never created anew."""
    entity_set, _ = SETS["deal"]
    return await client.change(f"{API}/{entity_set}({external_id})", json=dict(values), if_match=etag or "*")
