"""A pricing service with a policy, a deal of a seller in a team of a region, and people who may agree."""

from collections.abc import Callable
from typing import Any

import httpx

from libs.common import clock
from libs.common.db import Database
from libs.common.events.deals import PersonPlaced, UnitChanged
from libs.common.ids import ROOT_UNIT, new_id, unit_id
from libs.common.web.auth import Principal
from tests.integration.pricing.given import AT, DEAL, deal, handle, received
from tests.support.keys import bearer

TEAM, REGION = unit_id("Team"), unit_id("Region")
SELLER = bearer("seller", subject="user:seller", scope=(TEAM,))
MANAGER = bearer("manager", subject="user:manager", scope=(TEAM,))
VP = bearer("manager", subject="user:vp", scope=(REGION,))
CSO = bearer("cso", subject="user:cso")
FINANCE = bearer("finance", subject="user:finance")
OPS = bearer("sales_ops", subject="user:ops")
SYSTEM = Principal.system("pricing")

YEAR = clock.now().year
DOCUMENT: dict[str, Any] = {
    "rules": [
        {
            "measure": "discount",
            "scope": "line",
            "limits": [{"beyond": "0.1", "level": 1}, {"beyond": "0.2", "level": 2}, {"beyond": "0.3", "level": 3}],
        },
        {"measure": "payment_days", "scope": "quote", "limits": [{"beyond": "60", "level": 3}]},
    ],
    "minima": [{"share": "0.6"}],
    "budgets": [{"year": YEAR, "reason": "new_logo", "currency": "EUR", "amount": "100"}],
    "planned_margins": [{"share": "0.4"}],
}


class Desk:
    """The pricing service with a deal of a seller in a team of a region, and one product at 100 that costs 55."""

    def __init__(self, client: httpx.AsyncClient, database: Database, product: str) -> None:
        self.client, self.database, self.product = client, database, product

    async def quote(self, *, discount: str = "0", days: int | None = None, who: dict[str, str] = SELLER) -> str:
        made = await self.client.post(
            "/v1/quotes", json=self.body(discount, days) | {"deal_id": str(DEAL), "currency": "EUR"}, headers=who
        )
        assert made.status_code == 201, made.text
        found: str = made.json()["quote_id"]
        return found

    def body(self, discount: str, days: int | None = None, quantity: str = "1") -> dict[str, Any]:
        return {
            "payment_days": days,
            "lines": [{"product_id": self.product, "quantity": quantity, "discount": discount}],
        }

    async def revise(self, quote: str, *, discount: str, days: int | None = None, who: dict[str, str] = SELLER) -> None:
        told = await self.client.put(f"/v1/quotes/{quote}", json=self.body(discount, days), headers=who)
        assert told.status_code == 200, told.text

    async def submit(self, quote: str, *, reason: str | None = None, who: dict[str, str] = SELLER) -> httpx.Response:
        return await self.client.post(f"/v1/quotes/{quote}/submit", json={"reason": reason}, headers=who)

    async def decide(
        self,
        request: dict[str, Any],
        who: dict[str, str],
        *,
        authority: str,
        verdict: str = "approved",
        seen: str | None = None,
    ) -> httpx.Response:
        number = next(step["number"] for step in request["steps"] if step["authority"] == authority)
        return await self.client.post(
            f"/v1/approvals/{request['request_id']}/steps/{number}",
            json={"verdict": verdict, "seen": seen or request["seen"]},
            headers=who,
        )

    async def status(self, quote: str) -> str:
        found: str = (await self.client.get(f"/v1/quotes/{quote}", headers=CSO)).json()["status"]
        return found

    async def publish(self, **changes: Any) -> httpx.Response:
        told = await self.client.post(
            "/v1/price-policies", json={"document": DOCUMENT | changes, "note": "for tests"}, headers=OPS
        )
        assert told.status_code == 201, told.text
        return told


async def open_desk(api_for: Callable[..., Any], *, policy: bool = True) -> Desk:
    client, runtime = api_for("pricing")
    units = [
        UnitChanged(unit_id=unit, parent_id=parent, name=name, kind="team", version=1, valid_from=AT)
        for unit, parent, name in ((REGION, ROOT_UNIT, "Region"), (TEAM, REGION, "Team"))
    ]
    await handle(runtime.database, *(received(unit, unit.unit_id) for unit in units))
    owner = new_id()
    placed = PersonPlaced(person_id=owner, unit_id=TEAM, version=1, valid_from=AT)
    await handle(runtime.database, received(placed, owner))
    await handle(runtime.database, deal(owner_id=owner, amount="120", currency="EUR", name="Fjord"))
    made = await client.post(
        "/v1/products",
        json={"code": "CORE", "name": "Core", "line": "Suite", "list_price": "100", "cost": "55", "currency": "EUR"},
        headers=OPS,
    )
    desk = Desk(client, runtime.database, made.json()["product_id"])
    if policy:
        await desk.publish()
    return desk
