"""Steps of the year: what the plan takes for granted, and that it breaks."""

import asyncio
import re

from playwright.async_api import Page, expect

from deploy.local.waiting import wait_until
from tests.e2e.conftest import is_fine
from tests.e2e.planned_year.conftest import Office
from tests.e2e.planned_year.planning import tab


async def assumes(page: Page) -> None:
    await tab(page, "Assumptions")
    await expect(page.get_by_role("heading", name="Nothing is assumed yet")).to_be_visible()
    await is_fine(page, "assumptions-empty")
    await page.get_by_role("button", name="Take last year's figures").click()
    won = page.locator("tr[data-assumption='win_rate.Company']")
    await expect(won).to_contain_text("critical")
    await expect(won).to_contain_text("not looked at yet")
    await expect(won).to_contain_text("± 10%")
    await page.locator("summary", has_text="State one").click()
    await page.get_by_label("What", exact=True).select_option("pushed")
    await page.get_by_label("Expected", exact=True).fill("much")
    await page.get_by_role("button", name="State it").click()
    await expect(page.get_by_role("alert")).to_contain_text("give numbers")
    await page.locator("summary", has_text="State one").click()
    await page.get_by_label("What", exact=True).select_option("pushed")
    await page.get_by_label("Expected", exact=True).fill("30")
    await page.get_by_role("button", name="State it").click()
    pushed = page.locator("tr[data-assumption='pushed.Company']")
    await expect(pushed).to_contain_text("30.0%")
    await is_fine(page, "assumptions-draft")
    await pushed.get_by_role("button", name="Take back").click()
    await expect(pushed).to_have_count(0)


async def is_looked_at(page: Page, office: Office) -> None:
    """The running service looks at every lock of the year so far by itself, and its break opens the review."""
    plan = page.url.split("/plans/")[1].split("?")[0]

    def is_broken() -> bool:
        answer = office.get(f"plans/{plan}/assumptions")
        if not answer.is_success:
            return False
        return any(each["state"] == "broken" and each["metric"] == "win_rate" for each in answer.json()["items"])

    def is_open() -> bool:
        answer = office.get("reviews", plan_id=plan)
        return answer.is_success and any(each["kind"] == "assumption" for each in answer.json()["items"])

    assert await asyncio.to_thread(wait_until, is_broken, timeout_s=120, every_s=0.5)
    assert await asyncio.to_thread(wait_until, is_open, timeout_s=120, every_s=0.5)


async def is_broken(page: Page) -> None:
    won = page.locator("tr[data-assumption='win_rate.Company']")
    await expect(won.locator("[data-state]")).to_have_text("broken")
    await expect(won).to_contain_text("below")
    await expect(page.locator("tr[data-assumption='creation.Company'] [data-state]")).to_have_text("holds")
    await is_fine(page, "assumptions")
    await won.get_by_role("link", name="Win rate").click()
    await expect(page.get_by_role("heading", name="Win rate, Company")).to_be_visible()
    await expect(page.locator("[data-key=seen]")).to_have_text(re.compile(r"^(19|20)\.\d%$"))
    await expect(page.locator(".notice.bad")).to_contain_text("It is critical. A review was opened for it")
    await expect(page.locator("svg.held[role=img]")).to_be_visible()
    await is_fine(page, "assumption")
    await page.get_by_role("link", name="All assumptions").click()
    await expect(won).to_be_visible()
