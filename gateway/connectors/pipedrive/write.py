"""Changes fields of a Pipedrive deal; custom ones stand below `custom_fields`."""

from collections.abc import Mapping
from typing import Any

import httpx

from gateway.connectors.client import CrmClient
from gateway.connectors.pipedrive.fetch import PATHS

_CUSTOM = "custom_fields."


async def write(client: CrmClient, external_id: str, values: Mapping[str, Any], etag: str | None) -> httpx.Response:
    del etag
    body: dict[str, Any] = {name: value for name, value in values.items() if not name.startswith(_CUSTOM)}
    custom = {name.removeprefix(_CUSTOM): value for name, value in values.items() if name.startswith(_CUSTOM)}
    return await client.change(
        f"{PATHS['deal']}/{external_id}", json=body | ({"custom_fields": custom} if custom else {})
    )
