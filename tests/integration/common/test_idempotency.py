"""A key that comes twice at the same instant makes one thing, and both are told the same."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from libs.common.ids import new_id
from tests.integration.deals.acme import ACCOUNT, NORTH, ago, world
from tests.integration.pricing.desk import OPS, SELLER, open_desk
from tests.integration.pricing.test_give_get import LONGER
from tests.integration.pricing.test_promises import accepted, parts
from tests.support.atonce import met
from tests.unit.deals.given import deal_id

WHO = str(new_id())
PROMISE = {"promise": "Send the plan", "owner_id": WHO, "deal_id": str(deal_id("D")), "due": ago(-5).date().isoformat()}
TALK = {"at": ago(2).isoformat(), "kind": "call", "direction": "both", "deal_id": str(deal_id("D")), "ours": [WHO]}
PRODUCT = {"code": "GATE", "name": "Gate", "line": "Suite", "list_price": "100", "cost": "55", "currency": "EUR"}


@pytest.mark.parametrize(
    ("path", "table", "body"),
    [
        ("commitments", "commitment_entry", PROMISE),
        ("contacts", "contact_entry", {"account_id": str(ACCOUNT), "seniority": "executive"}),
        ("touchpoints", "touchpoint_entry", TALK),
    ],
)
async def test_two_requests_with_one_key_at_once_are_one_in_the_deals_service(
    api_for: Callable[..., Any], path: str, table: str, body: dict[str, Any]
) -> None:
    client, runtime = api_for("deals")
    await world(runtime)

    async def ask(key: str = "one") -> Any:
        return await client.post(f"/v1/{path}", json=body, headers=NORTH | {"Idempotency-Key": key})

    first, second = await met(runtime, table, ask)
    assert (first.status_code, second.status_code) == (201, 201), (first.text, second.text)
    assert first.json() == second.json()
    assert (await ask()).json() == first.json()
    assert (await ask("another")).json() != first.json()


async def test_two_requests_with_one_key_at_once_are_one_in_the_pricing_service(api_for: Callable[..., Any]) -> None:
    desk = await open_desk(api_for)
    await accepted(desk, LONGER)
    (part,) = (await parts(desk))["items"]
    runtime = desk.client._transport.app.state.runtime  # type: ignore[attr-defined]

    async def answer() -> Any:
        path, headers = f"/v1/promised-parts/{part['part_id']}/answers", SELLER | {"Idempotency-Key": "one"}
        return await desk.client.post(path, json={"answer": "kept", "note": "signed"}, headers=headers)

    async def product() -> Any:
        return await desk.client.post("/v1/products", json=PRODUCT, headers=OPS | {"Idempotency-Key": "one"})

    for table, ask in (("promised_part_answer", answer), ("product", product)):
        first, second = await met(runtime, table, ask)
        assert (first.status_code, second.status_code) == (201, 201), (first.text, second.text)
        assert first.json() == second.json()
        async with desk.database.reading() as session:
            count = {"promised_part_answer": "promised_part_answer", "product": "product WHERE code = 'GATE'"}[table]
            assert (await session.execute(text(f"SELECT count(*) FROM {count}"))).scalar_one() == 1  # noqa: S608
