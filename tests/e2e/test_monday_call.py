"""The weekly call, held in a browser with the real system: read, understood down to a delivery, judged, called, locked."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from playwright.async_api import Browser, Locator, Page, expect

from deploy.local.stack import Stack
from deploy.local.waiting import wait_until
from libs.common import clock
from libs.common.calendar import FiscalCalendar
from simulator.records import DealRecord
from tests.e2e.conftest import go_to, is_fine, own_stack, sign_in, sign_in_link, watched
from tests.e2e.crm import Crm, deal
from tests.support.days import business_day

pytestmark = pytest.mark.own_system

LOCKS = "make locks that are due"


def a_monday_of_a_quarter() -> datetime:
    """Ten in the morning of a coming Monday, three weeks into a quarter."""
    day = FiscalCalendar().quarter(business_day()).end + timedelta(days=21)
    day += timedelta(days=-day.weekday() % 7)
    return datetime(day.year, day.month, day.day, 10, tzinfo=ZoneInfo("Europe/Berlin"))


MONDAY = a_monday_of_a_quarter()
A_WEEK = timedelta(days=7)
AN_HOUR = timedelta(hours=1)


class Office:
    """A whole system whose clock can be moved, and what it answers by REST."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        key = stack.command("gateway", "api-key", "--name", "office", "--role", "cso").split()[-1]
        self.http = httpx.Client(
            base_url=stack.url("gateway"), headers={"Authorization": f"Bearer {key}"}, timeout=30, trust_env=False
        )

    def get(self, path: str, **params: str) -> Any:
        answer = self.http.get(f"/api/v1/forecast/{path}", params=params)
        assert answer.is_success, answer.text
        return answer.json()

    def knows(self, **amounts: str) -> bool:
        """Whether the forecast has these deals with these amounts."""
        found = {each["external_id"]: each["amount"] for each in self.get("deals")["items"]}
        return found == amounts

    def looked_for_locks(self) -> bool:
        metrics = httpx.get(f"{self.stack.url('forecast')}/metrics", trust_env=False).text
        return any(
            LOCKS in line and 'result="ok"' in line and not line.endswith(" 0.0") for line in metrics.splitlines()
        )


@pytest.fixture
def office() -> Iterator[Office]:
    """A system of its own, on that Monday at ten; calls are made in the basis of its CRM's deals."""
    offset = (MONDAY - clock.now()).total_seconds()
    settings = {"FORETELL_CLOCK_OFFSET_S": str(offset), "FORETELL_CALL_BASIS": "tcv"}
    clock.set_offset(offset)
    try:
        with own_stack({"*": settings}) as running:
            opened = Office(running)
            yield opened
            opened.http.close()
    finally:
        clock.set_offset(0)


async def test_the_monday_call_is_held_in_a_browser(office: Office, browser: Browser, tmp_path: Path) -> None:
    crm = Crm(office.stack)
    _a_week_of_changes(office, crm)

    cookies = await sign_in(browser, sign_in_link(office.stack), tmp_path / "monday.json")
    async with watched(browser, cookies, refused_forms=2) as page:
        await page.goto(f"{office.stack.url('gateway')}/call")
        await _the_number_is_read(page, office)
        await _why_it_moved_leads_to_a_delivery(page, office)
        await _two_deals_are_judged(page, office)
        await _a_call_is_submitted(page)
        await _the_call_is_adjusted(page)
        await _forms_are_fine(page)
    said = office.get("calls", period=_period(office))["node"]
    assert (said["call"]["amount"], said["steps"]["adjusted"]) == ("280000.00", "270000.00")

    go_to(office.stack, MONDAY + 2 * A_WEEK - AN_HOUR)
    lock = _locked(office, MONDAY + A_WEEK)
    (row,) = (row for row in lock["rows"] if row["label"] == "Company")
    assert (row["own_call"], row["adjusted"], row["adjustment"]) == ("280000.00", "270000.00", "-10000.00")

    cookies = await sign_in(browser, sign_in_link(office.stack), tmp_path / "a-week-later.json")
    async with watched(browser, cookies) as page:
        await page.goto(f"{office.stack.url('gateway')}/call")
        await _a_week_later(page)


def _a_week_of_changes(office: Office, crm: Crm) -> None:
    """A lock on the first Monday, then a week in which one deal grew, one was lost and one is new."""
    bread, fish, grain = _deal("bread", "100000.00"), _deal("fish", "50000.00"), _deal("grain", "80000.00")
    for each in (bread, fish, grain):
        crm.send(each)
    assert wait_until(lambda: office.knows(bread="100000.00", fish="50000.00", grain="80000.00"), timeout_s=60)
    assert wait_until(office.looked_for_locks, timeout_s=60)
    go_to(office.stack, MONDAY + A_WEEK - AN_HOUR)
    _locked(office, MONDAY)
    crm.send(_changed(bread, amount="130000.00"))
    crm.send(_changed(fish, stage="Lost", category=None))
    crm.send(_deal("honey", "40000.00"))
    wanted = {"bread": "130000.00", "grain": "80000.00", "honey": "40000.00"}
    assert wait_until(lambda: office.knows(**wanted), timeout_s=60)


def _deal(name: str, amount: str) -> DealRecord:
    return deal(name, amount=amount, close_date=(MONDAY + timedelta(days=30)).date(), owner_id="ada")


def _changed(record: DealRecord, **changes: Any) -> DealRecord:
    new = deal(record.deal_id, amount=changes.pop("amount", str(record.amount)))
    return replace(record, changed_at=new.changed_at, amount=new.amount, **changes)


def _period(office: Office) -> str:
    period: str = office.get("call")["period"]["key"]
    return period


def _locked(office: Office, monday: datetime) -> Any:
    """The lock of a Monday's noon, made by the running scheduler."""

    def found() -> list[Any]:
        listed = office.get("locks")["items"]
        return [one for one in listed if datetime.fromisoformat(one["due_at"]) == monday.replace(hour=12)]

    assert wait_until(lambda: bool(found()), timeout_s=40, every_s=0.2)
    return office.get(f"locks/{found()[0]['lock_id']}", period=_period(office))


async def _value(place: Page | Locator, key: str) -> str | None:
    return await place.locator(f'data[data-key="{key}"]').first.get_attribute("value")


async def _the_number_is_read(page: Page, office: Office) -> None:
    read = office.get("calls", period=_period(office))["node"]
    held = page.get_by_role("region", name="The call", exact=False).first
    await expect(held).to_contain_text("1 of 1 from the CRM")
    assert await _value(page, "call.amount") == read["children_amount"] == "250000.00"
    assert await _value(page, "call.landing") == read["landing"]
    assert read["landing"] == await _value(page, "landing"), "one population on the whole page"
    lock = page.get_by_role("region", name="Since the last lock")
    await expect(lock).to_contain_text("made late")
    await expect(lock.locator(".moved")).to_contain_text("Increased")
    assert await _value(lock, "moved.opening") == "230000.00"
    assert await _value(lock, "moved.increased") == "30000.00"
    assert await _value(lock, "moved.lost") == "-50000.00"
    assert await _value(lock, "moved.closing") == "250000.00"


async def _why_it_moved_leads_to_a_delivery(page: Page, office: Office) -> None:
    await page.get_by_role("link", name="Why it moved").click()
    await page.get_by_role("link", name="Increased").first.click()
    await page.locator("tr", has_text="Deal bread").get_by_role("link", name="Delivery").first.click()
    await expect(page.locator("table.items")).to_contain_text("bread")
    await expect(page.locator("table.items")).to_contain_text("applied")
    await page.goto(f"{office.stack.url('gateway')}/call")


async def _two_deals_are_judged(page: Page, office: Office) -> None:
    await page.locator(".figure.commit").get_by_role("link", name="3 deals").click()
    await page.get_by_role("button", name="In: Deal bread").click()
    await expect(page.get_by_role("button", name="In: Deal bread")).to_have_attribute("aria-pressed", "true")
    await page.get_by_role("link", name="Judge Deal grain with amount").click()
    form = page.get_by_role("form", name="Judge Deal grain")
    await form.get_by_label("Amount").fill("90,000.505")
    await form.get_by_label("Note").fill("asks for a second site")
    await form.get_by_role("button", name="Judge").click()
    amount = form.get_by_label("Amount")
    await expect(amount).to_have_attribute("aria-invalid", "true")
    await expect(form).to_contain_text("more decimals")
    assert await form.get_by_label("Note").input_value() == "asks for a second site", "what was typed is kept"
    await is_fine(page, "monday-judging")
    await amount.fill("90,000.50")
    await form.get_by_role("button", name="Judge").click()
    await expect(page.get_by_role("button", name="In: Deal grain")).to_have_attribute("aria-pressed", "true")
    kept = {each["deal_name"]: each["amount"] for each in office.get("judgements")["items"]}
    assert kept == {"Deal bread": "130000.00", "Deal grain": "90000.50"}
    await page.get_by_role("link", name="Call Q").click()
    judged = page.get_by_role("region", name="Deals you judged")
    await expect(judged).to_contain_text("asks for a second site")
    assert await _value(judged, "judged.counted") == "220000.50"


async def _a_call_is_submitted(page: Page) -> None:
    await page.locator("summary", has_text="Submit a call").click()
    form = page.locator("form", has=page.locator("#call-amount"))
    await form.locator("#call-amount").fill("280 000")
    await form.locator("#call-best").fill("270000")
    await form.get_by_role("button", name="Submit call").click()
    await expect(form.locator("#call-best")).to_have_attribute("aria-invalid", "true")
    await expect(form).to_contain_text("Must not be below the amount")
    await form.locator("#call-best").fill("310000")
    await form.locator("#call-notes").fill("Grain signs on Thursday.")
    await form.get_by_role("button", name="Submit call").click()
    await expect(page.locator(".said-figures .lead")).to_contain_text("Called")
    assert await _value(page, "call.amount") == "280000.00"
    assert await _value(page, "call.plug") == "30000.00"
    assert await _value(page, "judged.plug") == "59999.50"
    await expect(page.get_by_text("Up to date")).to_be_visible()


async def _the_call_is_adjusted(page: Page) -> None:
    await page.locator("summary", has_text="Adjust a number").click()
    form = page.locator("form", has=page.locator("#adjustment-delta"))
    await form.locator("#adjustment-delta").fill("-10,000")
    await form.locator("#adjustment-expires_at").fill((MONDAY + A_WEEK + timedelta(days=3)).date().isoformat())
    await form.locator("#adjustment-reason").fill("customs are slow")
    await form.get_by_role("button", name="Adjust").click()
    table = page.get_by_role("region", name="Adjustments in force")
    await expect(table).to_contain_text("customs are slow")
    await expect(table).to_contain_text("end of")
    await expect(table.get_by_role("button", name="Withdraw")).to_be_visible()
    assert await _value(page, "call.adjusted") == "270000.00"


async def _forms_are_fine(page: Page) -> None:
    for name in ("Submit a call", "Adjust a number"):
        await page.locator("summary", has_text=name).click()
    await is_fine(page, "monday-called")


async def _a_week_later(page: Page) -> None:
    held = page.locator(".held")
    await expect(held).to_contain_text("280,000")
    await expect(page.get_by_role("region", name="Adjustments in force")).to_have_count(0)
    worth = page.get_by_role("region", name="Step by step")
    for step in ("naive", "crm", "reps", "managers", "adjusted"):
        await expect(worth.locator(f"#step-{step}")).to_be_visible()
    await expect(page.locator("#worth-said")).to_contain_text("Too early: 0 of at least 6 closed periods")
    await expect(page.locator("#worth-said")).to_contain_text("n = 0 locks")
    await is_fine(page, "monday-a-week-later")
