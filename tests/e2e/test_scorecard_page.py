"""A month from its close to the signed page, in a real browser: tied out, signed, printed on one page, asked about."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from deploy.local.stack import Stack
from libs.common import clock
from libs.common.calendar import FiscalCalendar
from tests.e2e.conftest import is_fine, knowing, numbers, own_stack, sign_in, sign_in_link, watched
from tests.e2e.crm import Crm, deal

CALENDAR = FiscalCalendar()
MONTH = CALENDAR.before(CALENDAR.month(clock.now().date()), 1)[0]
A_PAGE = re.compile(rb"/Type\s*/Page\b(?!s)")


class Books:
    """What finance does by REST."""

    def __init__(self, stack: Stack) -> None:
        key = stack.command("gateway", "api-key", "--name", "books", "--role", "finance").split()[-1]
        self._http = httpx.Client(
            base_url=stack.url("gateway"), headers={"Authorization": f"Bearer {key}"}, timeout=30, trust_env=False
        )

    def bring(self, *orders: str) -> None:
        body = "\n".join(["order,deal,amount,currency,date,revision", *orders, ""])
        answer = self._http.post("/api/v1/forecast/imports/orders", content=body, headers={"Content-Type": "text/csv"})
        assert answer.is_success, answer.text
        assert answer.json()["refused"] == []

    def leave(self) -> None:
        self._http.close()

    def close(self) -> None:
        answer = self._http.post(f"/api/v1/forecast/periods/{MONTH.key}/close", json={"reason": "audited"})
        assert answer.is_success, answer.text


@pytest.fixture(scope="module")
def system() -> Iterator[Stack]:
    with own_stack({"*": {"FORETELL_CALL_BASIS": "tcv"}}) as running:
        crm = Crm(running)
        day = MONTH.last_day - timedelta(days=5)
        for name, amount in (("large", "60000.25"), ("small", "8000.00")):
            crm.send(deal(name, amount=amount, stage="Won", category=None, closed_on=day, close_date=day))
        crm.send(deal("open", amount="90000.00"))
        knowing(running)({"large": "closed_won", "small": "closed_won", "open": ""})
        yield running


@pytest_asyncio.fixture
async def page(system: Stack, browser: Browser, tmp_path: Path) -> AsyncIterator[Page]:
    cookies = await sign_in(browser, sign_in_link(system, role="cso"), tmp_path / "state.json")
    async with watched(browser, cookies, refused_forms=1) as opened:
        yield opened


async def test_a_month_is_closed_tied_out_signed_printed_on_one_page_and_asked_about(system: Stack, page: Page) -> None:
    books, day = Books(system), MONTH.last_day - timedelta(days=5)
    url = f"{system.url('gateway')}/scorecard"
    await page.goto(url)
    row = page.locator(f"#month-{MONTH.key}")
    await expect(row).to_contain_text("draft")
    await is_fine(page, "scorecards")
    await row.get_by_role("link").click()
    await expect(page.locator("h1")).to_contain_text("draft")
    await expect(page.locator("#sign-title + p")).to_contain_text("Finance has not closed")
    await expect(page.locator(".sheet")).to_contain_text("Finance has given no orders")

    books.close()
    await page.goto(f"{url}/{MONTH.key}")
    # All that was recorded until the closing has to arrive before the month can be signed.
    async with asyncio.timeout(60):
        while not await page.get_by_role("button", name=f"Sign {MONTH.label}").is_visible():
            await page.reload()
    books.bring(f"A-1,large,60000.25,EUR,{day},1", f"A-2,small,7000.00,EUR,{day},1")
    await page.get_by_role("button", name=f"Sign {MONTH.label}").click()
    await expect(page.get_by_role("alert")).to_contain_text("not the one that you read")
    shown = dict(await numbers(page))
    assert shown["unmatched"] == shown["tied.unmatched"] == "1000.00"
    assert shown["bookings.month"] == "68000.25"
    await is_fine(page, "scorecard-draft")
    await page.get_by_label("Comment", exact=True).fill("The small one is still to be invoiced.")
    await page.get_by_role("button", name=f"Sign {MONTH.label}").click()
    await expect(page.locator("h1")).to_contain_text("signed")
    await expect(page.locator(".sheet-foot")).to_contain_text("The small one is still to be invoiced.")

    await page.get_by_label("Line", exact=True).select_option("concentration.deal")
    await page.get_by_label("Question", exact=True).fill("Who is the large one?")
    await page.get_by_role("button", name="Ask", exact=True).click()
    await expect(page.locator(".asked")).to_contain_text("Who is the large one?")
    await page.locator(".asked summary").click()
    await page.get_by_label("Your answer", exact=True).fill("The northern plants.")
    await page.locator(".asked").get_by_role("button", name="Answer", exact=True).click()
    await expect(page.locator(".answer")).to_contain_text("The northern plants.")
    await is_fine(page, "scorecard")

    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        printed = await page.pdf(prefer_css_page_size=True)
        assert len(A_PAGE.findall(printed)) == 1
        assert re.search(rb"/MediaBox \[0 0 59\d\.\d+ 84\d\.\d+\]", printed), "A4"
    api = await page.request.get(f"{system.url('gateway')}/api/v1/forecast/scorecards/{MONTH.key}")
    said = await api.json()
    assert {key: value for key, value in await numbers(page) if key.startswith("bookings.month")} == {
        "bookings.month": said["contents"]["bookings"][0]["closed"]
    }
    async with page.expect_download() as waiting:
        await page.get_by_role("link", name="CSV of the tie-out").click()
    assert "-1000.00" in (await (await waiting.value).path()).read_text()
    told = system.command("forecast", "verify-scorecards")
    assert said["signature"]["digest"] in told
    books.leave()
