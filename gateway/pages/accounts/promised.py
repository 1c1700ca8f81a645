"""What the customers of an account promised in return for a price, as the pricing service follows it up."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from fastapi import Request

from gateway.pages.pricing.offered import GIVEN, GOT
from gateway.pages.pricing.promises import STATES
from gateway.proxy.client import ServiceDown, ServiceRefused, services_of
from libs.common.web.auth import Principal


async def promised_in_return(request: Request, account_id: UUID, *, principal: Principal) -> dict[str, Any]:
    """What the templates name `in_return`: the parts with the words for them; no parts where the principal may not read them.

    `is_known` is false where the pricing service does not answer: the page stands without.
    """
    told: Mapping[str, Any] = {"items": []}
    is_known = True
    try:
        told = await services_of(request).get(
            "pricing", "promised-parts", principal=principal, params={"account_id": str(account_id)}
        )
    except ServiceDown:
        is_known = False
    except ServiceRefused as refused:
        if refused.status != 403:
            raise
    return {"items": told["items"], "is_known": is_known, "given": GIVEN, "got": GOT, "states": STATES}
