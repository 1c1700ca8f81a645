"""A promotion in real browsers: planned, approved by somebody else, taken on a quote, judged; and the same by REST."""

import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, Page, expect

from deploy.local.stack import Stack
from deploy.local.waiting import wait_until
from libs.common import clock
from libs.common.ids import entity_id
from tests.e2e.conftest import Known, is_fine, person, sign_in, sign_in_link, watched
from tests.e2e.crm import ORG_ZONE, Crm, deal


class Firm:
    """A product at 200 and an open deal, with a key of a role at hand."""

    def __init__(self, stack: Stack, mark: str) -> None:
        self.stack, self.mark = stack, mark
        self.deal = entity_id("sim-standard", "deal", f"promote-{mark}")
        self.ops, self.cso = self._key(), person(stack, "cso")
        priced = {"code": f"LAMP-{mark}", "name": "Lamp", "line": mark, "list_price": "200", "currency": "EUR"}
        self.product: str = self.ops.post("/products", json=priced).raise_for_status().json()["product_id"]

    def _key(self) -> httpx.Client:
        key = self.stack.command("gateway", "api-key", "--name", "promote", "--role", "sales_ops").split()[-1]
        return httpx.Client(
            base_url=f"{self.stack.url('gateway')}/api/v1",
            headers={"Authorization": f"Bearer {key}"},
            timeout=10,
            trust_env=False,
        )

    def quote(self) -> str:
        body = {"deal_id": str(self.deal), "currency": "EUR", "lines": [{"product_id": self.product, "quantity": "10"}]}
        made: str = self.ops.post("/quotes", json=body).raise_for_status().json()["quote_id"]
        return made


@pytest.fixture(scope="module")
def firm(stack: Stack, crm: Crm, await_known: Known) -> Iterator[Firm]:
    made = Firm(stack, uuid.uuid4().hex[:8])
    crm.send(deal(f"promote-{made.mark}", amount="1000.00", created_at=clock.now() - timedelta(days=3)))
    await_known({f"promote-{made.mark}": "1000"})
    waiting = lambda: str(made.deal) in made.ops.get("/quotes/deals?limit=200").text  # noqa: E731
    assert wait_until(waiting, timeout_s=60, every_s=0.2)
    yield made
    made.ops.close()
    made.cso.close()


async def _plan(page: Page, stack: Stack, firm: Firm, name: str) -> None:
    """Fill in the form, at first with days that do not fit."""
    today = clock.now().astimezone(ORG_ZONE).date()
    await page.goto(f"{stack.url('gateway')}/prices/promotions")
    form = page.locator("#plan details")
    if await form.get_attribute("open") is None:
        await form.locator("summary").click()
    await page.get_by_label("Name", exact=True).fill(name)
    await page.get_by_label("First day").fill(str(today))
    await page.get_by_label("Last day").fill(str(today - timedelta(days=1)))
    await page.get_by_label("How much").fill("10")
    await page.get_by_label("Budget", exact=True).fill("500")
    await page.get_by_label("Extra revenue expected").fill("9000")
    await page.get_by_label("Products").select_option(firm.product)
    await page.get_by_label("Why", exact=True).fill("Lamps before the dark months.")
    await page.get_by_role("button", name="Plan it").click()
    await expect(page.get_by_role("alert")).to_contain_text("ends on its first day or later")
    await expect(page.get_by_label("Extra revenue expected")).to_have_value("9000")
    await page.get_by_label("Last day").fill(str(today + timedelta(days=60)))
    await page.get_by_role("button", name="Plan it").click()
    await expect(page.locator("h1 [data-state=planned]")).to_be_visible()
    await expect(page.locator("#decide")).to_contain_text("somebody else decides")


async def test_a_promotion_is_planned_approved_by_somebody_else_runs_in_a_quote_and_is_judged(
    stack: Stack, browser: Browser, firm: Firm, tmp_path: Path
) -> None:
    ops, cso, seller = [
        await sign_in(
            browser, sign_in_link(stack, f"{role}-p-{firm.mark}@example.com", role), tmp_path / f"{role}.json"
        )
        for role in ("sales_ops", "cso", "seller")
    ]
    name = f"Autumn {firm.mark}"
    async with watched(browser, ops, refused_forms=1) as page:
        await _plan(page, stack, firm, name)
        address = page.url
        await is_fine(page, "promotion-planned")
    async with watched(browser, cso) as page:
        await page.goto(address)
        await page.get_by_label("Note").fill("Agreed.")
        await page.get_by_role("button", name="Approve").click()
        await expect(page.locator("h1 [data-state=running]")).to_be_visible()
    async with watched(browser, seller) as page:
        await page.goto(f"{stack.url('gateway')}/prices/quotes/{firm.quote()}")
        await page.locator("#revise summary").click()
        await page.get_by_label("Promotion, line 1").select_option(label=f"{name}: 10\u202f% off, 500 EUR left")
        await page.get_by_role("button", name="Offer this instead").click()
        await expect(page.locator("#waterfall")).to_contain_text(name)
        await expect(page.locator("h1")).to_contain_text("1,800")
        await is_fine(page, "quote-promoted")
        await page.get_by_role("button", name="The customer accepted").click()
        await expect(page.locator("[data-status=accepted]")).to_be_visible()
    async with watched(browser, cso) as page:
        await page.goto(address)
        await expect(page.locator("#taken")).to_contain_text("Accepted")
        await expect(page.locator("[data-verdict]")).to_have_text("Too early to say")
        await expect(page.locator("#lift")).to_contain_text("Sold with it so far: 1,800 EUR on 1 quote, 200 given")
        await is_fine(page, "promotion")
        await page.goto(f"{stack.url('gateway')}/prices/promotions")
        await expect(page.get_by_role("region", name="Promotions")).to_contain_text(name)
        await is_fine(page, "promotions")
        await _in_the_forecast(page, stack, name)


async def _in_the_forecast(page: Page, stack: Stack, name: str) -> None:
    async def shown() -> bool:
        await page.goto(f"{stack.url('gateway')}/projection")
        return name in await page.locator("main").inner_text()

    told = await shown()
    for _ in range(100):
        if told:
            break
        told = await shown()
    await expect(page.locator("#promotions")).to_contain_text(name)
    await expect(page.locator("#promotions")).to_contain_text("not in the projection")


def test_the_same_by_rest_and_an_ended_promotion_is_gone_from_the_forecast(firm: Firm) -> None:
    today = clock.now().astimezone(ORG_ZONE).date()
    wanted = {
        "name": f"Rest {firm.mark}",
        "starts_on": str(today),
        "ends_on": str(today + timedelta(days=30)),
        "currency": "EUR",
        "budget": "150",
        "kind": "amount",
        "value": "10",
        "products": [firm.product],
        "expected": "310",
    }
    made = firm.ops.post("/promotions", json=wanted).raise_for_status().json()
    at = f"/promotions/{made['promotion_id']}"
    body = {"verdict": "approved", "version": made["version"]}
    assert firm.cso.post(f"{at}/decision", json=body).raise_for_status().json()["state"] == "running"
    lines = [{"product_id": firm.product, "quantity": "10", "promotions": [made["promotion_id"]]}]
    offer = {"deal_id": str(firm.deal), "currency": "EUR", "lines": lines}
    quote = firm.ops.post("/quotes", json=offer).raise_for_status().json()
    assert Decimal(quote["net_amount"]) == 1900
    refused = firm.ops.post("/quotes", json=offer)
    assert (refused.status_code, refused.json()["left"]) == (409, "50.00")
    assert firm.ops.get(f"{at}/lift").raise_for_status().json()["said"].startswith("Too little data")
    assert wait_until(_told(firm, made["promotion_id"], True), timeout_s=60, every_s=0.2)
    firm.cso.post(f"{at}/end", json={"note": "enough"}).raise_for_status()
    assert wait_until(_told(firm, made["promotion_id"], False), timeout_s=60, every_s=0.2)
    assert f"Rest {firm.mark}" in firm.ops.get("/promotions/export").text


def _told(firm: Firm, promotion: str, wanted: bool) -> Callable[[], bool]:
    def look() -> bool:
        found: dict[str, Any] = firm.ops.get("/forecast/promotions").raise_for_status().json()
        return (promotion in {each["promotion_id"] for each in found["lines"]}) == wanted

    return look
