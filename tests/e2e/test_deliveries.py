"""The pages of deliveries, in a real browser: a parked record is mended by hand, and each value tells where it is from."""

import pytest
from playwright.async_api import Page, expect

from deploy.local.stack import Stack
from tests.e2e.conftest import is_fine
from tests.e2e.crm import Crm, deal


@pytest.mark.refused_forms(1)
async def test_a_parked_record_is_mended_on_the_page_and_tells_where_its_values_are_from(
    stack: Stack, crm: Crm, page: Page
) -> None:
    crm.send(deal("M-1", amount="5000.00", stage="Half agreed"))
    await page.goto(f"{stack.url('gateway')}/deliveries?state=parked")
    row = page.locator("table.deliveries tbody tr", has_text="Half agreed")
    href = await row.locator("a").first.get_attribute("href")
    await page.goto(f"{stack.url('gateway')}{href}")
    await expect(page.get_by_role("heading", name="by hand")).to_be_visible()
    await is_fine(page, "mend")

    await page.get_by_label("Fields to change").fill('{"stage": ')
    await page.get_by_label("Reason").fill("misspelt in the CRM")
    await page.get_by_role("button", name="Mend and replay").click()
    await expect(page.get_by_role("alert")).to_contain_text("not JSON")
    assert await page.get_by_label("Reason").input_value() == "misspelt in the CRM", "what was typed is kept"

    await page.get_by_label("Fields to change").fill('{"stage": "Propose"}')
    await page.get_by_role("button", name="Mend and replay").click()

    await expect(page.locator("h1 .tag")).to_have_text("Processed")
    await expect(page.locator("#item-0")).to_contain_text("misspelt in the CRM")
    href = await page.get_by_role("link", name="M-1").get_attribute("href")
    await page.goto(f"{stack.url('gateway')}{href}")
    await expect(page.locator("#field-stage")).to_contain_text("Propose")
    await expect(page.locator("#field-stage")).to_contain_text("edited here by")
    await is_fine(page, "record")
