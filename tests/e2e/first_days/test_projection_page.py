"""The pages on the projection, in a real browser: the number and its parts, a target, past quarters, and the line on the Call page."""

import asyncio
import re
import uuid
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import Page, expect

from deploy.local.stack import Stack
from libs.common import clock
from tests.e2e.conftest import Known, is_fine, numbers
from tests.e2e.crm import Crm, deal
from tests.support.days import business_day

CENTS = Decimal("0.03")
PARTS = ("closed", "open", "not_created", "renewals", "blend")


@dataclass(frozen=True)
class Book:
    """Two open deals, one won and one lost, all of this year."""

    mark: str
    year: str

    def of(self, name: str) -> str:
        return f"{name}-{self.mark}"


@pytest.fixture(scope="module")
def book(crm: Crm, await_known: Known) -> Book:
    found = Book(uuid.uuid4().hex[:8], f"FY{business_day().year}")
    today = business_day()
    crm.send(deal(found.of("large"), amount="910000.33", close_date=today + timedelta(days=20)))
    crm.send(deal(found.of("small"), amount="20000.10", close_date=today + timedelta(days=20), stage="Propose"))
    crm.send(deal(found.of("won"), amount="47000.00", stage="Won", category=None, closed_on=today))
    crm.send(deal(found.of("lost"), amount="30000.00", stage="Lost", category=None, closed_on=today))
    await_known({found.of("large"): "", found.of("small"): "", found.of("won"): "closed_won", found.of("lost"): "lost"})
    return found


async def test_the_number_its_range_and_its_parts_are_the_api_s_and_the_parts_add(
    stack: Stack, page: Page, book: Book
) -> None:
    await page.goto(f"{stack.url('gateway')}/call")
    await page.get_by_role("link", name="Projection", exact=True).first.click()
    await page.get_by_role("combobox", name="Period").select_option(book.year)
    await expect(page.locator("h1")).to_have_text(f"Projection FY {book.year.removeprefix('FY')}")
    answer = await page.request.get(f"{stack.url('gateway')}/api/v1/forecast/projection?period={book.year}")
    said = await answer.json()
    shown = dict(await numbers(page))

    parts = {name: Decimal(shown[f"part.{name}"]) for name in PARTS}
    assert parts == {name: Decimal(said["parts"][name]) for name in PARTS}
    assert sum(parts.values()) == Decimal(shown["projection"]) == Decimal(said["parts"]["projection"])
    assert parts["closed"] >= 47000
    assert (shown["band.low"], shown["band.high"]) == (said["bands"][0]["low"], said["bands"][0]["high"])
    # The mean of a large deal that is unlikely may lie above the range, and the page says so.
    assert parts["closed"] <= Decimal(shown["band.low"]) <= Decimal(shown["band.high"])
    is_above = Decimal(shown["projection"]) > Decimal(shown["band.high"])
    await expect(page.locator("#above")).to_have_count(int(is_above))
    for each in said["fan"]:
        for name in ("closed", "low", "middle", "high"):
            assert shown.get(f"fan.{name}.{each['day']}") == each[name]
    adds = [Decimal(shown[f"{each['deal_id']}.adds"]) for each in said["contributions"]]
    assert sum(adds) + Decimal(shown["others"]) == parts["open"] + parts["renewals"]
    await expect(page.locator("main")).to_contain_text("do not add up")
    await expect(page.locator("main")).to_contain_text("by assumption")
    await expect(page.locator(".notice.warn")).to_contain_text("answers at set-up")

    listed = page.get_by_role("region", name="Deals that matter most", exact=True)
    await listed.get_by_role("link", name=book.of("large")).click()
    await expect(page.locator("h1")).to_contain_text(book.of("large"))
    await page.go_back()
    await page.get_by_role("link", name="Deals behind Closed").click()
    await expect(page.locator("h1")).to_have_text("Closed won")
    amounts = await page.locator("tbody td.strong data").evaluate_all("all => all.map(each => each.value)")
    assert sum(map(Decimal, amounts)) == parts["closed"]


async def test_a_target_gives_the_probability_that_it_is_reached(stack: Stack, page: Page, book: Book) -> None:
    await page.goto(f"{stack.url('gateway')}/projection?period={book.year}")
    low, high = await _value(page, "band.low"), await _value(page, "band.high")
    said = []
    for target in (low, high):
        await page.get_by_label("Target for").fill(f"{target:,}")
        await page.get_by_role("button", name="Ask").click()
        await expect(page.locator("data[data-key='target']")).to_have_attribute("value", str(target))
        said.append(await _value(page, "target.probability"))
        answer = await page.request.get(
            f"{stack.url('gateway')}/api/v1/forecast/projection", params={"period": book.year, "target": str(target)}
        )
        assert said[-1] == Decimal(str((await answer.json())["target"]["probability"]))
    # What is closed already is reached for certain, also where nine in ten landings are no more than that.
    assert said[0] >= Decimal("0.87")
    assert said[1] == pytest.approx(Decimal("0.1"), abs=Decimal("0.03"))
    assert f"target={high}" in page.url.replace("%2C", "")

    await page.get_by_label("Target for").fill("a lot")
    await page.get_by_role("button", name="Ask").click()
    await expect(page.locator("#target-said")).to_have_text("Write an amount such as 1250000.50.")
    await expect(page.locator("data[data-key='target']")).to_have_count(0)
    await expect(page.get_by_label("Target for")).to_have_value("a lot")


async def test_the_call_says_the_projection_in_one_line_that_leads_to_it(stack: Stack, page: Page, book: Book) -> None:
    await page.goto(f"{stack.url('gateway')}/call?period={book.year}")
    line = page.locator(".outlook-line")
    await expect(line).to_contain_text("80 % between")
    number = await line.locator("data[data-key='outlook']").get_attribute("value")
    await line.get_by_role("link", name="Projection").click()
    await expect(page.locator("h1")).to_contain_text(book.year.removeprefix("FY"))
    await expect(page.locator("data[data-key='projection']")).to_have_attribute("value", number or "")


async def test_without_a_past_the_page_of_past_quarters_says_why_and_what_to_do(
    stack: Stack, page: Page, book: Book
) -> None:
    del book
    await page.goto(f"{stack.url('gateway')}/projection")
    await page.get_by_role("link", name="Your past quarters").click()
    await expect(page.locator("h1")).to_have_text("Your past quarters")
    answer = await page.request.get(f"{stack.url('gateway')}/api/v1/forecast/projection/past")
    why = (await answer.json())["why_empty"]
    assert why
    await expect(page.locator(".empty")).to_contain_text(why)
    await expect(page.locator(".empty")).to_contain_text("Import the history")


@pytest.mark.refused_forms(1)
async def test_the_four_questions_are_answered_and_the_projection_says_that_it_stands_on_them(
    stack: Stack, page: Page, book: Book
) -> None:
    """Other tests close a deal or two; the questions are asked until thirty are closed."""
    await page.goto(f"{stack.url('gateway')}/projection?period={book.year}")
    await expect(page.locator(".notice.warn")).to_contain_text("assumed answers at set-up")
    await page.locator(".notice.warn").get_by_role("link", name="Answer them").click()
    await expect(page.locator("h1")).to_have_text("Four questions")
    await expect(page.get_by_label("Deals created a month")).not_to_have_value("")
    await is_fine(page, "setup")
    answers = {"Deals that are won": "140", "Days": "45", "Deals created": "20", "What a won deal": "31,000.50"}
    for label, answer in answers.items():
        await page.get_by_label(label).fill(answer)
    await page.get_by_role("button", name="Keep these answers").click()
    await expect(page.locator(".field.wrong")).to_have_count(1)
    await expect(page.get_by_label("What a won deal")).to_have_value("31,000.50")
    await page.get_by_label("Deals that are won").fill("40 %")
    await page.get_by_role("button", name="Keep these answers").click()
    await expect(page.locator("main")).to_contain_text("Answered by")
    shown = dict(await numbers(page))
    assert (shown["answer.win_rate"], shown["answer.won_amount"]) == ("0.4", "31000.50")
    url = f"{stack.url('gateway')}/api/v1/forecast/projection?period={book.year}"
    for _ in range(50):  # an answer counts once everything that arrived before it has
        prior = (await (await page.request.get(url)).json())["prior"]
        if prior["answered_at"]:
            break
        await asyncio.sleep(0.2)
    assert (prior["win_rate"], prior["won_amount"]) == (0.4, "31000.50")
    await page.goto(f"{stack.url('gateway')}/projection?period={book.year}")
    await expect(page.locator(".notice.warn")).to_contain_text("the answers at set-up count beside it: 40")
    await expect(page.locator(".notice.warn")).to_contain_text("a won one brings 31,001")


async def test_pages_of_the_projection_are_accessible_and_fit_the_screen(stack: Stack, page: Page, book: Book) -> None:
    for name, path in (
        ("projection", f"/projection?period={book.year}&target=900000"),
        ("past-quarters", "/projection/past"),
        ("months", "/projection/months"),
    ):
        await page.goto(f"{stack.url('gateway')}{path}")
        await is_fine(page, name)


async def test_twelve_months_are_the_api_s_add_up_and_a_part_is_drawn(stack: Stack, page: Page, book: Book) -> None:
    await page.goto(f"{stack.url('gateway')}/projection?period={book.year}")
    await page.get_by_role("navigation", name="Projection").get_by_role("link", name="Months").press("Enter")
    await expect(page.locator("h1")).to_have_text("Twelve months")
    await page.get_by_role("combobox", name="Cut by").select_option("owner")
    await expect(page).to_have_url(re.compile(r"/projection/months\?.*by=owner$"))
    answer = await page.request.get(f"{stack.url('gateway')}/api/v1/forecast/projection/months?by=owner")
    said = await answer.json()
    shown = dict(await numbers(page))
    for month, period in zip(said["total"]["months"], said["periods"], strict=True):
        told = {name: shown[f"month.{period['key']}.{name}"] for name in (*PARTS, "projection", "low", "high")}
        assert told == {name: month["parts"][name] for name in (*PARTS, "projection")} | {
            name: month[name] for name in ("low", "high")
        }
    rows = [Decimal(value) for key, value in shown.items() if key.startswith("by.") and key.count(".") == 1]
    assert sum(rows) == pytest.approx(Decimal(shown["whole"]), abs=CENTS * 12 * len(rows))
    await page.locator("#months-by tbody a").first.press("Enter")
    await expect(page.locator("#months-by tr[aria-current]")).to_have_count(1)
    async with page.expect_download() as saved:
        await page.get_by_role("link", name="CSV").click()
    assert (await saved.value).suggested_filename == "projection-months-owner.csv"


async def _value(page: Page, key: str) -> Decimal:
    return Decimal(await page.locator(f"data[data-key='{key}']").get_attribute("value") or "NaN")


async def test_why_it_moved_is_the_api_s_adds_up_and_leads_to_the_deals(
    stack: Stack, page: Page, crm: Crm, await_known: Known, book: Book
) -> None:
    await asyncio.sleep(1.1)  # the field knows whole seconds; what came before is to lie before its value
    since = clock.now()
    crm.send(deal(book.of("large"), amount="880000.00", close_date=since.date() + timedelta(days=25)))
    crm.send(deal(book.of("new"), amount="50000.00", close_date=since.date() + timedelta(days=20)))
    crm.send(deal(book.of("small"), amount="20500.00", stage="Won", category=None, closed_on=since.date()))
    await_known({book.of("large"): "880000", book.of("new"): "", book.of("small"): "closed_won"})

    await page.goto(f"{stack.url('gateway')}/projection?period={book.year}")
    card = page.locator(".moved-why")
    await expect(card).to_be_visible(timeout=30_000)
    await card.get_by_label("Since").fill(f"{since.astimezone(ZoneInfo('Europe/Berlin')):%Y-%m-%dT%H:%M:%S}")
    await expect(card.locator("#moved-amount")).to_be_visible(timeout=30_000)
    shown = dict(await numbers(page))
    told = await card.locator(".note time").evaluate_all("all => all.map(each => each.dateTime)")
    asked = {"period": book.year, "since": told[0], "as_of": told[1]}
    answer = await page.request.get(f"{stack.url('gateway')}/api/v1/forecast/projection/moved", params=asked)
    said = await answer.json()

    # The page has today's organisation, the past is asked of the one that was: their sums differ in what is rounded.
    asked_of_the_past = {each["term"]: Decimal(each["amount"]) for each in said["terms"]}
    terms = {name: Decimal(shown.get(f"moved.{name}", "0")) for name in asked_of_the_past}
    assert terms == {name: pytest.approx(amount, abs=CENTS) for name, amount in asked_of_the_past.items()}
    assert Decimal(shown["moved.then"]) + sum(terms.values()) == Decimal(shown["moved.now"])
    assert Decimal(shown["moved.change"]) == sum(terms.values())
    assert terms["won"] > 0 < terms["created"]
    assert terms["amount"] < 0
    told_of_deals = {each["deal_id"]: Decimal(each["change"]) for each in said["deals"]}
    listed = {name: Decimal(shown[f"moved.{name}"]) for name in told_of_deals}
    assert listed == {name: pytest.approx(change, abs=CENTS) for name, change in told_of_deals.items()}
    of_deals = sum(amount for name, amount in terms.items() if name not in ("new_time", "new_learnt", "due", "blend"))
    assert sum(listed.values()) + Decimal(shown["moved.others"]) == of_deals
    await is_fine(page, "projection-moved")
    await page.set_viewport_size({"width": 1440, "height": 900})
    await card.get_by_role("link", name=book.of("new")).click()
    await expect(page.locator("h1")).to_contain_text(book.of("new"))


async def test_the_call_leads_to_the_projection_step_by_step(stack: Stack, page: Page, book: Book) -> None:
    await page.goto(f"{stack.url('gateway')}/call?period={book.year}&value_basis=tcv")
    card = page.locator(".card.bridge")
    await expect(card.locator("table")).to_be_visible(timeout=30_000)
    shown = dict(await numbers(page))
    answer = await page.request.get(
        f"{stack.url('gateway')}/api/v1/forecast/projection/bridge",
        params={"period": book.year, "value_basis": "tcv"},
    )
    said = await answer.json()
    levels = {each["level"]: each["amount"] for each in said["levels"] if each["amount"] is not None}
    running = Decimal(next(iter(levels.values())))
    assert Decimal(levels["crm"]) > 0 < Decimal(levels["projection"])
    for name, amount in list(levels.items())[1:]:
        steps = [each for each in said["steps"] if each["to"] == name]
        running += sum(Decimal(each["amount"]) for each in steps)
        assert running == Decimal(amount) == pytest.approx(Decimal(shown[f"bridge.{name}"]), abs=1)
        for each in steps:
            on_page = Decimal(shown.get(f"bridge.step.{each['reason']}", "0"))
            assert on_page == pytest.approx(Decimal(each["amount"]), abs=1)
    await expect(card).to_contain_text("No quota is set")
    await is_fine(page, "call-bridge")


async def test_what_falls_due_without_a_renewal_deal_is_told_and_leads_to_the_contract(
    stack: Stack, page: Page, crm: Crm, await_known: Known, book: Book
) -> None:
    """Two contracts of a month; for one a renewal is open, so that it is expected in that deal and not as due."""
    today = business_day()
    sold = {"stage": "Won", "category": None, "closed_on": today, "term_months": 1, "value_basis": "arr"}
    crm.send(deal(book.of("kept"), amount="64000.00", account_id=book.of("account"), **sold))
    crm.send(deal(book.of("asked"), amount="36000.00", account_id=book.of("other account"), **sold))
    crm.send(deal(book.of("again"), amount="36000.00", account_id=book.of("other account"), deal_type="renewal",
                  value_basis="arr", term_months=1, close_date=today + timedelta(days=30)))  # fmt: skip
    await_known({book.of("kept"): "closed_won", book.of("asked"): "closed_won", book.of("again"): ""})
    ends = (today.replace(day=1) + timedelta(days=32)).year
    for _ in range(50):
        answer = await page.request.get(f"{stack.url('gateway')}/api/v1/forecast/projection?period=FY{ends}")
        said = (await answer.json())["due"]
        if Decimal(said["spoken"]):
            break  # what is read from history follows the present by a moment
        await asyncio.sleep(0.2)
    await page.goto(f"{stack.url('gateway')}/projection?period=FY{ends}")
    card = page.get_by_role("region", name="Renewals due")
    shown = dict(await numbers(page))
    for name in ("amount", "spoken", "ended", "left", "expected"):
        assert Decimal(shown[f"due.{name}"]) == Decimal(said[name])
    assert (Decimal(said["spoken"]), Decimal(said["left"])) == (36000, 64000)
    assert 0 < Decimal(said["expected"]) < 64000
    await expect(card).to_contain_text("is assumed to be renewed")
    await is_fine(page, "projection-due")
    await page.set_viewport_size({"width": 1440, "height": 900})
    await card.get_by_role("link", name=book.of("kept")).click()
    await expect(page.locator("h1")).to_contain_text(book.of("kept"))
