"""Deals edited in a real browser: by the keyboard alone, with a CRM that takes, refuses and changes values."""

import asyncio
import re
import uuid
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import APIResponse, Locator, Page, Route, expect
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from deploy.local.crms import Crms
from deploy.local.stack import Stack
from deploy.local.waiting import wait_until
from libs.common import clock
from libs.common.ids import entity_id
from simulator import examples, senders
from simulator.records import DealRecord
from tests.e2e.conftest import is_fine
from tests.support.days import business_day

PEOPLE = """
version: 1
name: people
connection: {connection}
currency: EUR
files: {{people: {{match: people.csv}}}}
records:
  - object: user
    file: people
    id: id
    person: {{name: name, email: email}}
    fields: {{team_path: team}}
    changes: [{{at: since}}]
"""


class Pipedrive:
    """The simulated Pipedrive with deals of one seller, who signs in with the address that the CRM has of them."""

    def __init__(self, crms: Crms, folder: Path) -> None:
        self.crms, self.connection = crms, crms.connection("pipedrive")
        self.key = self.connection.key
        people, mapping = folder / "people.csv", folder / "people.yaml"
        people.write_text("id,name,email,team,since\n71,Carla Souza,cso@example.com,LATAM/Brazil,2020-01-01\n")
        mapping.write_text(PEOPLE.format(connection=self.key))
        crms.stack.command("gateway", "import", str(people), "--mapping", str(mapping))

    def tells(self, deal: DealRecord, *, quietly: bool = False) -> None:
        """The CRM has the deal so; `quietly`: it does not tell."""
        self.crms.state.put_deal("pipedrive", deal)
        if not quietly:
            request = senders.deal_request(self.connection, deal)
            answer = httpx.request(
                request.method, request.url, headers=request.headers, content=request.body, timeout=10, trust_env=False
            )
            assert answer.is_success, answer.text

    def has(self, deal: DealRecord) -> DealRecord:
        found = self.crms.state.deal("pipedrive", deal.deal_id)
        assert found is not None
        return found


def made(name: str, number: int, **changes: Any) -> DealRecord:
    now = clock.now().replace(microsecond=0) - timedelta(minutes=5)
    changes = {
        "close_date": now.date() + timedelta(days=20 + number),
        "category": "best_case",
        "owner_id": "71",
    } | changes
    return examples.deal(str(880_000 + number), now, Decimal(1000 * number), **({"name": name} | changes))


def cell(page: Page, deal: DealRecord, field: str) -> Locator:
    return page.locator(f"#deal-{entity_id('sim-pipedrive', 'deal', deal.deal_id)} td[data-field='{field}']")


@pytest.mark.refused_forms(1)
async def test_a_seller_keeps_deals_right_by_the_keyboard_and_sees_what_the_crm_says(
    stack: Stack, page: Page, tmp_path: Path
) -> None:
    mark = uuid.uuid4().hex[:5].upper()
    with Crms(stack) as crms:
        crm = Pipedrive(crms, tmp_path)
        one, two, three = (made(f"{name} {mark}", at) for at, name in enumerate(("Ovens", "Mixers", "Dairy"), start=1))
        for each in (one, two, three):
            crm.tells(each)
        deals = [str(entity_id(crm.key, "deal", each.deal_id)) for each in (one, two, three)]

        def known() -> bool:
            found = crms.http.get("/api/v1/deals/worklist", params={"q": mark}).json()["items"]
            return len(found) == len(deals) and all("amount" in each["editable"] for each in found)

        assert wait_until(known, timeout_s=60)
        await page.goto(f"{stack.url('gateway')}/my-deals?q={mark}")
        await expect(page.locator("tr[data-deal]")).to_have_count(3)
        await cell(page, one, "next_step").locator("input").focus()
        crms.state.silent = True
        for words in ("Call the board", "Send the offer", "Visit the dairy"):
            await page.keyboard.type(words)
            await page.keyboard.press("Enter")
        await expect(cell(page, one, "next_step")).to_contain_text("Pending; CRM has empty")
        await expect(cell(page, three, "next_step").locator("input")).to_be_focused()
        crms.state.silent = False
        steps = ["Call the board", "Send the offer", "Visit the dairy"]
        assert wait_until(lambda: [crm.has(each).next_step for each in (one, two, three)] == steps, timeout_s=60)
        await expect(page.locator(".under-way")).to_have_count(0, timeout=20_000)
        await expect(cell(page, one, "next_step").locator("input")).to_have_value("Call the board")

        amount = cell(page, two, "amount").locator("input")
        await amount.focus()
        await page.keyboard.type("999")
        await page.keyboard.press("Escape")
        await expect(amount).to_have_value("2,000.00")
        crm.tells(
            replace(crm.has(two), amount=Decimal(2500), changed_at=clock.now().replace(microsecond=0)), quietly=True
        )
        await amount.fill("3000")
        await page.keyboard.press("ArrowDown")
        await expect(cell(page, three, "amount").locator("input")).to_be_focused()
        await expect(cell(page, two, "amount")).to_contain_text("CRM has 2,500.00 since", timeout=20_000)
        assert crm.has(two).amount == Decimal(2500), "nothing that nobody had seen is overwritten"

        far = (clock.now() + timedelta(days=2500)).date().isoformat()
        await cell(page, one, "close_date").locator("input").fill(far)
        await page.keyboard.press("Enter")
        await expect(cell(page, one, "close_date")).to_contain_text(
            "CRM refused: Close date lies more than five years ahead.", timeout=20_000
        )
        crms.state.silent = True
        await cell(page, three, "stage").locator("select").select_option("Negotiate")
        await expect(cell(page, three, "stage")).to_contain_text("Pending")
        crms.state.silent = False
        await cell(page, three, "amount").locator("input").fill("much")
        await page.keyboard.press("Enter")
        await expect(cell(page, three, "amount")).to_contain_text("'much' is no amount")
        await page.keyboard.press("Tab")
        await is_fine(page, "my-deals")

        await cell(page, two, "amount").get_by_role("button", name="Write mine").click()
        assert wait_until(lambda: crm.has(two).amount == Decimal(3000), timeout_s=60)
        await cell(page, one, "close_date").get_by_role("button", name="Keep").click()
        await expect(cell(page, one, "close_date")).not_to_contain_text("refused")
        await expect(cell(page, one, "close_date").locator("input")).to_have_value(str(one.close_date))
        assert wait_until(lambda: crm.has(three).stage == "Negotiate", timeout_s=60)


async def test_what_somebody_typed_or_sent_is_not_replaced_by_what_was_read_before(
    stack: Stack, page: Page, tmp_path: Path
) -> None:
    mark = uuid.uuid4().hex[:5].upper()
    with Crms(stack) as crms:
        crm = Pipedrive(crms, tmp_path)
        deal = made(f"Proofers {mark}", 70)
        crm.tells(deal)

        def known() -> bool:
            found = crms.http.get("/api/v1/deals/worklist", params={"q": mark}).json()["items"]
            return bool(found) and "next_step" in found[0]["editable"]

        assert wait_until(known, timeout_s=60)
        await page.goto(f"{stack.url('gateway')}/my-deals?q={mark}")
        await expect(page.locator("#live")).to_have_text("Live")
        held: list[tuple[Route, APIResponse]] = []

        async def hold(route: Route) -> None:
            held.append((route, await route.fetch()))

        async def read() -> None:
            """The page has asked for its view again; the answer is made and on its way."""
            while not held:
                await page.evaluate("htmx.trigger(document.getElementById('view'), 'refresh')")
                await page.wait_for_timeout(100)

        async def comes() -> None:
            async with page.expect_event("console", lambda said: said.text == "the view was read"):
                for route, answer in held:
                    await route.fulfill(response=answer)
            held.clear()

        await page.evaluate(
            """() => document.addEventListener("htmx:finally:request", (event) => {
                if (event.detail.ctx.sourceElement.id === "view") console.info("the view was read"); })"""
        )
        await page.route(re.compile(rf"/my-deals\?.*{mark}"), hold)
        step = cell(page, deal, "next_step")
        await read()
        await step.locator("input").focus()
        await page.keyboard.type("Call the board")
        await comes()
        await expect(step.locator("input")).to_have_value("Call the board")

        await page.evaluate("document.activeElement.value = ''; document.activeElement.blur()")
        crms.state.silent = True
        await read()
        await step.locator("input").focus()
        await page.keyboard.type("Call the board")
        await page.keyboard.press("Enter")
        await page.evaluate("document.activeElement.blur()")
        await expect(step).to_contain_text("Pending; CRM has empty")
        await comes()
        await page.wait_for_timeout(200)
        await expect(step).to_contain_text("Pending; CRM has empty", timeout=1)
        crms.state.silent = False
        await page.unroute_all()
        assert wait_until(lambda: crm.has(deal).next_step == "Call the board", timeout_s=60)
        await expect(step).not_to_contain_text("Pending", timeout=20_000)


async def test_a_deal_that_the_forecast_has_not_heard_of_says_so_and_then_shows_itself(
    stack: Stack, page: Page, tmp_path: Path
) -> None:
    mark = uuid.uuid4().hex[:5].upper()
    with Crms(stack) as crms:
        crm = Pipedrive(crms, tmp_path)
        deal = made(f"Kilns {mark}", 40)
        path = f"/deals/{entity_id(crm.key, 'deal', deal.deal_id)}"
        engine = create_async_engine(stack.postgres.url("foretell_forecast", owner=True), poolclass=NullPool)
        async with engine.begin() as forecast:
            await forecast.execute(text("LOCK TABLE deal_version IN EXCLUSIVE MODE"))
            crm.tells(deal)
            known = partial(wait_until, lambda: crms.http.get(f"/api/v1{path}").is_success, timeout_s=60)
            assert await asyncio.to_thread(known)
            await page.goto(stack.url("gateway") + path)
            await expect(page.get_by_role("heading", level=1)).to_have_text(deal.name)
            await expect(page.get_by_role("status").filter(has_text="has just come in")).to_be_visible()
            await is_fine(page, "deal-arriving")
        await engine.dispose()
        await expect(page.get_by_text("has just come in")).to_have_count(0, timeout=20_000)
        await expect(page.locator("#history")).to_contain_text("Opened")


async def test_many_deals_are_changed_at_once_and_what_fails_is_told_by_row_and_field(
    stack: Stack, page: Page, tmp_path: Path
) -> None:
    mark = uuid.uuid4().hex[:5].upper()
    with Crms(stack) as crms:
        crm = Pipedrive(crms, tmp_path)
        past = business_day() - timedelta(days=9)
        many = [made(f"Bulk {number} {mark}", 10 + number, close_date=past, next_step=None) for number in range(4)]
        many[3] = replace(many[3], amount=None, owner_id=None)
        for each in many:
            crm.tells(each)

        def known() -> bool:
            found = crms.http.get("/api/v1/deals/worklist", params={"q": mark}).json()["items"]
            return len(found) == len(many) and all("stage" in each["editable"] for each in found)

        assert wait_until(known, timeout_s=60)
        url = stack.url("gateway")
        await page.goto(f"{url}/deals/quality")
        await is_fine(page, "deals-quality")
        owner = entity_id(crm.key, "user", "71")
        cells = page.locator(f"a[href*='check=overdue'][href*='{owner}']")
        await cells.click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Deals")
        await expect(page.locator("tr[data-deal]").first).to_contain_text("Carla Souza")

        await page.goto(f"{url}/deals?q={mark}")
        await page.get_by_label("Choose all deals of this page").check()
        bulk = page.locator("#bulk")
        await bulk.get_by_label("Next step").fill(f"Ask again {mark}")
        await bulk.get_by_label("Stage").select_option("Negotiate")
        await bulk.get_by_role("button", name="Change").click()
        await expect(page.locator("#report")).to_contain_text("8 under way, 0 unchanged, 0 refused")
        assert wait_until(lambda: all(crm.has(each).stage == "Negotiate" for each in many), timeout_s=60)
        await expect(page.locator(".under-way")).to_have_count(0, timeout=20_000)
        await page.get_by_label("Choose all deals of this page").check()
        await bulk.get_by_label("Next step").fill(f"Call {mark}")
        await bulk.get_by_label("Close date").fill(past.isoformat())
        await bulk.get_by_role("button", name="Change").click()
        await expect(page.locator("#report")).to_contain_text("4 under way, 0 unchanged, 4 refused")
        await expect(page.locator("#report tbody tr")).to_have_count(4)
        await expect(page.locator("#report tbody tr").first).to_contain_text("Close date")
        await expect(page.locator("#report tbody tr").first).to_contain_text("an open deal closes today or later")
        assert wait_until(lambda: all(crm.has(each).next_step == f"Call {mark}" for each in many), timeout_s=60)
        await is_fine(page, "deals-bulk")

        await page.get_by_text("Keep this view").click()
        await page.get_by_label("Name", exact=True).last.fill(f"Mine {mark}")
        await page.get_by_role("button", name="Keep", exact=True).click()
        await page.get_by_role("link", name=f"Mine {mark}").click()
        await expect(page.locator("tr[data-deal]")).to_have_count(4)
        await page.goto(f"{url}/deals/board?q={mark}")
        await expect(page.get_by_role("region", name="Negotiate")).to_contain_text("4 deals")
        await is_fine(page, "deals-board")
