"""The pages on metrics, in a real browser: how the pipeline works, what each number is, and the deals behind it."""

import uuid
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.async_api import Page, expect

from deploy.local.stack import Stack
from libs.common import clock
from tests.e2e.conftest import Known, is_fine
from tests.e2e.crm import Crm, deal
from tests.support.days import business_day

TARGET = "9000000"
SIDES = ("numerator", "denominator", "median", "p75", "n", "unknown")
AT_LEAST = {
    *(
        "win_rate_count",
        "win_rate_count.numerator",
        "win_rate_count.denominator",
        "win_rate_count.low",
        "win_rate_value",
    ),
    *("win_rate_value.high", "win_rate_cohort", "cycle", "cycle.median", "velocity", "velocity.factor.mean_cycle"),
    *(
        "created_amount",
        "created_count",
        "creation_pace",
        "push_rate",
        "stage_conversion",
        "stage_conversion.denominator",
    ),
    *("stage_age", "stage_conversion/default/Propose", "conversion", "required_open", "required_open.factor.coverage"),
    *(
        "pipeline_to_create",
        "hygiene",
        "hygiene.numerator",
        "hygiene/overdue",
        "hygiene/overdue.numerator",
        "linearity",
    ),
    *("linearity.factor.last_third", "clean_ups"),
}


@pytest.fixture(scope="module")
def closed(crm: Crm, await_known: Known) -> str:
    """Enough closed deals for rates, some open ones in several stages, one of them overdue."""
    mark, today = uuid.uuid4().hex[:8], business_day()
    born = clock.now() - timedelta(days=40)
    for number in range(12):
        won = {"amount": f"{1000 + number}.50", "created_at": born}
        crm.send(deal(f"won-{number}-{mark}", stage="Propose", **won))
        crm.send(deal(f"won-{number}-{mark}", stage="Won", category=None, closed_on=today, **won))
        crm.send(deal(f"lost-{number}-{mark}", amount="2500.00", stage="Lost", category=None, closed_on=today))
    crm.send(deal(f"open-{mark}", amount="400000.00", stage="Propose", close_date=today + timedelta(days=3)))
    crm.send(deal(f"late-{mark}", amount="90000.00", close_date=today - timedelta(days=1)))
    await_known({f"won-11-{mark}": "closed_won", f"lost-11-{mark}": "lost", f"open-{mark}": "", f"late-{mark}": ""})
    return mark


def told(found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Every number of the reading by the key that the page gives it: metric, part, side."""
    for metric in found["items"]:
        for part in (metric["total"], *metric["rows"]):
            key = metric["metric"] if part["kind"] == "total" else f"{metric['metric']}/{part['key']}"
            numbers = {key: part["value"]}
            numbers |= {f"{key}.{side}": part[side] for side in SIDES}
            numbers |= {f"{key}.{end}": value for end, value in (part["interval"] or {}).items()}
            numbers |= {f"{key}.factor.{each['name']}": each["value"] for each in part["factors"]}
            yield from ((name, str(value)) for name, value in numbers.items() if value is not None)


async def shown_as_of(page: Page) -> tuple[str, list[tuple[str, str]]]:
    """The instant that the page names and its numbers, at one go: the page may be replaced between two questions."""
    read = """() => [
        [...document.querySelectorAll(".freshness time")].at(-1).dateTime,
        [...document.querySelectorAll("data[data-key]")].map(each => [each.dataset.key, each.value]),
    ]"""
    as_of, pairs = await page.evaluate(read)
    return as_of, [(key, value) for key, value in pairs]


async def said_then(page: Page, stack: Stack, as_of: str, **asked: str) -> dict[str, Any]:
    query = urlencode({"as_of": as_of, "organisation": "is", **asked})
    answer = await page.request.get(f"{stack.url('gateway')}/api/v1/forecast/metrics/overview?{query}")
    assert answer.ok, await answer.text()
    found: dict[str, Any] = await answer.json()
    return found


async def test_every_number_on_the_page_is_the_api_s_of_the_instant_that_it_names(
    stack: Stack, page: Page, closed: str
) -> None:
    del closed
    await page.goto(f"{stack.url('gateway')}/pipeline")
    await page.get_by_role("link", name="How it works").click()
    await expect(page.locator("h1")).to_contain_text("How the pipeline works")
    await page.get_by_label("Value basis").select_option("tcv")
    await page.get_by_label("Target").fill("9,000,000")
    await page.get_by_label("Target").press("Enter")
    await expect(page.locator("data[data-key='required_open']")).to_be_visible()
    # The page reads again when the forecast has come to the last of the deals, all of one instant.
    await expect(page.locator("data[data-key='velocity']")).to_be_visible()
    as_of, shown = await shown_as_of(page)
    found = await said_then(page, stack, as_of, value_basis="tcv", target=TARGET)
    api = dict(told(found))
    assert {key for key, _ in shown} >= AT_LEAST
    assert [(key, value) for key, value in shown if api.get(key) != value] == []
    for each in found["items"]:
        await expect(page.locator("#view")).to_contain_text(each["metric_version"])


async def test_a_number_opens_its_contract_and_the_deals_that_make_it(stack: Stack, page: Page, closed: str) -> None:
    await page.goto(f"{stack.url('gateway')}/pipeline/metrics?value_basis=tcv")
    rate = await page.locator("data[data-key='win_rate_value']").get_attribute("value")
    won = await page.locator("data[data-key='win_rate_value.numerator']").get_attribute("value")
    await page.get_by_role("link", name="Win rate by value").click()
    await expect(page.locator("h1")).to_have_text("Win rate by value")
    assert await page.locator(".total data").get_attribute("value") == rate
    await expect(page.get_by_role("region", name="What it is")).to_contain_text("amount won / (amount won + lost)")
    rows = page.locator("tbody tr", has_text="both sides")
    amounts = await rows.locator("td.strong data").evaluate_all("all => all.map(each => each.value)")
    assert sum(map(Decimal, amounts)) == Decimal(won or "0")
    await page.goto(f"{stack.url('gateway')}/pipeline/metrics?value_basis=tcv")
    await page.get_by_role("link", name="Overdue").click()
    late = page.locator("tbody tr", has_text=f"late-{closed}")
    await expect(late).to_contain_text("Warned")
    await late.get_by_role("link").click()
    await expect(page.locator("table.history tbody tr")).to_have_count(1)


async def test_what_is_not_known_says_why_and_is_never_nought(stack: Stack, page: Page, closed: str) -> None:
    del closed
    await page.goto(f"{stack.url('gateway')}/pipeline/metrics?period=2031Q1")
    await expect(page.locator("#metric-win_rate_count")).to_contain_text("0 closed deals; under 20 a rate says nothing")
    await expect(page.locator("#metric-win_rate_count .big")).to_have_text("–")
    await expect(page.locator("#metric-slippage")).to_contain_text("The period has not begun")
    await expect(page.locator("#metric-required_open")).to_contain_text("No target is known here")
    await page.goto(f"{stack.url('gateway')}/pipeline/metrics?value_basis=tcv")
    await page.locator("summary", has_text="Warnings that cannot be given").click()
    hygiene = page.locator("section[aria-labelledby=hygiene-title]")
    await expect(hygiene).to_contain_text("Discount outside its band")  # with money, or why there is none


async def test_pages_of_metrics_are_accessible_and_fit_the_screen(stack: Stack, page: Page, closed: str) -> None:
    del closed
    paths = (
        f"/pipeline/metrics?value_basis=tcv&target={TARGET}",
        "/pipeline/metrics?period=2031Q1",
        "/pipeline/metrics/velocity?value_basis=tcv",
    )
    for path in paths:
        await page.goto(f"{stack.url('gateway')}{path}")
        await is_fine(page)
