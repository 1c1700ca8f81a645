"""Steps of the year: a plan drafted from the year before, divided, approved, in force, attained."""

from decimal import Decimal

from playwright.async_api import Page, expect

from tests.e2e.conftest import is_fine
from tests.e2e.planned_year.company import YEAR, won_in
from tests.e2e.planned_year.conftest import Office

WHOLE = won_in(YEAR - 1) * 6 // 5
"""A fifth more than the year before."""
NORTH = won_in(YEAR - 1, lambda each: each.owner == "ann") * 6 // 5
SOUTH = WHOLE - NORTH
MORE = 50_000


async def tab(page: Page, name: str) -> None:
    await page.get_by_role("navigation", name="Parts of the plan").get_by_role("link", name=name).click()


async def drafts(page: Page, office: Office) -> None:
    await page.goto(f"{office.url}/plans")
    await expect(page.get_by_role("heading", name="No plan yet")).to_be_visible()
    await is_fine(page, "plans-empty")
    await page.get_by_label("Name").fill("The year")
    await page.get_by_label("Period").select_option(f"FY{YEAR}")
    await page.get_by_label("Value basis").select_option("tcv")
    await page.get_by_role("button", name="Begin").click()
    await expect(page.get_by_role("heading", name="Begin with the year before")).to_be_visible()
    await page.get_by_label("Growth, %").fill("20")
    await page.locator(".begin").get_by_label("Market").check()
    await is_fine(page, "plan-begin")
    await page.get_by_role("button", name="Draft it").click()
    await expect(page.locator("tr.whole input[name=amount]").first).to_have_value(f"{WHOLE:,}")


async def types_and_divides(page: Page) -> None:
    """What is typed is kept when the number above is divided again; what is over is shown."""
    south = page.locator("tr[data-node=South] input[name=amount]").first
    await expect(south).to_have_value(f"{SOUTH:,}")
    await south.fill(f"{SOUTH + MORE:,}")
    await page.get_by_role("button", name="Save numbers").click()
    rest = page.locator("tr.rest [data-key^='unallocated'] data").first
    await expect(rest).to_have_attribute("value", f"-{MORE}.00")
    await expect(page.locator("tr.rest")).to_contain_text("over-assigned")
    await page.locator("summary", has_text="Divide").click()
    await page.locator("button[type=submit]", has_text="Divide").click()
    await expect(rest).to_have_attribute("value", "0.00")
    await expect(page.locator("tr[data-node=South] input[name=amount]").first).to_have_value(f"{SOUTH + MORE:,}")
    await expect(page.locator("tr[data-node=North] input[name=amount]").first).to_have_value(f"{NORTH - MORE:,}")
    await page.locator("tr[data-node=North] input[name=amount]").first.fill("much")
    await page.get_by_role("button", name="Save numbers").click()
    await expect(page.get_by_role("alert")).to_contain_text("'much' is not a number")
    await page.get_by_role("link", name="South").click()
    await expect(page.locator("caption").first).to_contain_text("South")
    await page.get_by_role("link", name="up", exact=True).click()
    await expect(page.locator("tr[data-node=South]")).to_be_visible()
    await is_fine(page, "plan-targets")


async def proposes(page: Page) -> str:
    """Propose the draft, which its author does not approve; returns its address."""
    await page.get_by_role("button", name="Propose", exact=True).first.click()
    await expect(page.locator("h1 [data-state=proposed]")).to_be_visible()
    await expect(page.get_by_role("button", name="Approve")).to_have_count(0)
    return page.url


async def approves(page: Page, address: str, note: str = "") -> None:
    await page.goto(address)
    if note:
        await page.get_by_placeholder("Note, if you like").fill(note)
    await page.get_by_role("button", name="Approve").click()
    await expect(page.locator("h1 [data-state=approved]")).to_be_visible()


async def puts_in_force(page: Page, address: str) -> None:
    await page.goto(address)
    await page.get_by_role("button", name="Put in force").click()
    await expect(page.locator("h1 [data-state=active]")).to_be_visible()


async def is_attained(page: Page) -> None:
    await tab(page, "Attainment")
    north = won_in(YEAR, lambda each: each.owner == "ann")
    await expect(page.locator("data[data-key='plan.closed']")).to_have_attribute("value", f"{won_in(YEAR)}.00")
    await expect(page.locator("data[data-key='closed.North']")).to_have_attribute("value", f"{north}.00")
    closed = [
        Decimal(await page.locator(f"data[data-key='{key}']").get_attribute("value") or "")
        for key in ("closed.North", "closed.South", "elsewhere", "plan.closed")
    ]
    assert sum(closed[:3]) == closed[3], "the parts and what is in none of them make the whole"
    await is_fine(page, "plan-attainment")


async def is_the_target(page: Page, office: Office) -> None:
    """The Call page has the plan's number as its quota, and says so."""
    await page.goto(f"{office.url}/call?period=FY{YEAR}&value_basis=tcv")
    await expect(page.locator("data[data-key='quota.quota']")).to_have_attribute("value", f"{WHOLE}.00")
    await expect(page.get_by_role("link", name="The year")).to_be_visible()


async def says_what_to_do(page: Page) -> None:
    await tab(page, "Markets")
    await page.locator("summary", has_text="Say what is to be done").click()
    await page.get_by_label("Market", exact=True).fill("DACH")
    await page.get_by_label("Promotions").fill("Spring offer")
    await page.locator("#market-text").fill("Win the mid-market with two partners.")
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.locator(".strategy")).to_contain_text("two partners")
    await is_fine(page, "plan-markets")


async def holds_anew(page: Page, office: Office) -> None:
    """What the second version changed, who approved the first, and that the plan is in force."""
    await tab(page, "Versions")
    await expect(page.locator("#changed-title")).to_contain_text("What version 2 changed")
    await expect(page.locator("body")).to_contain_text("As we spoke")
    await is_fine(page, "plan-versions")
    await page.goto(f"{office.url}/plans")
    await expect(page.locator("tr[data-plan='The year']")).to_contain_text("in force")
    await expect(page.locator("tr[data-plan='The year']")).to_contain_text("2")
    await is_fine(page, "plans")
