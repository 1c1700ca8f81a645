"""The pricing desk in a real browser: quotes are won, bands are published by the running product, and a price is checked against them."""

import uuid
from datetime import timedelta

import httpx
import pytest
from playwright.async_api import Page, expect

from deploy.local.stack import Stack
from deploy.local.waiting import wait_until
from libs.common import clock
from libs.common.ids import entity_id
from tests.e2e.conftest import Known, is_fine
from tests.e2e.crm import Crm, deal
from tests.support.days import business_day

DISCOUNTS = ("0.05", "0.10", "0.15", "0.20", "0.25")


@pytest.fixture(scope="module")
def product(stack: Stack, crm: Crm, await_known: Known) -> str:
    """A product that was won five times, with its bands published by the scheduler."""
    mark, born = uuid.uuid4().hex[:8], clock.now() - timedelta(days=3)
    key = stack.command("gateway", "api-key", "--name", "desk", "--role", "sales_ops").split()[-1]
    url = f"{stack.url('gateway')}/api/v1"
    with httpx.Client(headers={"Authorization": f"Bearer {key}"}, timeout=10, trust_env=False) as http:
        priced = {"code": f"SUITE-{mark}", "name": "Suite", "line": "Suite", "list_price": "200", "currency": "EUR"}
        made = http.post(f"{url}/products", json=priced)
        assert made.status_code == 201, made.text
        product = made.json()["product_id"]
        for number, discount in enumerate(DISCOUNTS):
            crm.send(deal(f"desk-{number}-{mark}", amount="1000.00", created_at=born))
            await_known({f"desk-{number}-{mark}": "open"})
            lines = [{"product_id": product, "quantity": "5", "discount": discount}]
            deal_id = str(entity_id("sim-standard", "deal", f"desk-{number}-{mark}"))
            quoted = http.post(f"{url}/quotes", json={"deal_id": deal_id, "currency": "EUR", "lines": lines})
            assert quoted.status_code == 201, quoted.text
            accepted = http.post(f"{url}/quotes/{quoted.json()['quote_id']}/accept")
            assert accepted.is_success, accepted.text
            crm.send(
                deal(f"desk-{number}-{mark}", amount="1000.00", stage="Won", category=None, closed_on=business_day())
            )
        await_known({f"desk-{number}-{mark}": "won" for number in range(len(DISCOUNTS))})
        published = f"{url}/guidance/publications"
        assert wait_until(lambda: bool(http.get(published).json()["items"]), timeout_s=90, every_s=0.5)
    return str(product)


async def test_a_price_is_checked_against_what_was_won_and_told_why(page: Page, stack: Stack, product: str) -> None:
    await page.goto(f"{stack.url('gateway')}/prices")
    await page.get_by_label("Product").first.select_option(product)
    await page.get_by_label("Quantity").first.fill("10")
    await page.get_by_label("Net price of one").first.fill("120")
    await page.get_by_role("button", name="Check").click()
    found = page.locator("#found")
    await expect(found.locator("[data-standing=below_floor]").first).to_be_visible()
    await expect(found).to_contain_text("won quote")
    await expect(found).to_contain_text("shrunk")
    await expect(found.get_by_role("img").first).to_be_visible()
    await expect(page.get_by_role("region", name="What changed")).to_contain_text("Company")
    await is_fine(page, "pricing-desk")

    await page.get_by_label("Net price of one").first.fill("cheap")
    await page.get_by_role("button", name="Check").click()
    await expect(page.get_by_text("Write the price of one, such as 84.50.")).to_be_visible()
    await expect(page.locator("#found")).to_have_count(0)


async def test_prices_are_drawn_where_that_was_opted_into_and_without_outcomes_there_is_no_curve(
    page: Page, stack: Stack, crm: Crm, await_known: Known, product: str
) -> None:
    mark = uuid.uuid4().hex[:8]
    crm.send(deal(f"draw-{mark}", amount="1000.00", created_at=clock.now() - timedelta(days=3)))
    await_known({f"draw-{mark}": "1000"})
    deal_id = str(entity_id("sim-standard", "deal", f"draw-{mark}"))
    key = stack.command("gateway", "api-key", "--name", "draws", "--role", "sales_ops").split()[-1]
    with httpx.Client(headers={"Authorization": f"Bearer {key}"}, timeout=10, trust_env=False) as http:
        quotable = f"{stack.url('gateway')}/api/v1/quotes/deals?limit=200"
        assert wait_until(lambda: deal_id in http.get(quotable).text, timeout_s=60, every_s=0.2)
    await page.goto(f"{stack.url('gateway')}/prices/draws")
    form = page.locator("details.form").last
    if await form.get_attribute("open") is None:
        await form.locator("summary").click()
    await page.get_by_label("Product").select_option(product)
    await page.get_by_label("Why", exact=True).fill("What does a price do?")
    await page.get_by_role("button", name="Draw prices").click()
    await expect(page.locator("[data-refused]")).to_contain_text("No curve")
    await page.locator("select[name=deal]").select_option(deal_id)
    await page.get_by_role("button", name="Draw its price").click()
    await expect(page.locator("#got")).to_contain_text("Drawn:")
    told = await page.locator("#got strong").inner_text()
    await page.locator("select[name=deal]").select_option(deal_id)
    await page.get_by_role("button", name="Draw its price").click()
    await expect(page.locator("#got")).to_contain_text("Drawn before:")
    assert await page.locator("#got strong").inner_text() == told
    await is_fine(page, "drawn-prices")
