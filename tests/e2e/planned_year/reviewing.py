"""Steps of the year: the review that a break opened, weighed and decided."""

from datetime import timedelta
from decimal import Decimal

from playwright.async_api import Page, expect

from tests.e2e.conftest import is_fine
from tests.e2e.planned_year.company import YEAR, won_in
from tests.e2e.planned_year.conftest import OPEN
from tests.e2e.planned_year.planning import WHOLE
from tests.support.days import business_day

LESS = WHOLE * 2 // 5
"""What the whole is wanted to be after the review."""


async def sets_policy(page: Page) -> None:
    await page.get_by_role("link", name="Reviews of this plan").click()
    await expect(page.get_by_role("heading", name="When a review opens by itself")).to_be_visible()
    await page.locator("summary", has_text="Change").click()
    await page.get_by_label("Day of the month").fill("28")
    await page.get_by_label("below, %").fill("40")
    await page.get_by_role("button", name="Set", exact=True).click()
    await expect(page.locator(".policy")).to_contain_text("On day 28 of every month")
    await expect(page.locator(".policy")).to_contain_text("below 40.0 %")
    await is_fine(page, "reviews-of-plan")


async def finds_the_review(page: Page, url: str) -> str:
    """The review that the break opened, with its evidence; returns its address."""
    await page.goto(f"{url}/reviews")
    await page.get_by_role("link", name="Win rate of Company is below").click()
    await expect(page.locator("h1 [data-state=open]")).to_be_visible()
    await expect(page.locator("data[data-key=closed]")).to_have_attribute("value", f"{won_in(YEAR)}.00")
    await expect(page.locator("data[data-key=target]")).to_have_attribute("value", f"{WHOLE}.00")
    figures = [
        Decimal(await each.get_attribute("value") or "")
        for each in await page.locator("[data-key=before], [data-key^='term.'], [data-key=after]").all()
    ]
    assert sum(figures[:-1]) == figures[-1], "the bridge adds up to the cent"
    win_rate = page.locator(".waterfall tr", has_text="Win rate")
    await expect(win_rate.locator(".whose")).to_contain_text("Plan")
    await expect(win_rate.get_by_role("link", name="win rate of Company")).to_be_visible()
    await expect(page.locator(".waterfall tr", has_text="Timing").locator(".whose")).to_contain_text(f"{YEAR - 1}: ")
    await expect(page.locator("data[data-key=open]")).to_have_attribute("value", f"{OPEN}.00")
    return page.url


async def weighs(page: Page) -> None:
    """The whole three fifths less, with its parts."""
    await page.locator("summary", has_text="Other targets").click()
    await page.locator("#option-name").fill("Three fifths less")
    await page.locator("#change-0-value").fill("-60")
    await page.locator("#adjust").get_by_role("button", name="Weigh it").click()
    await expect(page.locator("data[data-key='option.1']")).to_have_attribute("value", f"{LESS}.00")
    chances = [
        Decimal(await each.get_attribute("value") or "")
        for each in await page.locator("tr", has_text="Chance to reach it").locator("data").all()
    ]
    assert chances[1] >= chances[0], "less is not less likely"
    await is_fine(page, "review-open")


async def decides(page: Page) -> None:
    await page.get_by_label("Adjust: Three fifths less").check()
    await page.get_by_label("Why", exact=True).fill("Fewer deals are won since June.")
    day = business_day() + timedelta(days=20)
    await page.get_by_label("Checked at the end of").fill(day.isoformat())
    await page.get_by_role("button", name="Decide", exact=True).click()
    await expect(page.get_by_role("alert")).to_contain_text("Say what is expected")
    await expect(page.get_by_label("Why", exact=True)).to_have_value("Fewer deals are won since June.")
    await page.get_by_label("at least").fill(f"{LESS - 1000:,}")
    await page.get_by_role("button", name="Decide", exact=True).click()
    await expect(page.locator("h1 [data-state=adjust]")).to_be_visible()
    await expect(page.locator("#decided-title")).to_contain_text("Three fifths less")
    await expect(page.locator(".decided-terms")).to_contain_text(f"at least {LESS - 1000:,}")
    await is_fine(page, "review-decided")
