"""Plans in a real browser: a year drafted from the one before, divided, approved by another person, in force and watched."""

import uuid
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from deploy.local.stack import Stack
from libs.common import clock
from libs.common.ids import unit_id
from tests.e2e.conftest import Known, is_fine, sign_in, sign_in_link, watched
from tests.e2e.crm import Crm, deal


@dataclass(frozen=True)
class Region:
    """Two teams that sold in two markets the year before, and a little this year."""

    mark: str

    @property
    def name(self) -> str:
        return f"Land {self.mark}"

    @property
    def unit(self) -> str:
        return str(unit_id(self.name))


@pytest.fixture(scope="module")
def region(stack: Stack, crm: Crm, await_known: Known, tmp_path_factory: pytest.TempPathFactory) -> Region:
    mark = uuid.uuid4().hex[:6]
    found = Region(mark)
    teams = {f"ann{mark}": f"{found.name}/North", f"bob{mark}": f"{found.name}/South"}
    crm.employ(tmp_path_factory.mktemp("people"), **teams)
    crm.connect()
    year = clock.now().year
    names = []
    for number, (owner, market, amount, day) in enumerate(
        (
            ("ann", "DACH", "60000.00", date(year - 1, 3, 10)),
            ("ann", "Nordics", "40000.00", date(year - 1, 6, 10)),
            ("ann", "DACH", "25000.00", date(year - 1, 11, 20)),
            ("bob", "DACH", "100000.00", date(year - 1, 9, 10)),
            ("ann", "DACH", "55000.00", date(year, 1, 5)),
            ("bob", "DACH", "20000.00", date(year, 1, 6)),
        )
    ):
        names.append(f"won{number}-{mark}")
        won: dict[str, Any] = {"stage": "Won", "category": None, "close_date": day, "closed_on": day}
        crm.send(deal(names[-1], amount=amount, owner_id=f"{owner}{mark}", market=market, **won))
    names.append(f"open-{mark}")
    crm.send(deal(names[-1], amount="90000.00", owner_id=f"ann{mark}", market="DACH", close_date=date(year, 12, 15)))
    await_known(dict.fromkeys(names, ""))
    return found


async def test_a_year_is_planned_from_the_last_one_approved_by_another_and_watched(
    stack: Stack, browser: Browser, region: Region, tmp_path: Path
) -> None:
    author = await sign_in(
        browser, sign_in_link(stack, f"cso-{region.mark}@x.example", "cso", region.unit), tmp_path / "author"
    )
    other = await sign_in(
        browser, sign_in_link(stack, f"ceo-{region.mark}@x.example", "ceo", region.unit), tmp_path / "other"
    )
    async with watched(browser, author, refused_forms=1) as page:
        await page.goto(f"{stack.url('gateway')}/plans")
        await expect(page.get_by_role("heading", name="No plan yet")).to_be_visible()
        await is_fine(page, "plans-empty")
        await _drafts(page, region)
        await _types_and_divides(page)
        await is_fine(page, "plan-targets")
        await page.get_by_role("button", name="Propose").click()
        await expect(page.locator("h1 [data-state=proposed]")).to_be_visible()
        await expect(page.get_by_role("button", name="Approve")).to_have_count(0)
        address = page.url
    async with watched(browser, other) as page:
        await page.goto(address)
        await page.get_by_placeholder("Note, if you like").fill("As we spoke")
        await page.get_by_role("button", name="Approve").click()
        await expect(page.locator("h1 [data-state=approved]")).to_be_visible()
    async with watched(browser, author) as page:
        await page.goto(address)
        await page.get_by_role("button", name="Put in force").click()
        await expect(page.locator("h1 [data-state=active]")).to_be_visible()
        await is_fine(page, "plan-in-force")
        await _is_watched(page)
        await _is_the_target_of_the_team(page, stack, region)
        await page.goto(address)
        await page.get_by_role("button", name="New version").click()
        await expect(page.locator("h1 [data-state=draft]")).to_be_visible()
        await _says_what_to_do(page)
        await page.get_by_role("navigation", name="Parts of the plan").get_by_role("link", name="Versions").click()
        await expect(page.locator("#changed-title")).to_contain_text("What version 2 changed")
        await expect(page.locator("body")).to_contain_text("As we spoke")
        await is_fine(page, "plan-versions")
        await page.goto(f"{stack.url('gateway')}/plans")
        await expect(page.locator("tr[data-plan='The year']")).to_contain_text("in force")
        await is_fine(page, "plans")


async def _drafts(page: Page, region: Region) -> None:
    await page.get_by_label("Name").fill("The year")
    await page.get_by_label("Unit", exact=True).select_option(label=region.name)
    await page.get_by_label("Period").select_option(f"FY{clock.now().year}")
    await page.get_by_label("Value basis").select_option("tcv")
    await page.get_by_role("button", name="Begin").click()
    await expect(page.get_by_role("heading", name="Begin with the year before")).to_be_visible()
    await page.get_by_label("Growth, %").fill("20")
    await page.locator(".begin").get_by_label("Market").check()
    await is_fine(page, "plan-begin")
    await page.get_by_role("button", name="Draft it").click()
    whole = page.locator("tr.whole input[name=amount]").first
    await expect(whole).to_have_value("270,000")


async def _types_and_divides(page: Page) -> None:
    """What is typed is kept when the number above is divided again; what is over is shown."""
    south = page.locator("tr[data-node=South] input[name=amount]").first
    await south.fill("170,000")
    await page.get_by_role("button", name="Save numbers").click()
    rest = page.locator("tr.rest [data-key^='unallocated'] data").first
    await expect(rest).to_have_attribute("value", "-50000.00")
    await expect(page.locator("tr.rest")).to_contain_text("over-assigned")
    await page.locator("summary", has_text="Divide").click()
    await page.locator("button[type=submit]", has_text="Divide").click()
    await expect(rest).to_have_attribute("value", "0.00")
    await expect(page.locator("tr[data-node=South] input[name=amount]").first).to_have_value("170,000")
    await expect(page.locator("tr[data-node=North] input[name=amount]").first).to_have_value("100,000")
    await page.locator("tr[data-node=North] input[name=amount]").first.fill("much")
    await page.get_by_role("button", name="Save numbers").click()
    await expect(page.get_by_role("alert")).to_contain_text("'much' is not a number")
    await page.get_by_role("link", name="South").click()
    await expect(page.locator("caption").first).to_contain_text("South")
    await page.get_by_role("link", name="up", exact=True).click()
    await expect(page.locator("tr[data-node=South]")).to_be_visible()


async def _is_watched(page: Page) -> None:
    await page.get_by_role("navigation", name="Parts of the plan").get_by_role("link", name="Attainment").click()
    await expect(page.locator("data[data-key='plan.closed']")).to_have_attribute("value", "75000.00")
    await expect(page.locator("data[data-key='closed.North']")).to_have_attribute("value", "55000.00")
    closed = [
        Decimal(await page.locator(f"data[data-key='{key}']").get_attribute("value") or "")
        for key in ("closed.North", "closed.South", "elsewhere", "plan.closed")
    ]
    assert sum(closed[:3]) == closed[3], "the parts and what is in none of them make the whole"
    await is_fine(page, "plan-attainment")


async def _is_the_target_of_the_team(page: Page, stack: Stack, region: Region) -> None:
    """The Call page of the unit has the plan's number as its quota, and says so."""
    await page.goto(f"{stack.url('gateway')}/call?period=FY{clock.now().year}&org={region.unit}&value_basis=tcv")
    await expect(page.locator("data[data-key='quota.quota']")).to_have_attribute("value", "270000.00")
    await expect(page.get_by_role("link", name="The year")).to_be_visible()


async def _says_what_to_do(page: Page) -> None:
    await page.locator("tr[data-node=North] input[name=amount]").first.fill("120000")
    await page.get_by_role("button", name="Save numbers").click()
    await page.get_by_role("navigation", name="Parts of the plan").get_by_role("link", name="Markets").click()
    await page.locator("summary", has_text="Say what is to be done").click()
    await page.get_by_label("Market", exact=True).fill("DACH")
    await page.get_by_label("Promotions").fill("Spring offer")
    await page.locator("#market-text").fill("Win the mid-market with two partners.")
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.locator(".strategy")).to_contain_text("two partners")
    await is_fine(page, "plan-markets")
