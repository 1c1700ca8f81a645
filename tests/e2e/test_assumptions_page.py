"""What a plan takes for granted, in a real browser: proposed from an imported history, put in force, and seen to break."""

import asyncio
import csv
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Browser, Page, expect

from deploy.local.stack import Stack
from deploy.local.waiting import wait_until
from libs.common import clock
from tests.e2e.conftest import is_fine, own_stack, sign_in, sign_in_link, watched

YEAR = clock.now().year - 1
"""The plan is of last year, so that all its locks are due whatever day it is."""
FELL = datetime(YEAR, 6, 2, tzinfo=UTC)
A_WEEK = 14
MAPPING = """
version: 1
name: assumed-company
connection: assumed-crm
timezone: UTC
currency: EUR
files:
  deals: {match: "deals.csv"}
stages:
  Propose: {state: open, probability: 0.5, category: best_case}
  Won: {state: won}
  Lost: {state: lost}
records:
  - object: deal
    file: deals
    id: id
    fields: {name: name, stage: stage, amount: amount, close_date: close_date, created_at: created_at, closed_on: closed_on}
    changes: [{at: changed_at}]
"""


def exported(folder: Path) -> int:
    """Two years of fourteen deals a week, decided after thirty days; of five two are won, since June of the second year one."""
    number = 0
    with (folder / "deals.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "name", "stage", "amount", "close_date", "created_at", "closed_on", "changed_at"])
        for hour in range(0, 2 * 365 * 24, 7 * 24 // A_WEEK):
            born = datetime(YEAR - 1, 1, 1, 6, tzinfo=UTC) + timedelta(hours=hour)
            ended = born + timedelta(days=30)
            stage = "Won" if number % 5 < (2 if ended < FELL else 1) else "Lost"
            about = [number, f"Deal {number}"]
            money = f"{9000 + 350 * (number % 13)}.00"
            writer.writerow([*about, "Propose", money, ended.date(), born.isoformat(), "", born.isoformat()])
            writer.writerow([*about, stage, money, ended.date(), born.isoformat(), ended.date(), ended.isoformat()])
            number += 1
    (folder / "mapping.yaml").write_text(MAPPING)
    return number


@pytest.fixture(scope="module")
def imported() -> Iterator[Stack]:
    """A system of its own: other pages would show this history too."""
    with own_stack() as running:
        history = running.home / "history"
        history.mkdir()
        exported(history)
        running.command("gateway", "import", str(history), "--mapping", str(history / "mapping.yaml"))
        assert wait_until(
            lambda: running.command("forecast", "check-rollup").strip().endswith("0 cells differ from the deals"),
            timeout_s=60,
            every_s=1,
        )
        key = running.command("gateway", "api-key", "--name", "history", "--role", "sales_ops").split()[-1]
        assert wait_until(lambda: _is_read(running, key), timeout_s=120, every_s=1)
        yield running


def _is_read(stack: Stack, key: str) -> bool:
    """Whether the forecast has the imported history in memory, so that a page does not wait for it."""
    answer = httpx.get(
        f"{stack.url('gateway')}/api/v1/forecast/variance",
        params={"period": f"{YEAR}Q4"},
        headers={"Authorization": f"Bearer {key}"},
        timeout=60,
        trust_env=False,
    )
    return answer.is_success and bool(answer.json()["after"]["created"]["there"])


async def test_what_a_plan_takes_for_granted_breaks_at_a_lock_and_is_shown_with_its_history(
    imported: Stack, browser: Browser, tmp_path: Path
) -> None:
    author = await sign_in(browser, sign_in_link(imported, "cso@x.example", "cso"), tmp_path / "author")
    other = await sign_in(browser, sign_in_link(imported, "ceo@x.example", "ceo"), tmp_path / "other")
    async with watched(browser, author, refused_forms=1) as page:
        await _begins(page, imported)
        await _assumes(page)
        address = page.url
        await page.get_by_role("button", name="Propose", exact=True).first.click()
        await expect(page.locator("h1 [data-state=proposed]")).to_be_visible()
    async with watched(browser, other) as page:
        await page.goto(address)
        await page.get_by_role("button", name="Approve").click()
        await expect(page.locator("h1 [data-state=approved]")).to_be_visible()
    async with watched(browser, author) as page:
        await page.goto(address)
        await page.get_by_role("button", name="Put in force").click()
        await expect(page.locator("h1 [data-state=active]")).to_be_visible()
        await _is_looked_at(page, imported)
        await page.goto(address)
        await _is_broken(page)


async def _begins(page: Page, stack: Stack) -> None:
    await page.goto(f"{stack.url('gateway')}/plans")
    await page.get_by_label("Name").fill("Last year")
    await page.get_by_label("Period").select_option(f"FY{YEAR}")
    await page.get_by_role("button", name="Begin").click()
    await expect(page.get_by_role("heading", name="Begin with the year before")).to_be_visible()
    await page.get_by_role("button", name="Draft it").click()
    await expect(page.locator("tr.whole input[name=amount]").first).not_to_have_value("")
    await _tab(page, "Assumptions")
    await expect(page.get_by_role("heading", name="Nothing is assumed yet")).to_be_visible()
    await is_fine(page, "assumptions-empty")


async def _assumes(page: Page) -> None:
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


async def _is_looked_at(page: Page, stack: Stack) -> None:
    """The running service looks at every lock of the year by itself."""
    plan = page.url.split("/plans/")[1].split("?")[0]
    key = stack.command("gateway", "api-key", "--name", "looks", "--role", "sales_ops").split()[-1]

    def is_done() -> bool:
        answer = httpx.get(
            f"{stack.url('gateway')}/api/v1/plans/{plan}/assumptions",
            headers={"Authorization": f"Bearer {key}"},
            timeout=60,
            trust_env=False,
        )
        return answer.is_success and max(len(each["locks"]) for each in answer.json()["items"]) >= 51

    assert await asyncio.to_thread(wait_until, is_done, timeout_s=120, every_s=0.5)


async def _is_broken(page: Page) -> None:
    won = page.locator("tr[data-assumption='win_rate.Company']")
    await expect(won.locator("[data-state]")).to_have_text("broken")
    await expect(won).to_contain_text("below")
    await expect(page.locator("tr[data-assumption='creation.Company'] [data-state]")).to_have_text("holds")
    await is_fine(page, "assumptions")
    await won.get_by_role("link", name="Win rate").click()
    await expect(page.get_by_role("heading", name="Win rate, Company")).to_be_visible()
    await expect(page.locator("[data-key=seen]")).to_have_text(re.compile(r"^(19|20)\.\d%$"))
    await expect(page.locator(".notice.bad")).to_contain_text("It is critical")
    await expect(page.locator("svg.held[role=img]")).to_be_visible()
    await is_fine(page, "assumption")
    await page.get_by_role("link", name="All assumptions").click()
    await expect(won).to_be_visible()


async def _tab(page: Page, name: str) -> None:
    await page.get_by_role("navigation", name="Parts of the plan").get_by_role("link", name=name).click()
