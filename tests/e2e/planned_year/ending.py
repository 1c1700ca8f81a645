"""Steps of the year: where an hour counts, and in January the year's last month, tied out, signed and read by the CEO."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal

from playwright.async_api import Page, expect

from libs.common.calendar import FiscalCalendar
from tests.e2e.books import Books
from tests.e2e.conftest import is_fine, pages
from tests.e2e.planned_year import company
from tests.e2e.planned_year.company import YEAR, won_in
from tests.e2e.planned_year.conftest import Office

JANUARY = datetime(YEAR + 1, 1, 5, 9, tzinfo=UTC)
MONTH = FiscalCalendar().parse(f"{YEAR}-12")
HOURS = 12


async def names_the_deals(page: Page, office: Office) -> None:
    """Which deals are worth twelve hours, and why: one of the terms is the gap to the plan in force."""
    await page.goto(f"{office.url}/focus?period=FY{YEAR}&value_basis=tcv&hours={HOURS}")
    listed = page.locator("tbody.focus:not(.beyond)")
    await expect(listed.first).to_be_visible()
    hours = [
        Decimal(await each.get_attribute("value") or "") for each in await listed.locator("[data-key$='.hours']").all()
    ]
    assert 0 < sum(hours) <= HOURS
    worth = [
        Decimal(await each.get_attribute("value") or "")
        for each in await page.locator("tbody.focus [data-key$='.by_the_hour']").all()
    ]
    assert len(worth) > len(hours), "who just missed is named too"
    assert worth == sorted(worth, reverse=True)
    await listed.first.get_by_text("Why").click()
    gap = listed.first.locator("dl div").filter(has_text="Plan gap")
    await expect(gap).to_contain_text("of 40")
    await expect(gap).not_to_contain_text("unknown")
    await is_fine(page, "focus-of-the-year")


async def ties_out(page: Page, office: Office) -> None:
    """Finance brings in the orders of the month and closes it, once the decision has been judged."""
    await page.goto(f"{office.url}/reviews")
    async with asyncio.timeout(120):
        while not await page.locator("table").get_by_text("hit", exact=True).count():
            await page.reload()
    books = Books(page, office.url, MONTH)
    orders = [
        f"A-{each.number},{each.number},{each.amount}.00,EUR,{each.ended.date()},1"
        for each in company.deals()
        if each.stage == "Won" and each.ended.date() in MONTH
    ]
    assert f"Taken: {len(orders)} of {len(orders)} lines" in await books.bring(*orders)
    await books.close("all orders are in")


async def signs(page: Page, office: Office) -> None:
    await page.goto(f"{office.url}/scorecard/{MONTH.key}")
    async with asyncio.timeout(60):
        while not await page.get_by_role("button", name=f"Sign {MONTH.label}").is_visible():
            await page.reload()
    await page.get_by_role("button", name=f"Sign {MONTH.label}").click()
    await expect(page.locator("h1")).to_contain_text("signed")


async def reads(page: Page, office: Office) -> None:
    """The CEO opens the month and prints one page, on which the decision is judged."""
    await page.goto(f"{office.url}/scorecard")
    await page.locator(f"#month-{MONTH.key}").get_by_role("link").click()
    await expect(page.locator("h1")).to_contain_text("signed")
    await expect(page.locator("data[data-key='bookings.year']")).to_have_attribute("value", f"{won_in(YEAR)}.00")
    await expect(page.locator("section[aria-labelledby=s-decided] dd").first).to_have_text("hit")
    await is_fine(page, "scorecard-of-the-year")
    assert pages(await page.pdf(prefer_css_page_size=True)) == 1
