"""A price in real browsers: a seller checks it and asks for an exception, the right person agrees, deal and forecast move."""

import uuid
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Browser, Page, expect

from deploy.local.stack import Stack
from deploy.local.waiting import wait_until
from libs.common import clock
from libs.common.ids import entity_id
from tests.e2e.conftest import Known, is_fine, knowing, own_stack, sign_in, sign_in_link, watched
from tests.e2e.crm import Crm, deal
from tests.e2e.test_accounts_page import tell_accounts

pytestmark = pytest.mark.own_system


class Firm:
    """A product with a policy of its own, and an open deal over 1,000 with an account."""

    def __init__(self, stack: Stack, mark: str) -> None:
        self.mark, self.deal = mark, entity_id("sim-standard", "deal", f"approve-{mark}")
        self.account = entity_id("sim-standard", "account", f"ash{mark}")
        key = stack.command("gateway", "api-key", "--name", "approvals", "--role", "sales_ops").split()[-1]
        self.http = httpx.Client(
            base_url=f"{stack.url('gateway')}/api/v1",
            headers={"Authorization": f"Bearer {key}"},
            timeout=10,
            trust_env=False,
        )
        priced = {
            "code": f"GATE-{mark}",
            "name": "Gate",
            "line": mark,
            "list_price": "200",
            "cost": "90",
            "currency": "EUR",
        }
        made = self.http.post("/products", json=priced).raise_for_status()
        self.product: str = made.json()["product_id"]
        limits = [{"beyond": "0.1", "level": 1}, {"beyond": "0.6", "level": 3}]
        document = {
            "rules": [{"measure": "discount", "scope": "line", "family": mark, "limits": limits}],
            "minima": [{"share": "0.8", "family": mark}],
            "budgets": [{"year": clock.now().year, "reason": "new_logo", "currency": "EUR", "amount": "5000"}],
            "planned_margins": [{"share": "0.5"}],
            "chain": [{"level": 1, "authorities": ["manager"]}, {"level": 3, "authorities": ["cso"]}],
        }
        self.http.post("/price-policies", json={"document": document, "note": "for the gate"}).raise_for_status()


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """A system of its own: a policy is the whole company's, and others accept quotes without one."""
    with own_stack() as running:
        yield running


@pytest.fixture(scope="module")
def crm(stack: Stack) -> Crm:
    return Crm(stack)


@pytest.fixture(scope="module")
def await_known(stack: Stack) -> Known:
    return knowing(stack)


@pytest.fixture(scope="module")
def firm(stack: Stack, crm: Crm, await_known: Known, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firm]:
    made = Firm(stack, uuid.uuid4().hex[:8])
    tell_accounts(stack, crm, tmp_path_factory.mktemp("accounts"), made.mark)
    opened, of = clock.now() - timedelta(days=3), f"ash{made.mark}"
    crm.send(deal(f"approve-{made.mark}", amount="1000.00", created_at=opened, account_id=of))
    await_known({f"approve-{made.mark}": "1000"})
    waiting = lambda: str(made.deal) in made.http.get("/quotes/deals?limit=200").text  # noqa: E731
    assert wait_until(waiting, timeout_s=60, every_s=0.2)
    yield made
    made.http.close()


async def _check_and_quote(page: Page, stack: Stack, firm: Firm) -> None:
    await page.goto(f"{stack.url('gateway')}/prices")
    await page.get_by_label("Product").first.select_option(firm.product)
    await page.get_by_label("Quantity").first.fill("10")
    await page.get_by_label("Net price of one").first.fill("150")
    await page.get_by_role("button", name="Check").click()
    await expect(page.locator("#found [data-standing=below_policy]").first).to_be_visible()
    await page.get_by_label("Deal").select_option(str(firm.deal))
    await page.get_by_role("button", name="Make the quote").click()
    await expect(page.locator("[data-status=draft]")).to_be_visible()
    await page.get_by_label("Reason for an exception").select_option("new_logo")
    await page.get_by_label("What the approver should know").fill("They compare us with one other.")
    await page.get_by_label("We grant").first.select_option("discount")
    await page.get_by_label("They", exact=True).first.select_option("longer_term")
    await page.get_by_label("More exactly").first.fill("24 months")
    await page.get_by_label("Worth, EUR").first.fill("900")
    await page.get_by_role("button", name="Ask", exact=True).click()
    await expect(page.locator("[data-status=submitted]")).to_be_visible()


async def _stands_with_its_account(page: Page, stack: Stack, firm: Firm) -> None:
    """On the account's page and its brief, with the way to the quote."""
    at = f"{stack.url('gateway')}/accounts/{firm.account}"
    await page.goto(at)
    part = page.locator("#in-return [data-state=not_known]")
    for words in ("Longer term", "24 months", "Discount", "900 EUR", "Not known yet"):
        await expect(part).to_contain_text(words)
    await is_fine(page, "account-promised")
    await page.goto(f"{at}/brief")
    await expect(page.locator("#b-in-return + ul")).to_contain_text("Longer term, 24 months, for discount")
    await is_fine(page, "brief-promised")
    await page.locator("#b-in-return + ul").get_by_role("link", name="quote").click()
    await expect(page.locator("[data-status=accepted]")).to_be_visible()


async def test_until_a_policy_is_published_the_page_says_what_holds(
    stack: Stack, browser: Browser, tmp_path: Path
) -> None:
    ops = await sign_in(browser, sign_in_link(stack, "starting-ops@example.com", "sales_ops"), tmp_path / "ops.json")
    async with watched(browser, ops) as page:
        await page.goto(f"{stack.url('gateway')}/prices/policy")
        await expect(page.get_by_role("heading", name="Starting policy")).to_be_visible()
        await expect(page.locator("#starting")).to_contain_text("the CSO agrees")
        await is_fine(page, "policy-starting")


async def test_a_seller_asks_for_an_exception_the_right_people_agree_seeing_the_consequence_and_the_forecast_moves(
    stack: Stack, browser: Browser, firm: Firm, await_known: Known, tmp_path: Path
) -> None:
    seller, manager, cso = [
        await sign_in(browser, sign_in_link(stack, f"{role}-{firm.mark}@example.com", role), tmp_path / f"{role}.json")
        for role in ("seller", "manager", "cso")
    ]
    async with watched(browser, seller) as page:
        await _check_and_quote(page, stack, firm)
        address = page.url
        await expect(page.locator("#decide")).to_have_count(0)
        await is_fine(page, "quote-seller")
    for cookies, authority in ((manager, "Manager"), (cso, "CSO")):
        async with watched(browser, cookies) as page:
            await page.goto(f"{stack.url('gateway')}/prices/quotes")
            mine = page.get_by_role("region", name="What waits for you")
            await expect(mine).to_contain_text(authority)
            await is_fine(page, f"quotes-{authority.lower()}")
            await page.goto(address)
            shown = page.locator("#consequence")
            await expect(shown).to_contain_text("planned 50.0")
            await expect(shown).to_contain_text("Below the policy's least price")
            await expect(shown).to_contain_text("in the forecast once approved")
            await expect(page.locator("#decide")).to_contain_text("Longer term 24 months, worth 900 EUR")
            await expect(page.locator("#decide")).to_contain_text("Longer term: nobody promised it before")
            await expect(page.locator("#waterfall")).to_contain_text("Pocket margin")
            await is_fine(page, f"quote-{authority.lower()}")
            await page.get_by_role("button", name="Approve").click()
            await expect(page.locator("#decide")).to_have_count(0)
    await_known({f"approve-{firm.mark}": "1500"})
    read = firm.http.get(f"/deals/{firm.deal}").raise_for_status().json()
    assert (Decimal(read["amount"]), read["amount_from"]) == (Decimal(1500), "quote")
    async with watched(browser, seller) as page:
        await page.goto(address)
        await expect(page.locator("[data-status=approved]")).to_be_visible()
        await page.get_by_role("button", name="The customer accepted").click()
        await expect(page.locator("[data-status=accepted]")).to_be_visible()
        await expect(page.locator("#promised")).to_contain_text("Not known yet")
        await page.get_by_role("link", name="Say whether they kept it").click()
        row = page.locator("[data-part]").filter(has_text="24 months")
        await expect(row).to_have_attribute("data-state", "not_known")
        await is_fine(page, "promises")
        await _stands_with_its_account(page, stack, firm)
        await page.goto(f"{stack.url('gateway')}/prices/promises")
        await row.get_by_role("button", name="Answer").click()
        await row.get_by_label("What there is to show").fill("The contract is signed for 24 months.")
        await row.get_by_role("button", name="Kept", exact=True).click()
        await expect(row).to_have_attribute("data-state", "kept")
        await expect(page.locator("#record")).to_contain_text("of 1 such promise 1 kept")
        await is_fine(page, "promises-answered")
        at = f"{stack.url('gateway')}/accounts/{firm.account}"
        await page.goto(at)
        await expect(page.locator("#in-return [data-state=kept]")).to_contain_text("signed for 24 months")
        await page.goto(f"{at}/brief")
        await expect(page.locator("#b-promises")).to_be_visible()
        await expect(page.locator("#b-in-return")).to_have_count(0)
    others = await sign_in(browser, sign_in_link(stack, f"ro-{firm.mark}@example.com", "viewer"), tmp_path / "ro.json")
    async with watched(browser, others) as page:
        for end in ("", "/brief"):
            await page.goto(f"{stack.url('gateway')}/accounts/{firm.account}{end}")
            await expect(page.get_by_role("heading", level=1)).to_contain_text(f"Ash Mills {firm.mark}")
            await expect(page.locator("#in-return, #b-in-return")).to_have_count(0)
    async with watched(browser, cso) as page:
        await page.goto(f"{stack.url('gateway')}/prices/realisation")
        await expect(page.locator("#leaks")).to_contain_text("Negotiated price")
        await is_fine(page, "realisation")
        await page.goto(f"{stack.url('gateway')}/prices/policy")
        await expect(page.locator("#budgets")).to_contain_text("New logo")
        await page.get_by_role("button", name="Try on last quarter").click()
        await expect(page.locator("#tried [data-approvals]")).to_be_visible()
        await is_fine(page, "policy")
