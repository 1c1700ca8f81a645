"""A month from its close to the signed page, in a real browser: tied out, signed, printed on one page, asked about."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from deploy.local.stack import Stack
from deploy.local.waiting import wait_until
from libs.common.calendar import FiscalCalendar
from libs.common.ids import ROOT_UNIT, entity_id
from tests.e2e.books import Books
from tests.e2e.conftest import is_fine, knowing, numbers, own_stack, pages, person, sign_in, sign_in_link, watched
from tests.e2e.crm import Crm, deal
from tests.support.days import business_day
from tests.support.scorecards import card, first_format
from tests.support.scorecards import contents as full
from tests.unit.gateway.pages.plans.test_scorecard_page import written

pytestmark = pytest.mark.own_system

CALENDAR = FiscalCalendar()
MONTH = CALENDAR.before(CALENDAR.month(business_day()), 1)[0]
EARLIER = CALENDAR.before(MONTH, 1)[0]


class Desk:
    """What sales ops and a CEO do by REST: prices and quotes, a campaign's cost, a plan that names it."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._http = {"sales_ops": self._client("sales_ops"), "ceo": person(stack, "ceo")}

    def _client(self, role: str) -> httpx.Client:
        key = self._stack.command("gateway", "api-key", "--name", f"desk-{role}", "--role", role).split()[-1]
        return httpx.Client(
            base_url=f"{self._stack.url('gateway')}/api/v1",
            headers={"Authorization": f"Bearer {key}"},
            timeout=30,
            trust_env=False,
        )

    def ask(self, path: str, body: Any = None, *, role: str = "sales_ops", tag: int | None = None, **more: Any) -> Any:
        """Post a body, or read without one."""
        headers = more.pop("headers", {}) | ({"If-Match": f'"{tag}"'} if tag is not None else {})
        verb = "GET" if body is None and not more else "POST"
        answer = self._http[role].request(verb, path, json=body, headers=headers, **more)
        assert answer.is_success, answer.text
        return answer.json()

    def quote(self, name: str, product: str, quantity: str) -> None:
        """An accepted quote for a deal, a tenth off the list price of 100 at a cost of 55."""
        lines = [{"product_id": product, "quantity": quantity, "discount": "0.1"}]
        body = {"deal_id": str(entity_id("sim-standard", "deal", name)), "currency": "EUR", "lines": lines}
        self.ask(f"quotes/{self.ask('quotes', body)['quote_id']}/accept", {})

    def plan(self, market: str, campaign: str) -> str:
        """A plan in force that wants 10,000 of a market in the month, and says which campaign is to bring it."""
        year = CALENDAR.year(EARLIER.start).key
        plan = self.ask("plans", {"name": "Fairs", "period": year, "org": str(ROOT_UNIT)})
        path = f"plans/{plan['plan_id']}"
        top = self.ask(f"{path}/nodes")["nodes"][0]["node_id"]
        said = {"market": market, "text": "Win at the fairs.", "campaigns": [campaign]}
        body = {"nodes": [{"parent_id": top, "dimension": "market", "value": market}], "texts": [said]}
        plan = self.ask(f"{path}/edits", body, tag=plan["sequence"])
        node = next(each for each in self.ask(f"{path}/nodes")["nodes"] if each["value"] == market)
        wanted = ((top, year, "90000"), (node["node_id"], EARLIER.key, "10000"))
        cells = [{"node_id": node_id, "period": period, "amount": amount} for node_id, period, amount in wanted]
        plan = self.ask(f"{path}/edits", {"cells": cells}, tag=plan["sequence"])
        for step, role in (("propose", "sales_ops"), ("approve", "ceo"), ("activate", "ceo")):
            plan = self.ask(f"{path}/{step}", {"note": step}, role=role, tag=plan["sequence"])
        return str(plan["plan_id"])

    def leave(self) -> None:
        for client in self._http.values():
            client.close()


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


SHEETS = ("vendor/pico-2.1.1/pico.min", "tokens", "foretell", "metrics", "plans", "brief", "scorecard")


def skewed() -> dict[str, Any]:
    """A projection outside its range, of which the sheet says why."""
    found = full()
    found["landing"] |= {"low": found["landing"]["closed"], "high": found["landing"]["closed"]}
    return found


@pytest.mark.parametrize("contents", [full(), skewed(), first_format()], ids=["second", "skewed", "first"])
async def test_a_month_of_which_every_list_is_full_prints_on_one_page(
    browser: Browser, contents: dict[str, Any]
) -> None:
    static = Path("gateway/pages/static")
    styles = "".join((static / f"{name}.css").read_text() for name in SHEETS)
    html = written(card() | {"format": contents["format"], "contents": contents})
    opened = await browser.new_page()
    await opened.set_content(f"<!doctype html><html lang=en><style>{styles}</style><main id=main>{html}</main></html>")
    assert pages(await opened.pdf(prefer_css_page_size=True)) == 1
    await opened.close()


@pytest_asyncio.fixture
async def calm(system: Stack, browser: Browser, tmp_path: Path) -> AsyncIterator[Page]:
    """A page on which no form is refused."""
    cookies = await sign_in(browser, sign_in_link(system, role="cso"), tmp_path / "state.json")
    async with watched(browser, cookies) as opened:
        yield opened


@pytest_asyncio.fixture
async def books(system: Stack, browser: Browser, tmp_path: Path) -> AsyncIterator[Books]:
    """A person of finance who has signed in."""
    cookies = await sign_in(
        browser, sign_in_link(system, email="fin@example.com", role="finance"), tmp_path / "fin.json"
    )
    async with watched(browser, cookies) as opened:
        yield Books(opened, system.url("gateway"), MONTH)


async def test_a_month_is_closed_tied_out_signed_printed_on_one_page_and_asked_about(
    system: Stack, page: Page, books: Books
) -> None:
    day = MONTH.last_day - timedelta(days=5)
    url = f"{system.url('gateway')}/scorecard"
    await page.goto(url)
    row = page.locator(f"#month-{MONTH.key}")
    await expect(row).to_contain_text("draft")
    await is_fine(page, "scorecards")
    await row.get_by_role("link").click()
    await expect(page.locator("h1")).to_contain_text("draft")
    await expect(page.locator("#sign-title + p")).to_contain_text("Finance has not closed")
    await expect(page.locator(".sheet")).to_contain_text("Finance has given no orders")
    await expect(page.locator("#finance")).to_have_count(0)

    await books.close("audited")
    await page.goto(f"{url}/{MONTH.key}")
    # All that was recorded until the closing has to arrive before the month can be signed.
    async with asyncio.timeout(60):
        while not await page.get_by_role("button", name=f"Sign {MONTH.label}").is_visible():
            await page.reload()
    large, small = f"A-1,large,60000.25,EUR,{day},1", f"A-2,small,7000.00,EUR,{day},1"
    tried = await books.bring(large, "A-2,small,much,EUR,never,1", act="Try")
    assert "1 of 2 lines" in tried
    assert "Line 3, amount" in tried
    assert "Taken: 2 of 2 lines" in await books.bring(large, small)
    assert "Taken: 0 of 2 lines are new, 2 were there already" in await books.bring(large, small)
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
        assert pages(printed) == 1
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

    Crm(system).send(deal("late", amount="500.00", stage="Won", category=None, closed_on=day, close_date=day))
    await books.decide("late", "the signature was of that month")
    await books.reopen("an invoice came")
    await books.close("audited again")
    assert system.command("forecast", "verify-scorecards") == told


async def test_what_pricing_leads_and_plans_tell_stands_on_the_sheet_the_plan_and_the_focus(
    system: Stack, calm: Page
) -> None:
    desk, crm, day = Desk(system), Crm(system), EARLIER.last_day - timedelta(days=5)
    priced = {"code": "TOLD", "name": "Told", "list_price": "100", "cost": "55", "currency": "EUR"}
    product = desk.ask("products", priced)["product_id"]
    for name, quantity in (("told", "100"), ("hot", "10")):
        crm.send(deal(name, amount="500.00", market="DACH"))
        knowing(system)({name: "open"})
        desk.quote(name, product, quantity)
    knowing(system)({"told": "9000", "hot": "900"})
    crm.send(deal("told", amount="500.00", market="DACH", stage="Won", category=None, closed_on=day, close_date=day))
    knowing(system)({"told": "closed_won"})
    costs = f"campaign,day,amount,currency,source\nSpring fair,{day},1000.00,EUR,Fair\n"
    desk.ask("leads/campaigns/costs/file", content=costs, headers={"Content-Type": "text/csv"})
    campaign = desk.ask("leads/campaigns")["items"][0]["campaign_id"]
    plan = desk.plan("DACH", campaign)

    def is_told() -> bool:
        found = desk.ask(f"forecast/scorecards/{EARLIER.key}/draft")["contents"]
        return len(found["valued"]) == 2 and found["campaigns"] is not None

    assert wait_until(is_told, timeout_s=60, every_s=0.5), "what pricing and leads tell did not reach the scorecard"
    await calm.goto(f"{system.url('gateway')}/scorecard/{EARLIER.key}")
    sheet = calm.locator(".sheet")
    await expect(sheet).to_contain_text("Price, margin, cover")
    await expect(sheet).to_contain_text("known for 100")
    await expect(sheet).to_contain_text("Attribution is not lift")
    await expect(sheet).to_contain_text("No account with open deals has an executive of ours")
    shown = dict(await numbers(calm))
    assert (shown["price_realisation"], shown["margin"], shown["campaigns.cost"]) == ("9000.00", "3500.00", "1000.00")
    await expect(calm.locator("section[aria-labelledby=s-market] tbody tr").first).to_contain_text("90")
    await is_fine(calm, "scorecard-told")
    assert pages(await calm.pdf(prefer_css_page_size=True)) == 1

    await calm.goto(f"{system.url('gateway')}/plans/{plan}?tab=markets")
    await expect(calm.get_by_role("region", name="Campaigns of DACH")).to_contain_text("Spring fair")
    assert dict(await numbers(calm))[f"{campaign}.cost"] == "1000.00"
    await is_fine(calm, "plan-campaigns")

    await calm.goto(f"{system.url('gateway')}/focus?value_basis=tcv&hours=400")
    hot = calm.locator(f"#deal-{entity_id('sim-standard', 'deal', 'hot')}")
    await expect(hot).to_contain_text("margin")
    await hot.get_by_text("Why").click()
    await expect(hot).to_contain_text("its margin, 38.9")
    await expect(calm.get_by_text("It is known once products have a cost")).to_be_visible()
    await is_fine(calm, "focus-margin")
    desk.leave()
