"""The page on the pipeline, in a real browser: what is open, by stage and month, and what of it needs care."""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from playwright.async_api import Page, expect

from deploy.local.stack import Stack
from tests.e2e.conftest import Known, is_fine, numbers
from tests.e2e.crm import Crm, deal
from tests.support.days import business_day

CARED = {
    "next_step": "Answer the lawyers of ann@example.com",
    "last_activity_at": datetime(2026, 1, 6, 9, tzinfo=UTC),
    "changed_by": "nobody-we-know",
}
LINES = ("commit", "most_likely", "best_case", "pipeline")


@dataclass(frozen=True)
class Book:
    """Open deals of one year: some stand well, one was put off three times, one has no date."""

    mark: str
    year: str

    def of(self, name: str) -> str:
        return f"{name}-{self.mark}"


@pytest.fixture(scope="module")
def book(crm: Crm, await_known: Known) -> Book:
    mark, today = uuid.uuid4().hex[:8], business_day()
    due = today + timedelta(days=30)
    crm.send(deal(f"sure-{mark}", amount="310000.33", close_date=due, **CARED))
    crm.send(deal(f"early-{mark}", amount="120000.10", close_date=due, stage="Propose", category="best_case"))
    crm.send(deal(f"undated-{mark}", amount="70000.00", close_date=None))
    for days in range(4):
        crm.send(deal(f"put-off-{mark}", amount="90000.00", close_date=due + timedelta(days=days)))
        await_known({f"put-off-{mark}": str(due + timedelta(days=days))})
    await_known({f"{name}-{mark}": "" for name in ("sure", "early", "undated")})
    return Book(mark, f"FY{(due + timedelta(days=3)).year}")


async def test_every_number_of_the_page_is_the_api_s_and_leads_to_deals_that_add_up_to_it(
    stack: Stack, page: Page, book: Book
) -> None:
    await page.goto(f"{stack.url('gateway')}/call")
    await page.get_by_role("link", name="Pipeline", exact=True).click()
    await page.get_by_role("combobox", name="Period").select_option(book.year)
    await expect(page.locator("h1")).to_contain_text(book.year.removeprefix("FY"))
    answer = await page.request.get(f"{stack.url('gateway')}/api/v1/forecast/pipeline?period={book.year}")
    said = await answer.json()
    shown = dict(await numbers(page))
    assert shown["open"] == said["total"]["amount"]
    assert shown["open.weighted"] == said["total"]["weighted"]
    for line in LINES:
        assert shown[f"line.{line}"] == said["lines"][line]["amount"]
    for row in said["stages"]:
        cells = {line: row["lines"][line] for line in LINES if row["lines"][line]["count"]} | {"open": row["total"]}
        for name, cell in cells.items():
            assert shown[f"stage.{row['stage']}.{name}"] == cell["amount"]
        assert shown[f"stage.{row['stage']}.days"] == str(row["median_days"])
    for month in said["months"]:
        assert shown[f"month.{month['month']}"] == month["total"]["amount"]
    for flag in ("overdue", "pushed", "unpriced", "carried_over", "undated", "held_back"):
        assert shown[f"care.count.{flag}"] == str(said["care"][flag]["count"])

    amount = await page.locator("data[data-key='stage.Propose.best_case']").get_attribute("value")
    cell = page.locator("td", has=page.locator("data[data-key='stage.Propose.best_case']"))
    await cell.get_by_role("link").click()
    await expect(page.locator("h1")).to_have_text("Best case in Propose")
    amounts = await page.locator("tbody td.strong data").evaluate_all("all => all.map(each => each.value)")
    assert sum(map(Decimal, amounts)) == Decimal(amount or "0")
    await expect(page.locator("tbody")).to_contain_text(book.of("early"))
    await expect(page.locator("tbody")).not_to_contain_text(book.of("sure"))


async def test_what_needs_care_opens_its_deals_and_each_its_history(stack: Stack, page: Page, book: Book) -> None:
    await page.goto(f"{stack.url('gateway')}/pipeline?period={book.year}")
    await page.get_by_role("link", name="Pushed 3 times or more").click()
    row = page.locator("tbody tr", has_text=book.of("put-off"))
    await expect(row).to_contain_text("3× pushed")
    await expect(row).to_contain_text("0 d")
    await row.get_by_role("link").click()
    await expect(page.locator("table.history tbody tr")).to_have_count(4)
    await page.goto(f"{stack.url('gateway')}/pipeline?period={book.year}")
    await page.get_by_role("link", name="Undated").click()
    await expect(page.locator("h1")).to_have_text("Undated")
    await expect(page.locator("tbody")).to_contain_text(book.of("undated"))


async def test_an_open_pipeline_follows_what_comes_without_a_reload(
    stack: Stack, crm: Crm, page: Page, book: Book
) -> None:
    await page.goto(f"{stack.url('gateway')}/pipeline?period={book.year}")
    await expect(page.locator("#live")).to_have_text("Live")
    total = page.locator("data[data-key='open']")
    before = await total.get_attribute("value")
    await page.evaluate("window.sameDocument = true")
    crm.send(deal(book.of("further"), amount="5000.00", close_date=business_day() + timedelta(days=33)))
    await expect(total).not_to_have_attribute("value", before or "")
    assert await page.evaluate("window.sameDocument") is True


async def test_pages_of_the_pipeline_are_accessible_and_fit_the_screen(stack: Stack, page: Page, book: Book) -> None:
    paths = (
        f"/pipeline?period={book.year}",
        "/pipeline?period=2031Q1",
        f"/pipeline/deals?period={book.year}&line=open",
    )
    for path in paths:
        await page.goto(f"{stack.url('gateway')}{path}")
        await is_fine(page)


async def test_lists_and_the_deal_s_page_tell_next_step_last_activity_and_who_changed_it(
    stack: Stack, page: Page, book: Book
) -> None:
    await page.goto(f"{stack.url('gateway')}/pipeline?period={book.year}")
    await page.locator(".figure.commit").get_by_role("link").click()
    sure = page.locator("tbody tr", has_text=book.of("sure"))
    await expect(sure.locator(".cared")).to_have_text("next: Answer the lawyers of … · last activity 6 Jan 2026")
    put_off = page.locator("tbody tr", has_text=book.of("put-off"))
    await expect(put_off.locator(".cared")).to_have_text("no next step · no activity yet")
    await is_fine(page, "deals-care")
    await sure.get_by_role("link").click()
    await expect(page.locator(".facts")).to_contain_text("Answer the lawyers of …")
    await expect(page.locator("table.history tbody tr").first).to_contain_text("by a user of the CRM")
    await is_fine(page, "deal-care")
    await page.goto(f"{stack.url('gateway')}/pipeline?period={book.year}")
    await is_fine(page, "pipeline-care")
    await page.get_by_role("link", name="hygiene in money").click()
    await page.locator("summary", has_text="Warnings that cannot be given").click()
    await is_fine(page, "hygiene")
    await page.get_by_role("link", name="No next step").click()
    await expect(page.locator("tbody tr", has_text=book.of("put-off"))).to_contain_text("Warned")
