"""Why a quarter differs from the one a year ago, in a real browser: the terms are the API's and lead from one to the other."""

import uuid
from datetime import timedelta
from decimal import Decimal

import httpx
import pytest
from playwright.async_api import Page, expect

from deploy.local.stack import Stack
from libs.common import clock
from libs.common.calendar import FiscalCalendar
from libs.common.ids import unit_id
from tests.e2e.conftest import Known, is_fine, numbers
from tests.e2e.crm import Crm, deal
from tests.support.days import business_day

QUARTER = FiscalCalendar().quarter(business_day())
EARLIER = FiscalCalendar().before(QUARTER, 4)[0]


@pytest.fixture(scope="module")
def team(crm: Crm, await_known: Known, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A team that won one deal of its quarter a year ago, and two larger ones in this."""
    mark = uuid.uuid4().hex[:8]
    seller, path = f"variance{mark}", f"variance-{mark}"
    crm.employ(tmp_path_factory.mktemp("variance"), **{seller: path})
    a_year_ago = clock.now() - (QUARTER.start - EARLIER.start)
    for name, at, amount in (
        ("then", a_year_ago, "40000"),
        ("one", clock.now(), "70000"),
        ("two", clock.now(), "50000.50"),
    ):
        born = at - timedelta(minutes=2)
        about = {"owner_id": seller, "created_at": born}
        crm.send(deal(f"{name}-{mark}", amount=amount, at=born, **about))
        won = {"stage": "Won", "category": None, "closed_on": at.date()}
        crm.send(deal(f"{name}-{mark}", amount=amount, at=at, **about, **won))
        await_known({f"{name}-{mark}": "closed_won"})
    return path


async def test_the_terms_lead_from_a_year_ago_to_now_and_are_the_api_s(page: Page, stack: Stack, team: str) -> None:
    key = stack.command("gateway", "api-key", "--name", "variance", "--role", "sales_ops").split()[-1]
    await page.goto(f"{stack.url('gateway')}/movement?org={unit_id(team)}&period={QUARTER.key}")
    await page.get_by_role("link", name="Between two periods").click()
    await expect(page.get_by_role("heading", name=f"From {EARLIER.label} to {QUARTER.label}")).to_be_visible()
    shown = dict(await numbers(page))
    async with httpx.AsyncClient(timeout=30, trust_env=False) as http:
        answer = await http.get(
            f"{stack.url('gateway')}/api/v1/forecast/variance",
            params={"org": str(unit_id(team)), "period": QUARTER.key},
            headers={"Authorization": f"Bearer {key}"},
        )
    found = answer.json()
    assert (shown["before"], shown["after"]) == ("40000.00", "120000.50")
    for each in found["terms"]:
        assert shown[each["term"]] == each["amount"]
    assert (
        sum(Decimal(shown[each["term"]]) for each in found["terms"]) == Decimal(shown["change"]) == Decimal("80000.50")
    )
    assert (shown["creation"], shown["size"]) == ("40000.00", "40000.50"), "one deal more, and larger ones"
    await is_fine(page, "variance")
    await page.get_by_role("combobox", name="From").select_option("prior_period")
    await expect(page.get_by_role("heading", name=f"to {QUARTER.label}")).to_be_visible()
    await expect(page.locator("#term-creation")).to_contain_text("+")
    await page.goto(f"{stack.url('gateway')}/movement/variance?org={unit_id(team)}&period=2019Q1")
    await expect(page.get_by_role("heading", name="No deals in either period")).to_be_visible()
