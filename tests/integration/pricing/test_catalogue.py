import asyncio
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from libs.common.config import CommonSettings
from libs.common.db import Database
from tests.integration.pricing.given import PRODUCT, handle, product, published
from tests.support.keys import bearer

OPS = bearer("sales_ops")
CORE = {"code": "CORE", "name": "Core", "list_price": "10", "currency": "EUR"}


async def test_a_price_change_keeps_what_the_price_was(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("pricing")
    made = await client.post("/v1/products", json=CORE, headers=OPS)
    url = f"/v1/products/{made.json()['product_id']}"
    changed = await client.put(url, json=CORE | {"list_price": "12"}, headers=OPS | {"If-Match": made.headers["etag"]})
    assert (changed.status_code, changed.json()["list_price"], changed.headers["etag"]) == (200, "12", '"2"')
    history = (await client.get(f"{url}/history", headers=OPS)).json()
    assert [entry["list_price"] for entry in history] == ["12", "10"]
    then = await client.get(f"{url}/history", params={"as_of": made.json()["valid_from"], "limit": "1"}, headers=OPS)
    assert [entry["list_price"] for entry in then.json()] == ["10"]
    assert [verb for verb, _ in await published(runtime.database)] == ["changed", "changed"]


async def test_a_change_of_an_outdated_reading_or_to_a_taken_code_is_refused(api_for: Callable[..., Any]) -> None:
    client, _ = api_for("pricing")
    made = await client.post("/v1/products", json=CORE, headers=OPS)
    url = f"/v1/products/{made.json()['product_id']}"
    await client.put(url, json=CORE | {"name": "Core 2"}, headers=OPS)
    assert (await client.put(url, json=CORE, headers=OPS | {"If-Match": '"1"'})).status_code == 412
    taken = await client.post("/v1/products", json=CORE | {"code": "core"}, headers=OPS)
    assert (taken.status_code, taken.json()["type"]) == (409, "urn:foretell:problem:product-code-taken")
    assert (await client.delete(url, headers=OPS)).json()["is_active"] is False
    assert (await client.post("/v1/products", json=CORE, headers=OPS)).status_code == 201
    assert len((await client.get("/v1/products", headers=OPS)).json()["items"]) == 1
    everything = await client.get("/v1/products", params={"include_inactive": "true"}, headers=OPS)
    assert len(everything.json()["items"]) == 2


async def test_a_product_that_a_crm_keeps_is_changed_there_only(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("pricing")
    await handle(runtime.database, product(1, name="Core", list_price="5", currency="EUR"))
    refused = await client.put(f"/v1/products/{PRODUCT}", json=CORE, headers=OPS)
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:foretell:problem:product-belongs-to-crm")
    for role in ("viewer", "seller", "manager"):
        assert (await client.post("/v1/products", json=CORE, headers=bearer(role))).status_code == 403, role


async def test_a_product_deleted_in_the_crm_is_retired_and_keeps_its_name(
    database_for: Callable[[str], Database],
) -> None:
    database = database_for("pricing")
    await handle(database, product(2, deleted=True, code=""))
    await handle(database, product(1, name="Core", list_price="5", currency="EUR"))
    _, last = (await published(database))[-1]
    assert (last["name"], last["is_active"], last["list_price"]) == ("Core", False, "5")


async def test_a_list_pages_through_every_product_once_by_code(api_for: Callable[..., Any]) -> None:
    client, _ = api_for("pricing")
    for code in ("b", "A", "C", "d", "E"):
        await client.post("/v1/products", json={"code": code, "name": code}, headers=OPS)
    seen: list[str] = []
    params = {"limit": "2"}
    while True:
        page = (await client.get("/v1/products", params=params, headers=OPS)).json()
        seen += [item["code"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        params["cursor"] = page["next_cursor"]
    assert seen == ["A", "b", "C", "d", "E"]


_records = st.builds(
    product,
    st.integers(0, 3),
    mapping_version=st.integers(1, 2),
    deleted=st.sampled_from([False, False, True]),
    name=st.sampled_from(["Core", "Plus", ""]),
    list_price=st.sampled_from([None, "5", "7.50"]),
)


async def test_any_order_and_repetition_of_crm_records_gives_the_same_product_and_history(
    settings_for: Callable[[str], CommonSettings],
) -> None:
    chosen = settings_for("pricing")
    database = Database(chosen)
    loop = asyncio.get_running_loop()

    @settings(max_examples=20)
    @given(data=st.data(), messages=st.lists(_records, min_size=1, max_size=6))
    def converges(data: st.DataObject, messages: list[Any]) -> None:
        shuffled = data.draw(st.permutations(messages + data.draw(st.lists(st.sampled_from(messages), max_size=3))))
        size = data.draw(st.integers(1, 3))

        async def compare() -> tuple[Any, Any]:
            return await _outcome(chosen, database, messages, 1), await _outcome(chosen, database, shuffled, size)

        plain, other = asyncio.run_coroutine_threadsafe(compare(), loop).result(60)
        assert plain == other

    await asyncio.to_thread(converges)
    await database.close()


async def _outcome(chosen: CommonSettings, database: Database, messages: list[Any], size: int) -> Any:
    assert chosen.owner_database_url is not None
    engine = create_async_engine(chosen.owner_database_url.get_secret_value(), poolclass=NullPool)
    async with engine.begin() as connection:
        await connection.execute(text("TRUNCATE product, product_version, outbox"))
    await engine.dispose()
    for start in range(0, len(messages), size):
        await handle(database, *messages[start : start + size])
    columns = "product_id, connection, code, name, line, list_price, is_active, valid_from, mapping_version"
    current = text(f"SELECT {columns} FROM product ORDER BY product_id")  # noqa: S608
    history = text(f"SELECT {columns}, digest FROM product_version ORDER BY valid_from, mapping_version, digest")  # noqa: S608
    async with database.reading() as session:
        rows, kept = await session.execute(current), await session.execute(history)
        return [tuple(row) for row in rows], [tuple(row) for row in kept]
