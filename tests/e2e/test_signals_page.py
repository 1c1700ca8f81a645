"""Why a deal is at risk, an opportunity from white space, and an executive brief, in a real browser over an imported history."""

import csv
import io
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect
from pypdf import PdfReader

from deploy.local.crms import Crms
from deploy.local.stack import Stack
from deploy.local.waiting import wait_until
from libs.common import clock
from libs.common.ids import entity_id, new_id
from tests.e2e.conftest import is_fine, own_stack, sign_in, sign_in_link, watched
from tests.support.days import business_day

pytestmark = pytest.mark.own_system

DEALS = 240
KEY = "past-crm"
MAPPING = """
version: 1
name: signals-company
connection: past-crm
timezone: UTC
currency: EUR
files:
  deals: {match: "deals.csv"}
  accounts: {match: "accounts.csv"}
stages:
  Propose: {state: open, probability: 0.5, category: best_case}
  Won: {state: won}
  Lost: {state: lost}
records:
  - object: account
    file: accounts
    id: id
    fields: {name: name, tier: tier, segment: segment, region: region, market: market}
    changes: [{at: since}]
  - object: deal
    file: deals
    id: id
    fields: {name: name, stage: stage, amount: amount, account_id: account, product: product, next_step: next_step, close_date: close_date, created_at: created_at}
    changes: [{at: changed_at}]
"""
PRODUCTS = ("Analytics", "Planning", "Ledger")
ACCOUNTS = {
    "ash": ("Ash Mills", "A", "Industry"),
    "birch": ("Birch Bank", "B", "Finance"),
    "cedar": ("Cedar Works", "B", "Industry"),
}


def account_id(name: str) -> str:
    return str(entity_id(KEY, "account", name))


def deal_id(name: str) -> str:
    return str(entity_id(KEY, "deal", name))


def exported(folder: Path) -> None:
    """A year of deals of which those without a next step are seldom won, and three open ones."""
    today = business_day()
    written = io.StringIO()
    rows = csv.writer(written)
    rows.writerow(
        ["id", "name", "stage", "amount", "account", "product", "next_step", "close_date", "created_at", "changed_at"]
    )

    def row(name: str, stage: str, days: int, begun: int, step: str, account: str, product: str, amount: int) -> None:
        due, created, at = (today + timedelta(days=20)), today - timedelta(days=begun), today - timedelta(days=days)
        rows.writerow([name, name.title(), stage, amount, account, product, step, due, created, at])

    for number in range(DEALS):
        without = number % 2 == 0
        won = number % 20 == 0 if without else number % 10 < 7
        begun, step = 200 - number % 7, "" if without else "Call the buyer"
        of = (("birch", "cedar")[number // 2 % 2], PRODUCTS[number % 2], 1000 + number)
        row(f"past {number}", "Propose", begun, begun, step, *of)
        row(f"past {number}", "Won" if won else "Lost", 150 - number % 30, begun, step, *of)
    row("mill rollout", "Propose", 9, 9, "", "ash", "Analytics", 48_000)
    row("mill planning", "Propose", 12, 12, "Send the offer", "ash", "Planning", 9_500)
    row("works upgrade", "Propose", 5, 5, "Meet the CFO", "cedar", "Ledger", 21_000)
    (folder / "deals.csv").write_text(written.getvalue())
    told = "".join(
        f"{key},{name},{tier},{segment},EMEA,DACH,2020-01-01\n" for key, (name, tier, segment) in ACCOUNTS.items()
    )
    (folder / "accounts.csv").write_text(f"id,name,tier,segment,region,market,since\n{told}")
    (folder / "mapping.yaml").write_text(MAPPING)


@pytest.fixture(scope="module")
def imported() -> Iterator[Stack]:
    """A system of its own: what is measured is of the whole company."""
    with own_stack() as running:
        history = running.home / "history"
        history.mkdir()
        exported(history)
        running.command("gateway", "import", str(history), "--mapping", str(history / "mapping.yaml"))
        with Crms(running) as crms:
            assert wait_until(lambda: _open_deals(crms.http) == 3, timeout_s=60, every_s=0.5)
        assert wait_until(lambda: "raised" in running.command("deals", "measure-signals"), timeout_s=60)
        yield running


def _open_deals(http: httpx.Client) -> int:
    arrived = http.get("/api/v1/deals", params={"state": "won", "limit": 500}).json()["items"]
    if len(arrived) < 12 + 72:
        return 0
    return len(http.get("/api/v1/deals", params={"state": "open"}).json()["items"])


@pytest_asyncio.fixture
async def tab(browser: Browser, imported: Stack, tmp_path: Path) -> AsyncIterator[Page]:
    cookies = await sign_in(browser, sign_in_link(imported), tmp_path / "state.json")
    async with watched(browser, cookies) as opened:
        yield opened


async def test_a_seller_sees_why_a_deal_is_at_risk_and_what_that_was_measured_to_mean(
    imported: Stack, tab: Page
) -> None:
    await tab.goto(f"{imported.url('gateway')}/signals")
    row = tab.locator("#signal-no_next_step")
    await expect(row).to_contain_text("On")
    await expect(row).to_contain_text("Lowers the chance to win")
    await expect(tab.locator("#signal-commitments_overdue")).to_contain_text("Too little data")
    await expect(row.locator(".lifts svg")).to_be_visible()
    await is_fine(tab, "signals")
    await row.get_by_role("link", name="No next step").click()
    await expect(tab.get_by_role("heading", level=1)).to_have_text("No next step")
    await is_fine(tab, "signal")
    await tab.get_by_role("link", name="Mill Rollout").click()
    card = tab.locator("#signals")
    await expect(card).to_contain_text("No next step")
    told = await tab.request.get(f"{imported.url('gateway')}/api/v1/deals/{deal_id('mill rollout')}/signals")
    risk = (await told.json())["at_risk"]
    await expect(card.locator("[data-key='at_risk']")).to_have_attribute("value", risk["at_risk"])
    assert 0 < float(risk["low"]) < float(risk["at_risk"]) < float(risk["high"]) < 48_000
    await is_fine(tab, "deal-at-risk")


async def test_a_seller_opens_an_opportunity_from_white_space_by_one_click(imported: Stack, tab: Page) -> None:
    await tab.goto(f"{imported.url('gateway')}/accounts/whitespace")
    ash = tab.locator(f"#row-{account_id('ash')}")
    await expect(ash.locator("td[data-product='Planning']")).to_have_attribute("data-state", "open")
    cell = tab.locator(f"#row-{account_id('birch')} td[data-product='Ledger']")
    await expect(cell).to_have_attribute("data-state", "unknown")
    await expect(tab.locator(f"#row-{account_id('cedar')} td[data-product='Planning']")).to_contain_text("Owned")
    await is_fine(tab, "whitespace")
    await tab.set_viewport_size({"width": 1440, "height": 900})
    await tab.get_by_label("Tier").select_option("B")
    await expect(ash).to_have_count(0)
    await cell.get_by_role("button", name="Open an opportunity for Ledger at Birch Bank").click()
    await expect(tab.get_by_role("status").filter(has_text="The opportunity is opened")).to_be_visible()
    await expect(tab.get_by_role("link", name="See the deal")).to_be_visible(timeout=20_000)
    await tab.get_by_role("link", name="See the deal").click()
    await expect(tab.get_by_role("heading", level=1)).to_contain_text("Birch Bank")

    await tab.goto(f"{imported.url('gateway')}/accounts/{account_id('ash')}")
    space = tab.get_by_role("region", name="Whitespace")
    ledger = space.get_by_role("row", name="Ledger")
    await ledger.get_by_label("What is known of Ledger").select_option("competitor")
    await ledger.get_by_label("Competitor for Ledger").fill("Oakbooks")
    await ledger.get_by_role("button", name="Say").click()
    await expect(ledger.locator(".cell")).to_contain_text("Oakbooks")
    await is_fine(tab, "account-whitespace")


async def test_a_seller_prepares_a_brief_that_fits_one_page_and_whose_lines_say_where_they_come_from(
    imported: Stack, tab: Page, tmp_path: Path
) -> None:
    account = account_id("ash")
    with Crms(imported) as crms:

        def post(path: str, **body: Any) -> Any:
            answer = crms.http.post(f"/api/v1/{path}", json=body)
            assert answer.status_code == 201, answer.text
            return answer.json()

        people = [
            post("contacts", account_id=account, seniority=level, department="finance", person={"name": name, "title": title})
            for name, level, title in (
                ("Ida Holm", "executive", "CFO"), ("Per Lund", "manager", "Head of IT"), ("Eva Berg", "director", "Purchasing")
            )
        ]  # fmt: skip
        ids = [each["contact_id"] for each in people]
        post(f"deals/{deal_id('mill rollout')}/contacts", contact_id=ids[0], role="economic_buyer")
        ours = str(new_id())
        post(f"accounts/{account}/cover", ours=ours, theirs=ids[0], cadence_days=30)
        for days, direction in ((60, "ours"), (41, "theirs"), (22, "both"), (9, "ours"), (3, "both")):
            at = (clock.now() - timedelta(days=days)).isoformat()
            post(
                "touchpoints",
                at=at,
                kind="call",
                direction=direction,
                deal_id=deal_id("mill rollout"),
                contacts=ids[:2],
                ours=[ours],
            )
        due = business_day()
        for words, days in (("Send the security questionnaire", -3), ("Name the project lead", 9)):
            post(
                "commitments",
                account_id=account,
                promise=words,
                owner_id=ids[1],
                due=str(due + timedelta(days=days)),
                side="theirs",
            )

    await tab.goto(f"{imported.url('gateway')}/accounts/{account}")
    await tab.get_by_role("link", name="Executive brief").click()
    brief = tab.locator("article.brief")
    for text in (
        "Mill Rollout",
        "Ida Holm",
        "CFO",
        "Send the security questionnaire",
        "overdue",
        "No next step",
        "Planning",
    ):
        await expect(brief).to_contain_text(text)
    unsourced = await brief.locator("li:not(.unknown):not(.rest)").evaluate_all(
        "all => all.filter(each => !each.querySelector('a.source')).map(each => each.textContent)"
    )
    assert unsourced == []
    hrefs = await brief.locator("a.source").evaluate_all("all => all.map(each => each.getAttribute('href'))")
    for href in sorted(set(hrefs)):
        answer = await tab.request.get(f"{imported.url('gateway')}{href}")
        assert answer.ok, href
        if "#" in href:
            assert f'id="{href.partition("#")[2]}"' in await answer.text(), href
    await is_fine(tab, "brief")
    await tab.emulate_media(color_scheme="light", media="print")
    printed = tmp_path / "brief.pdf"
    await tab.pdf(path=printed, format="A4", prefer_css_page_size=True, print_background=True)
    pdf = PdfReader(printed)
    assert len(pdf.pages) == 1
    text = pdf.pages[0].extract_text()
    assert "Mill Rollout" in text
    assert "Changed in 30 days" in text
    assert "Sign out" not in text
