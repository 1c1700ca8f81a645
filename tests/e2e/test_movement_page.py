"""The pages on movement and on one deal, in a real browser: why the forecast moved, down to the delivery that moved it."""

import csv
import io
import re
import uuid
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from playwright.async_api import Page, expect

from deploy.local.stack import Stack
from libs.common import clock
from libs.common.ids import entity_id
from tests.e2e.conftest import Known, is_fine, numbers
from tests.e2e.crm import Crm, deal
from tests.support.days import business_day

SIDES = ("open", "closed")


@dataclass(frozen=True)
class Span:
    """What happened from `since` on: a deal raised, one put off, one won, one new."""

    since: str
    mark: str

    def of(self, name: str) -> str:
        return f"{name}-{self.mark}"


@pytest.fixture(scope="module")
def span(crm: Crm, await_known: Known) -> Span:
    mark = uuid.uuid4().hex[:8]
    for name, amount in (("raised", "120000.00"), ("put-off", "80000.00"), ("won", "50000.00")):
        crm.send(deal(f"{name}-{mark}", amount=amount))
    await_known({f"{name}-{mark}": "" for name in ("raised", "put-off", "won")})
    since, today = clock.now(), business_day()
    crm.send(deal(f"raised-{mark}", amount="150000.40"))
    crm.send(deal(f"put-off-{mark}", amount="80000.00", close_date=today + timedelta(days=400)))
    crm.send(deal(f"won-{mark}", amount="47000.00", stage="Won", category=None, closed_on=today))
    crm.send(deal(f"new-{mark}", amount="9000.10"))
    after = {"raised": "150000.40", "put-off": str(today + timedelta(days=400)), "won": "closed_won", "new": ""}
    await_known({f"{name}-{mark}": said for name, said in after.items()})
    return Span(since.isoformat().replace("+00:00", "Z"), mark)


async def test_the_terms_on_the_page_are_those_of_the_api_and_lead_from_opening_to_closing(
    stack: Stack, page: Page, span: Span
) -> None:
    await page.goto(f"{stack.url('gateway')}/call")
    await page.get_by_role("link", name="Movement").click()
    await expect(page.locator("h1")).to_contain_text("Movement")
    for mode in ("ends", "gross"):
        await page.goto(f"{stack.url('gateway')}/movement?since={span.since}&mode={mode}")
        said = await _said(page, stack, f"movement?since={span.since}&mode={mode}")
        for side in SIDES:
            identity = said[side]
            assert Decimal(identity["residual"]) == 0
            expected = {each["term"]: each["amount"] for each in identity["terms"] if each["steps"]}
            ends = {name: identity[name] for name in ("opening", "closing", "change")}
            assert await _shown(page, side) == expected | ends
            moved = sum(map(Decimal, expected.values()))
            assert Decimal(ends["opening"]) + moved == Decimal(ends["closing"])
        assert "30000.40" in (await _shown(page, "open"))["increased"]
    await expect(page.get_by_role("link", name="Every step")).to_have_attribute("aria-current", "true")


async def test_at_the_rates_of_booking_days_page_api_and_csv_say_the_same_and_the_bar_is_the_difference(
    stack: Stack, page: Page, span: Span
) -> None:
    until = clock.now().isoformat().replace("+00:00", "Z")
    asked = f"since={span.since}&as_of={until}"
    await page.goto(f"{stack.url('gateway')}/movement?{asked}")
    await page.get_by_role("combobox", name="Rates of won deals").select_option("Of the booking day")
    await expect(page).to_have_url(re.compile("rate=booked"))
    await expect(page.get_by_text("won deals at the rates of their booking days")).to_be_visible()
    constant, booked = (
        await _said(page, stack, f"movement?{asked}"),
        await _said(page, stack, f"movement?{asked}&rate=booked"),
    )
    assert (constant["rate"], booked["rate"]) == ("constant", "booked")
    assert constant["fx"] == booked["fx"]
    for side in SIDES:
        expected = {each["term"]: each["amount"] for each in booked[side]["terms"] if each["steps"]}
        ends = {name: booked[side][name] for name in ("opening", "closing", "change")}
        assert await _shown(page, side) == expected | ends
        assert booked[side]["residual"] == constant[side]["residual"] == "0.00"
    assert booked["open"]["closing"] == constant["open"]["closing"]
    difference = Decimal(booked["closed"]["closing"]) - Decimal(constant["closed"]["closing"])
    assert difference == Decimal(booked["fx"]["closing"])
    assert await _shown(page, "fx") == booked["fx"]
    href = await page.get_by_role("link", name="CSV").get_attribute("href") or ""
    carried = await (await page.request.get(f"{stack.url('gateway')}{href}")).text()
    lines = list(csv.DictReader(io.StringIO(carried)))
    told = {(line["side"], line["term"]): line["amount"] for line in lines}
    assert told["closed", "closing"] == booked["closed"]["closing"]
    assert told["fx", "closing"] == booked["fx"]["closing"]
    await is_fine(page, "movement-booked")
    await page.set_viewport_size({"width": 1440, "height": 900})
    await page.locator("#closed-won").get_by_role("link", name="Won").click()
    await expect(page).to_have_url(re.compile("rate=booked"))
    await expect(page.get_by_text("Won deals at the rates of their booking days")).to_be_visible()


async def test_a_term_leads_to_its_deals_their_sum_is_the_term_and_each_leads_to_its_delivery(
    stack: Stack, page: Page, span: Span
) -> None:
    await page.goto(f"{stack.url('gateway')}/movement?since={span.since}")
    term = await page.locator("#open-pushed_out td data").first.get_attribute("value")
    await page.locator("#open-pushed_out").get_by_role("link", name="Pushed out").click()
    await expect(page.locator("h1")).to_have_text("Pushed out")
    amounts = await page.locator("tbody td.strong data").evaluate_all("all => all.map(each => each.value)")
    assert sum(map(Decimal, amounts)) == Decimal(term or "0")
    assert await page.locator(".total data").get_attribute("value") == term

    row = page.locator("tbody tr", has_text=span.of("put-off"))
    await expect(row.locator(".what")).to_contain_text("close date")
    await expect(row.locator("ins")).to_contain_text(str((clock.now() + timedelta(days=400)).year))
    await expect(row.locator("del")).to_have_count(1)
    await row.get_by_role("link", name="Delivery").click()
    await expect(page.locator("table.items")).to_contain_text(span.of("put-off"))
    await expect(page.locator("table.items")).to_contain_text("applied")

    await page.go_back()
    await page.get_by_role("link", name=f"Deal {span.of('put-off')}").click()
    await expect(page.locator("h1")).to_contain_text(span.of("put-off"))
    entries = page.locator("table.history tbody tr")
    await expect(entries).to_have_count(2)
    await expect(entries.first).to_contain_text("Close date")
    await expect(entries.last).to_contain_text("80,000 EUR")
    await entries.first.get_by_role("link", name="Delivery").click()
    await expect(page.locator("table.items")).to_contain_text(span.of("put-off"))


async def test_an_open_movement_follows_what_comes_and_an_ended_one_does_not(
    stack: Stack, crm: Crm, page: Page, span: Span
) -> None:
    await page.goto(f"{stack.url('gateway')}/movement?since={span.since}")
    await expect(page.locator("#live")).to_have_text("Live")
    before = await page.locator("#open-created td data").first.get_attribute("value")
    crm.send(deal(f"late-{uuid.uuid4().hex[:8]}", amount="1.00"))
    created = page.locator("#open-created td data").first
    await expect(created).not_to_have_attribute("value", before or "")
    ended = clock.now().isoformat().replace("+00:00", "Z")
    await page.goto(f"{stack.url('gateway')}/movement?since={span.since}&as_of={ended}")
    await expect(page.locator("#live")).to_have_count(0)
    await expect(page.get_by_role("link", name="back to the present")).to_be_visible()


@pytest.mark.refused_forms(1)
async def test_what_cannot_be_shown_and_what_did_not_move_say_what_to_do(stack: Stack, page: Page) -> None:
    await page.goto(f"{stack.url('gateway')}/movement?since=someday")
    await expect(page.locator("#problem")).to_contain_text("write 2026-11-15 or 2026-11-15T12:00")
    await page.goto(f"{stack.url('gateway')}/movement?period=2031Q1")
    await expect(page.locator(".empty")).to_contain_text("choose another period")


async def test_pages_of_movement_are_accessible_and_fit_the_screen(stack: Stack, page: Page, span: Span) -> None:
    identifier = entity_id("sim-standard", "deal", span.of("raised"))
    paths = (f"/movement?since={span.since}&mode=gross", f"/movement/deals?since={span.since}", f"/deals/{identifier}")
    for path in paths:
        await page.goto(f"{stack.url('gateway')}{path}")
        await is_fine(page)


async def _said(page: Page, stack: Stack, what: str) -> dict[str, Any]:
    answer = await page.request.get(f"{stack.url('gateway')}/api/v1/forecast/{what}")
    assert answer.ok, await answer.text()
    found: dict[str, Any] = await answer.json()
    return found


async def _shown(page: Page, side: str) -> dict[str, str]:
    """The exact values of an identity on the page, by term."""
    shown = [(key.partition("."), value) for key, value in await numbers(page) if not key.endswith(".steps")]
    return {name: value for (of, _, name), value in shown if of == side}
