"""The Review room in a real browser: a review opened by hand, weighed, decided, and the new version approved by another person."""

import uuid
from dataclasses import dataclass
from datetime import date, timedelta
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
    """Two teams that sold the year before, and less this year."""

    mark: str

    @property
    def name(self) -> str:
        return f"Coast {self.mark}"

    @property
    def unit(self) -> str:
        return str(unit_id(self.name))


@pytest.fixture(scope="module")
def region(stack: Stack, crm: Crm, await_known: Known, tmp_path_factory: pytest.TempPathFactory) -> Region:
    mark = uuid.uuid4().hex[:6]
    found = Region(mark)
    teams = {f"ida{mark}": f"{found.name}/East", f"leo{mark}": f"{found.name}/West"}
    crm.employ(tmp_path_factory.mktemp("people"), **teams)
    crm.connect()
    year = clock.now().year
    names = []
    for number, (owner, amount, day) in enumerate(
        (
            ("ida", "160000.00", date(year - 1, 3, 10)),
            ("ida", "140000.00", date(year - 1, 8, 10)),
            ("leo", "200000.00", date(year - 1, 9, 10)),
            ("ida", "115000.00", date(year, 1, 5)),
            ("leo", "60000.00", date(year, 1, 6)),
        )
    ):
        names.append(f"sold{number}-{mark}")
        won: dict[str, Any] = {"stage": "Won", "category": None, "close_date": day, "closed_on": day}
        crm.send(deal(names[-1], amount=amount, owner_id=f"{owner}{mark}", **won))
    for number, owner in enumerate(("ida", "leo", "leo")):
        names.append(f"ahead{number}-{mark}")
        crm.send(deal(names[-1], amount="90000.00", owner_id=f"{owner}{mark}", close_date=date(year, 12, 15)))
    await_known(dict.fromkeys(names, ""))
    return found


async def test_a_review_is_opened_weighed_and_decided_and_another_person_approves_the_new_version(
    stack: Stack, browser: Browser, region: Region, tmp_path: Path
) -> None:
    author = await sign_in(
        browser, sign_in_link(stack, f"cso-{region.mark}@x.example", "cso", region.unit), tmp_path / "author"
    )
    other = await sign_in(
        browser, sign_in_link(stack, f"ceo-{region.mark}@x.example", "ceo", region.unit), tmp_path / "other"
    )
    async with watched(browser, author) as page:
        await page.goto(f"{stack.url('gateway')}/reviews")
        await expect(page.get_by_role("heading", name="No review yet")).to_be_visible()
        await is_fine(page, "reviews-empty")
        await _plan(page, stack, region)
        plan = page.url
    async with watched(browser, other) as page:
        await _approve(page, plan)
    async with watched(browser, author, refused_forms=1) as page:
        await page.goto(plan)
        await page.get_by_role("button", name="Put in force").click()
        await expect(page.locator("h1 [data-state=active]")).to_be_visible()
        await page.get_by_role("link", name="Reviews of this plan").click()
        await _policy(page)
        await page.get_by_label("Why now").fill("West is late")
        await page.get_by_role("button", name="Open", exact=True).click()
        await expect(page.locator("h1 [data-state=open]")).to_be_visible()
        review = page.url
        await _evidence(page)
        await _weighs(page)
        await is_fine(page, "review-open")
        await _decides(page)
        await is_fine(page, "review-decided")
        await page.get_by_role("link", name="version 2 of the plan").click()
        await expect(page.locator("h1 [data-state=draft]")).to_be_visible()
        await page.get_by_role("button", name="Propose").click()
        await expect(page.locator("h1 [data-state=proposed]")).to_be_visible()
        await expect(page.get_by_role("button", name="Approve")).to_have_count(0)
        draft = page.url
    async with watched(browser, other) as page:
        await _approve(page, draft)
    async with watched(browser, author) as page:
        await page.goto(draft)
        await page.get_by_role("button", name="Put in force").click()
        await expect(page.locator("h1 [data-state=active]")).to_be_visible()
        await expect(page.locator("tr[data-node=West] input, tr[data-node=West] data").first).to_be_visible()
        await page.goto(f"{stack.url('gateway')}/reviews")
        await expect(page.locator("caption", has_text="Decisions and how they turned out")).to_be_visible()
        await is_fine(page, "reviews")
        await page.goto(review)
        await expect(page.locator("h1 [data-state=adjust]")).to_be_visible()


async def _plan(page: Page, stack: Stack, region: Region) -> None:
    """A plan of the year, a tenth more than the last, proposed."""
    await page.goto(f"{stack.url('gateway')}/plans")
    await page.get_by_label("Name").fill("Coast plan")
    await page.get_by_label("Unit", exact=True).select_option(label=region.name)
    await page.get_by_label("Period").select_option(f"FY{clock.now().year}")
    await page.get_by_label("Value basis").select_option("tcv")
    await page.get_by_role("button", name="Begin").click()
    await expect(page.get_by_role("heading", name="Begin with the year before")).to_be_visible()
    await page.get_by_label("Growth, %").fill("10")
    await page.get_by_role("button", name="Draft it").click()
    await expect(page.locator("tr.whole input[name=amount]").first).to_have_value("550,000")
    await page.get_by_role("button", name="Propose").click()
    await expect(page.locator("h1 [data-state=proposed]")).to_be_visible()


async def _approve(page: Page, address: str) -> None:
    await page.goto(address)
    await page.get_by_role("button", name="Approve").click()
    await expect(page.locator("h1 [data-state=approved]")).to_be_visible()


async def _policy(page: Page) -> None:
    await expect(page.get_by_role("heading", name="When a review opens by itself")).to_be_visible()
    await page.locator("summary", has_text="Change").click()
    await page.get_by_label("Day of the month").fill("5")
    await page.get_by_label("below, %").fill("40")
    await page.get_by_role("button", name="Set", exact=True).click()
    await expect(page.locator(".policy")).to_contain_text("On day 5 of every month")
    await expect(page.locator(".policy")).to_contain_text("below 40.0 %")
    await is_fine(page, "reviews-of-plan")


async def _evidence(page: Page) -> None:
    await expect(page.locator("data[data-key=closed]")).to_have_attribute("value", "175000.00")
    await expect(page.locator("data[data-key=target]")).to_have_attribute("value", "550000.00")
    figures = [
        Decimal(await each.get_attribute("value") or "")
        for each in await page.locator("[data-key=before], [data-key^='term.'], [data-key=after]").all()
    ]
    assert sum(figures[:-1]) == figures[-1], "the bridge adds up to the cent"
    await expect(page.locator("data[data-key=open]")).to_have_attribute("value", "270000.00")


async def _weighs(page: Page) -> None:
    """The whole three fifths less, with its parts."""
    await page.locator("summary", has_text="Other targets").click()
    await page.locator("#option-name").fill("Three fifths less")
    await page.locator("#change-0-value").fill("-60")
    await page.locator("#adjust").get_by_role("button", name="Weigh it").click()
    await expect(page.locator("data[data-key='option.1']")).to_have_attribute("value", "220000.00")
    chances = [
        Decimal(await each.get_attribute("value") or "")
        for each in await page.locator("tr", has_text="Chance to reach it").locator("data").all()
    ]
    assert chances[1] >= chances[0], "less is not less likely"


async def _decides(page: Page) -> None:
    await page.get_by_label("Adjust: Three fifths less").check()
    await page.get_by_label("Why", exact=True).fill("Two teams were hired late.")
    day = clock.now().date() + timedelta(days=20)
    await page.get_by_label("Checked at the end of").fill(day.isoformat())
    await page.get_by_role("button", name="Decide", exact=True).click()
    await expect(page.get_by_role("alert")).to_contain_text("Say what is expected")
    await expect(page.get_by_label("Why", exact=True)).to_have_value("Two teams were hired late.")
    await page.get_by_label("at least").fill("180,000")
    await page.get_by_role("button", name="Decide", exact=True).click()
    await expect(page.locator("h1 [data-state=adjust]")).to_be_visible()
    await expect(page.locator("#decided-title")).to_contain_text("Three fifths less")
    await expect(page.locator(".decided-terms")).to_contain_text("at least 180,000")
