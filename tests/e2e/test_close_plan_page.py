"""A close plan in real browsers: a seller's, signed in, and a buyer's that only has a link."""

import os
import uuid
from datetime import timedelta
from pathlib import Path

from playwright.async_api import Browser, Page, expect

from deploy.local.stack import Stack
from libs.common.ids import entity_id
from tests.e2e.conftest import PHONE, Known, is_fine, sign_in, sign_in_link, watched
from tests.e2e.crm import Crm, deal
from tests.support.days import business_day


async def test_a_plan_is_built_sent_ticked_by_the_buyer_and_its_link_revoked(
    stack: Stack, crm: Crm, await_known: Known, browser: Browser, tmp_path: Path
) -> None:
    name = f"plan-{uuid.uuid4().hex[:6]}"
    crm.send(deal(name, amount="123456.00", stage="Propose", close_date=business_day() + timedelta(days=45)))
    await_known({name: "123456"})
    deal_url = f"{stack.url('gateway')}/deals/{entity_id('sim-standard', 'deal', name)}"
    seller = await sign_in(browser, sign_in_link(stack, "plan-seller@example.com", "seller"), tmp_path / "seller.json")
    async with watched(browser, seller) as page:
        await page.goto(deal_url)
        card = page.get_by_role("region", name="Close plan", exact=False).first
        await card.get_by_label("Title that the buyer reads").fill("Joint plan")
        await card.get_by_role("button", name="Begin the plan").click()
        p50 = page.locator("[data-plan=p50]")
        before = await p50.get_attribute("datetime")
        assert before == await page.locator("[data-plan=p50]").get_attribute("datetime")
        await expect(page.locator("tr.critical")).not_to_have_count(0)
        await page.locator("summary", has_text="Add a task").click()
        form = page.locator("#plan-add form")
        await form.get_by_label("What", exact=True).fill("Visit a reference customer")
        await form.get_by_label("Working days").fill("4")
        await form.get_by_role("button", name="Add the task").click()
        await expect(page.locator("[data-task='Visit a reference customer']")).to_be_visible()
        await page.get_by_role("button", name="Make a link").click()
        link = await page.locator("#new-link").inner_text()
        await is_fine(page, "close-plan-seller")

        context = await browser.new_context(viewport=PHONE)
        buyer = await context.new_page()
        await buyer.goto(link)
        await expect(buyer.get_by_role("heading", name="Joint plan")).to_be_visible()
        assert "123456" not in await buyer.content()
        assert name not in await buyer.content()
        await is_fine(buyer, "close-plan-buyer")
        goals = buyer.locator("[data-task='Agree on goals and what success means']")
        await goals.get_by_role("button", name="Mark as done").click()
        await expect(goals).to_contain_text("done on")
        await expect(buyer.locator("[data-task='Final proposal'] button")).to_have_count(0)
        await is_fine(buyer, "close-plan-buyer-ticked")

        await page.goto(deal_url)
        await expect(page.locator("[data-task='Agree on goals and what success means']")).to_contain_text("done")
        moved = await p50.get_attribute("datetime")
        assert before is not None
        assert moved is not None
        assert moved < before, "the end comes nearer"
        await is_fine(page, "close-plan-ticked")
        await page.get_by_role("button", name="Revoke the link").click()
        await expect(page.locator(".buyer-links")).to_contain_text("Revoked")
        answer = await buyer.goto(link)
        assert answer is not None
        assert answer.status == 404
        await expect(buyer.get_by_role("alert")).to_contain_text("This link does not work")
        await _picture(buyer, "close-plan-refused")
        await context.close()


async def _picture(page: Page, name: str) -> None:
    if folder := os.environ.get("FORETELL_E2E_SCREENSHOTS"):
        await page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)
