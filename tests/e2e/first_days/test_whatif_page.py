"""The page *What if*, in a real browser: what is supposed of deals and of all, what it changes, and what would have to be true."""

import uuid
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from playwright.async_api import Page, expect

from deploy.local.stack import Stack
from tests.e2e.conftest import Known, is_fine, numbers
from tests.e2e.crm import Crm, deal
from tests.support.days import business_day

PATH = "/projection/what-if"


@pytest.fixture(scope="module")
def large(crm: Crm, await_known: Known) -> str:
    """The name of the largest of a few open deals of this year, which no other test has on their value basis."""
    mark, today = uuid.uuid4().hex[:8], business_day()
    crm.send(deal(f"large-{mark}", amount="1910000.33", value_basis="acv", close_date=today + timedelta(days=20)))
    crm.send(
        deal(
            f"small-{mark}",
            amount="20000.10",
            value_basis="acv",
            close_date=today + timedelta(days=20),
            stage="Propose",
        )
    )
    crm.send(deal(f"won-{mark}", amount="47000.00", value_basis="acv", stage="Won", category=None, closed_on=today))
    await_known({f"large-{mark}": "", f"small-{mark}": "", f"won-{mark}": "closed_won"})
    return f"large-{mark}"


@pytest.fixture
def year() -> str:
    return f"FY{business_day().year}"


async def test_what_is_supposed_changes_the_number_by_what_the_api_says_and_is_kept_in_the_address(
    stack: Stack, page: Page, large: str, year: str
) -> None:
    await page.goto(f"{stack.url('gateway')}/projection?period={year}&value_basis=acv")
    await page.get_by_role("link", name="What if").click()
    await expect(page.locator("h1")).to_have_text(f"What if: FY {year.removeprefix('FY')}")
    await expect(page.locator(".none").first).to_contain_text("Nothing is supposed yet")

    row = page.locator("tbody tr", has_text=large)
    await row.get_by_role("link", name="not won").click()
    await expect(page.locator("#effect-1")).to_contain_text(f"{large} is not won in the period")
    await row.get_by_role("link", name="won", exact=True).click()
    await expect(page.locator("#effect-1")).to_contain_text(f"{large} is won")
    await expect(page.locator("#effect-2")).to_have_count(0)
    await page.get_by_label("Wins, times as fast").fill("1.5")
    await page.get_by_label("One more deal").fill("12,000.50")
    await page.get_by_label("its chance").fill("50")
    await page.get_by_role("button", name="Suppose").click()
    await expect(page.locator("#effect-3")).to_contain_text("One more deal of 12,001, 50.0")
    await expect(page.locator("#effect-2")).to_contain_text("Wins come 1.5 times as fast")

    told = await _said(page, stack, period=year, value_basis="acv", suppose=_address(page))
    shown = dict(await numbers(page))
    assert shown["supposed"] == told["supposed"]["parts"]["projection"]
    assert shown["as_is"] == told["as_is"]["parts"]["projection"]
    assert [shown[f"effect.{at}"] for at in (1, 2, 3)] == [each["change"] for each in told["effects"]]
    assert Decimal(shown["as_is"]) + sum(Decimal(shown[f"effect.{at}"]) for at in (1, 2, 3)) == Decimal(
        shown["supposed"]
    )
    for world in ("as_is", "supposed"):
        assert {name: shown[f"{world}.{name}"] for name in told[world]["parts"]} == told[world]["parts"]
        assert (shown[f"{world}.low"], shown[f"{world}.high"]) == (
            told[world]["bands"][0]["low"],
            told[world]["bands"][0]["high"],
        )
    assert Decimal(shown["effect.1"]) > 1_000_000

    await page.reload()
    await expect(page.locator("#effect-3")).to_be_visible()
    await page.locator("#effect-1").get_by_role("link", name="take back").click()
    await expect(page.locator("#effect-3")).to_have_count(0)
    await page.get_by_role("link", name="Take all back").click()
    await expect(page.locator(".none").first).to_contain_text("Nothing is supposed yet")


async def test_what_would_have_to_be_true_can_be_supposed_and_then_it_is_likely_enough(
    stack: Stack, page: Page, large: str, year: str
) -> None:
    del large
    await page.goto(f"{stack.url('gateway')}{PATH}?period={year}&value_basis=acv")
    await page.get_by_label("Target for").fill("1,200,000.00")  # the large deal alone would bring 1,910,000.33
    await page.get_by_label("How likely it should be").select_option("0.5")
    await page.get_by_role("button", name="Ask").click()
    await expect(page.locator("#needed")).to_contain_text("What would have to be true")
    await expect(page.locator("#needed-deals")).to_contain_text("These deals are won")
    await page.locator("#needed-deals").get_by_role("link", name="Suppose it").click()
    await expect(page.locator("#effect-1")).to_contain_text("is won")
    shown = dict(await numbers(page))
    assert Decimal(shown["as_is.probability"]) < Decimal("0.5") <= Decimal(shown["supposed.probability"])


async def test_what_cannot_be_supposed_is_told_and_the_rest_of_the_page_stands(
    stack: Stack, page: Page, large: str, year: str
) -> None:
    del large
    await page.goto(f"{stack.url('gateway')}{PATH}?period={year}&value_basis=acv&suppose=pace:9")
    await expect(page.get_by_role("alert")).to_contain_text("'9' is not a factor from 0 to 4")
    await expect(page.locator("data[data-key='supposed']")).to_be_visible()
    await page.get_by_role("link", name="Begin anew").click()
    await expect(page.get_by_role("alert")).to_have_count(0)
    await page.goto(f"{stack.url('gateway')}{PATH}?period=FY{int(year.removeprefix('FY')) - 1}")
    await expect(page.locator(".empty")).to_contain_text("is over")


async def test_the_page_is_accessible_and_fits_the_screen(stack: Stack, page: Page, large: str, year: str) -> None:
    await page.goto(
        f"{stack.url('gateway')}{PATH}?period={year}&value_basis=acv&suppose=pace:1.2,without:1,added:40000&target=9000000"
    )
    await expect(page.locator("#effect-3")).to_be_visible()
    await is_fine(page, "what-if")
    del large
    await page.goto(f"{stack.url('gateway')}{PATH}?period={year}&value_basis=acv")
    await is_fine(page)


@pytest.mark.refused_forms(1)
async def test_scenarios_are_saved_compared_and_taken_back(stack: Stack, page: Page, large: str, year: str) -> None:
    at = f"{stack.url('gateway')}{PATH}?period={year}&value_basis=acv"
    for name, supposed in (("Bold", "pace:1.3,added:40000.50"), ("Wary", "without:1")):
        await page.goto(f"{at}&suppose={supposed}")
        await page.get_by_label("Name").fill(name)
        await page.get_by_role("button", name="Save", exact=True).click()
        await expect(page.locator("#saved").get_by_role("link", name=name)).to_be_visible()
    await page.get_by_label("Name").fill("x")
    await page.locator("#scenario-name").evaluate("field => { field.maxLength = 100; field.value = 'x'.repeat(90) }")
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.get_by_role("alert")).to_contain_text("Not saved")

    await page.goto(at)
    await expect(page.locator("#saved")).to_contain_text("Without the largest open deal")
    await page.locator("#saved").get_by_role("link", name="Bold").click()
    await expect(page.locator("#effect-2")).to_contain_text("One more deal of 40,001")
    await is_fine(page, "what-if-saved")
    await page.get_by_role("button", name="Compare", exact=True).click()
    await expect(page.locator("h1")).to_contain_text("Scenarios")
    ids = page.url.replace("&", "?").split("?scenario=")[1:]
    asked = f"{stack.url('gateway')}/api/v1/forecast/scenarios/compared?" + "&".join(f"scenario={each}" for each in ids)
    told = await (await page.request.get(asked)).json()
    shown = dict(await numbers(page))
    assert shown["as_is.projection"] == told["as_is"]["parts"]["projection"]
    for place, each in enumerate(told["scenarios"], 1):
        assert shown[f"{place}.projection"] == each["landing"]["parts"]["projection"]
        assert shown[f"{place}.low"] == each["landing"]["bands"][0]["low"]
        changes = [Decimal(shown[f"{place}.change.{number}"]) for number in range(1, len(each["changes"]) + 1)]
        assert sum(changes) == Decimal(shown[f"{place}.change"]) == Decimal(each["change"])
        assert Decimal(shown["as_is.projection"]) + sum(changes) == Decimal(shown[f"{place}.projection"])
    assert {each["name"] for each in told["scenarios"]} == {"Bold", "Wary"}
    await page.get_by_label("How likely is a target").fill("2,000,000")
    await page.get_by_role("button", name="Ask").click()
    await expect(page.locator("data[data-key='1.probability']")).to_be_visible()
    await is_fine(page, "scenarios")

    await page.goto(at)
    await page.get_by_role("button", name="Withdraw Wary").click()
    await expect(page.locator("#saved")).not_to_contain_text("Wary")
    await page.goto(f"{stack.url('gateway')}/projection/scenarios")
    await expect(page.locator(".empty")).to_contain_text("Choose scenarios to compare")
    del large


def _address(page: Page) -> list[str]:
    return page.url.partition("suppose=")[2].partition("&")[0].split(",")


async def _said(page: Page, stack: Stack, **asked: Any) -> Mapping[str, Any]:
    url = f"{stack.url('gateway')}/api/v1/forecast/projection/what-if"
    pairs = [(name, each) for name, value in asked.items() for each in (value if isinstance(value, list) else [value])]
    answer = await page.request.get(url + "?" + "&".join(f"{name}={each}" for name, each in pairs))
    assert answer.ok, await answer.text()
    found: dict[str, Any] = await answer.json()
    return found
