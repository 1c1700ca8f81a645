"""The flow of leads in a real browser: the capacity line, routing by the running system, absences, clocks, campaigns."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest
from playwright.async_api import Page, expect

from deploy.local.crms import Crms
from deploy.local.stack import Stack
from deploy.local.waiting import wait_until
from libs.common import clock
from libs.common.ids import entity_id, unit_id
from tests.e2e.conftest import is_fine
from tests.e2e.crm import Crm
from tests.support.days import business_day

ALWAYS_OPEN = {"works_on": [1, 2, 3, 4, 5, 6, 7], "works_from": "00:00", "works_until": "24:00", "rep_hours": "1.5"}


@dataclass(frozen=True)
class Desk:
    """A team of two with a rule of its own, and leads of its market."""

    mark: str
    team: str
    http: httpx.Client

    def person(self, name: str) -> str:
        return str(entity_id("sim-standard", "user", f"{name}{self.mark}"))

    def get(self, path: str) -> Any:
        return self.http.get(f"/api/v1/leads/{path}").raise_for_status().json()

    def capture(self, **fields: Any) -> str:
        wanted = {
            "company": f"Elm Works {self.mark}",
            "market": self.mark,
            "source": f"Fair {self.mark}",
            "employees": 5000,
            "industry": "software",
            "role": "CFO",
        }
        answer = self.http.post("/api/v1/leads", json=wanted | fields)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["lead_id"])


@pytest.fixture(scope="module")
def desk(stack: Stack, crm: Crm, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    mark = uuid.uuid4().hex[:6]
    path = f"Desk {mark}"
    crm.employ(tmp_path_factory.mktemp("people"), **{f"ann{mark}": path, f"bob{mark}": path})
    with Crms(stack) as crms:
        found = Desk(mark, str(unit_id(path)), crms.http)
        assert wait_until(lambda: any(t["unit_id"] == found.team for t in found.get("capacity")["teams"]), timeout_s=60)
        crms.http.put("/api/v1/leads/flow", json=ALWAYS_OPEN).raise_for_status()
        content = f"campaign,day,amount,currency,source,channel\nSpring {mark},{clock.now():%Y-%m-%d},1200.50,EUR,Fair {mark},event\n"
        crms.http.post(
            "/api/v1/leads/campaigns/costs/file", content=content, headers={"Content-Type": "text/csv"}
        ).raise_for_status()
        yield found


async def _open(page: Page, stack: Stack, path: str) -> None:
    await page.goto(f"{stack.url('gateway')}{path}")


async def test_an_absence_a_rule_and_the_capacity_line_decide_who_gets_a_lead(
    stack: Stack, page: Page, desk: Desk
) -> None:
    await _open(page, stack, "/leads")
    await page.get_by_role("link", name="Routing and absences").click()
    await page.locator("summary", has_text="Say who is away").click()
    await page.locator("#away").get_by_label("Person").select_option(desk.person("ann"))
    today = business_day()
    await page.get_by_label("First day").fill((today - timedelta(days=1)).isoformat())
    await page.get_by_label("Last day").fill((today + timedelta(days=1)).isoformat())
    await page.get_by_role("button", name="Record", exact=True).click()
    await expect(page.get_by_role("region", name="Absences")).to_contain_text(f"Ann{desk.mark}")
    leads = [desk.capture() for _ in range(4)]
    await page.locator("summary", has_text="Add a rule").click()
    await page.get_by_label("Market").fill(desk.mark)
    await page.get_by_label("Goes to").select_option(desk.team)
    await page.get_by_role("button", name="Add as the last rule").click()
    await expect(page.get_by_role("region", name="Rules", exact=True)).to_contain_text(f"market {desk.mark}")
    assert wait_until(lambda: len([each for each in leads if desk.get(each)["owner_id"]]) == 2, timeout_s=60)
    owners = {desk.get(each)["owner_id"] for each in leads} - {None}
    assert owners == {desk.person("bob")}, "who is away gets none, and an hour and a half holds two leads"
    await _open(page, stack, f"/leads?source=Fair+{desk.mark}")
    row = page.locator(f"tr[data-team='{desk.team}']")
    await expect(row).to_contain_text("Nothing fits: no hour is free.")
    await expect(row).to_contain_text(f"away: Ann{desk.mark}")
    shown = [await each.get_attribute("data-capacity") for each in await page.locator("[data-capacity]").all()]
    assert sorted(str(each) for each in shown) == ["below", "below", "given", "given"]
    await _open(page, stack, "/leads/flow")
    await page.get_by_role("button", name=f"Withdraw the absence of Ann{desk.mark}").click()
    assert wait_until(lambda: all(desk.get(each)["owner_id"] for each in leads), timeout_s=60), (
        "ann is back, and has room"
    )


async def test_a_person_gives_a_lead_to_another_and_its_page_says_who_was_told(
    stack: Stack, page: Page, desk: Desk
) -> None:
    given = desk.capture(market="elsewhere")
    assert wait_until(lambda: bool(desk.get(f"{given}/clocks")["items"]), timeout_s=60)
    await _open(page, stack, f"/leads/{given}")
    await page.locator("summary", has_text="Give to").click()
    form = page.locator("#assign form")
    await form.get_by_label("New owner").select_option(desk.person("bob"))
    await form.get_by_label("Reason").fill("knows them")
    await form.get_by_role("button", name="Give the lead").click()
    facts = page.locator("dl.facts")
    await expect(facts).to_contain_text(f"Bob{desk.mark}")
    await expect(facts).to_contain_text("knows them")
    await expect(facts).to_contain_text("due")


async def test_a_campaign_shows_its_leads_and_what_they_cost(stack: Stack, page: Page, desk: Desk) -> None:
    desk.capture()
    await _open(page, stack, "/leads")
    await page.get_by_role("link", name="Campaigns").click()
    await expect(page.get_by_text("Attribution is not lift")).to_be_visible()
    said = desk.get("campaigns/returns")
    line = next(each for each in said["lines"] if each["name"] == f"Spring {desk.mark}")
    row = page.locator("tr", has_text=f"Spring {desk.mark}")
    await expect(row.locator(f"[data-key='leads.campaign.Spring {desk.mark}']")).to_have_attribute(
        "value", str(line["leads"])
    )
    await expect(row.locator("data[value='1200.50']").first).to_be_visible()
    await page.get_by_role("link", name="Last touch").click()
    await expect(page.locator(".standings [aria-current]")).to_have_text("Last touch")
    await page.locator("tr", has_text=f"Spring {desk.mark}").get_by_role("link").click()
    await expect(page.locator("table.queue tbody tr").first).to_contain_text(f"Elm Works {desk.mark}")


async def test_pages_of_the_flow_are_accessible_and_fit_the_screen(stack: Stack, page: Page, desk: Desk) -> None:
    paths = {"leads-capacity": f"/leads?source=Fair+{desk.mark}", "campaigns": "/campaigns", "flow": "/leads/flow"}
    for name, path in paths.items():
        await _open(page, stack, path)
        await is_fine(page, name)
    for summary in ("Add a rule", "Say who is away", "Change the hours"):
        await page.locator("summary", has_text=summary).click()
    await is_fine(page, "flow-forms")
