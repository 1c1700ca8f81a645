"""The Call page, in a real browser: each number is the API's, parts make their totals, and it says of which deals it is."""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from playwright.async_api import Page, expect

from deploy.local.stack import Stack
from libs.common.calendar import FiscalCalendar
from libs.common.ids import unit_id
from tests.e2e.conftest import Known, numbers
from tests.e2e.crm import Crm, deal
from tests.support.days import business_day

LINES = ("closed_won", "commit", "most_likely", "best_case", "pipeline")
BESIDE = ("held_back", "carried_over", "undated", "omitted", "lost")
NODE = {"crm": "crm", "number": "managers", "adjusted": "adjusted"}
DIMENSIONS = ("region", "market", "product", "team", "owner")


@dataclass(frozen=True)
class Firm:
    """A region of two teams, below a unit of its own, with a deal in every line and beside them."""

    name: str

    def unit(self, *path: str) -> str:
        return str(unit_id("/".join((self.name, *path))))


@pytest.fixture(scope="module")
def firm(crm: Crm, await_known: Known, tmp_path_factory: pytest.TempPathFactory) -> Firm:
    name, today = f"R{uuid.uuid4().hex[:6]}", business_day()
    before = FiscalCalendar().quarter(today).start - timedelta(days=20)
    people = {f"ann-{name}": f"{name}/North", f"bob-{name}": f"{name}/North", f"cyd-{name}": f"{name}/South"}
    crm.employ(tmp_path_factory.mktemp("people"), **people)
    ann, bob, cyd = people
    stood: dict[str, dict[str, Any]] = {
        "won": {"amount": "70000.10", "owner_id": ann, "stage": "Won", "category": None, "closed_on": today},
        "sure": {"amount": "310000.33", "owner_id": ann, "product": "Core"},
        "likely": {"amount": "90000.00", "owner_id": bob, "category": "most_likely", "region": "APAC"},
        "good": {"amount": "45000.45", "owner_id": cyd, "category": "best_case", "market": "Retail"},
        "early": {"amount": "20000.00", "owner_id": cyd, "category": "pipeline", "stage": "Propose"},
        "late": {"amount": "11000.00", "owner_id": bob, "close_date": max(today - timedelta(days=1), before)},
        "carried": {"amount": "12000.00", "owner_id": ann, "close_date": before},
        "dateless": {"amount": "13000.00", "owner_id": cyd, "close_date": None},
        "left": {"amount": "14000.00", "owner_id": ann, "category": "omitted"},
        "lost": {"amount": "15000.00", "owner_id": bob, "stage": "Lost", "category": None, "closed_on": today},
        "unpriced": {"amount": "16000.00", "owner_id": ann, "category": "pipeline"},
    }
    for each, fields in stood.items():
        crm.send(replace(deal(f"{each}-{name}", **fields), **({"amount": None} if each == "unpriced" else {})))
    await_known({f"{each}-{name}": "" for each in stood})
    return Firm(name)


async def test_every_number_of_the_call_is_the_api_s_and_parts_make_their_totals(
    stack: Stack, page: Page, firm: Firm
) -> None:
    org, north = firm.unit(), firm.unit("North")
    await page.goto(f"{stack.url('gateway')}/call?org={org}&value_basis=tcv&open={north}")
    call = await said(page, stack, "call", org=org, value_basis="tcv")
    below = await said(page, stack, "call", org=north, value_basis="tcv")
    expected = dict(of_call(call)) | dict(of_rows(call["tree"]["children"])) | dict(of_rows(below["tree"]["children"]))
    period = call["period"]["key"]
    expected |= dict(of_calls(await said(page, stack, "calls", org=org, value_basis="tcv", period=period)))
    shown = await everything(page)
    assert [(key, value) for key, value in shown if expected.get(key) != value] == []
    values = dict(shown)
    assert {key for key, value in expected.items() if Decimal(value or 0)} <= set(values)
    assert values["landing"] == values["call.landing"]
    assert values["line.single.closed_won"] == values["call.closed_won"]
    for line in LINES:
        tile = amount(values, f"line.single.{line}")
        assert tile == amount(values, f"totals.{line}")
        assert tile == sum(amount(values, f"{row['key']}.{line}") for row in call["tree"]["children"])
        assert tile == sum(amount(values, f"month.{month['month']}.{line}") for month in in_period(call))
        inside = [f"{row['key']}.{line}" for row in below["tree"]["children"]]
        assert amount(values, f"{north}.{line}") == sum(amount(values, key) for key in inside)
        for month in call["months"]:
            shown_in_month = (amount(values, f"month.{month['month']}.{each}") for each in LINES)
            assert amount(values, f"month.{month['month']}") == sum(shown_in_month)
    assert amount(values, "totals.total") == sum(amount(values, f"totals.{line}") for line in LINES)
    assert amount(values, "totals.held_back") == amount(values, "beside.held_back")


async def test_the_bars_of_the_call_are_its_tables(stack: Stack, page: Page, firm: Firm) -> None:
    await page.goto(f"{stack.url('gateway')}/call?org={firm.unit()}&value_basis=tcv")
    await expect(page.locator("#months-chart[data-ready]")).to_be_visible()
    call = await said(page, stack, "call", org=firm.unit(), value_basis="tcv")
    drawn = await page.evaluate(
        """() => Object.fromEntries(echarts.getInstanceByDom(document.getElementById("months-chart")).getOption()
             .series.map((line) => [line.name, line.data.map((bar) => bar.value)]))"""
    )
    for line, name in zip(LINES, drawn, strict=True):
        assert name.lower().replace(" ", "_") == line
        assert drawn[name] == [float(month["lines"][line]["amount"]) for month in call["months"]]
    rects = await page.locator(".certainty rect").evaluate_all(
        "all => all.map((each) => [each.getAttribute('class'), Number(each.getAttribute('x')), Number(each.getAttribute('width'))])"
    )
    whole = sum(Decimal(call["lines"][line]["amount"]) for line in LINES)
    for kind, _, width in rects:
        share = Decimal(call["lines"][kind.removeprefix("fill-")]["amount"]) / whole
        assert width == pytest.approx(float(share) * 1000, abs=0.01)
    assert all(after[1] == pytest.approx(before[1] + before[2], abs=0.02) for before, after in pairwise(rects))


async def test_every_cut_of_the_call_has_one_total(stack: Stack, page: Page, firm: Firm) -> None:
    for by in DIMENSIONS:
        await page.goto(f"{stack.url('gateway')}/call?org={firm.unit()}&value_basis=tcv&by={by}")
        rollup = await said(page, stack, "rollup", org=firm.unit(), value_basis="tcv", by=by)
        expected, values = dict(of_rows(rollup["rows"])), dict(await everything(page))
        assert {key: values[key] for key in expected if key in values} == {
            key: value for key, value in expected.items() if key in values
        }
        for line in LINES:
            rows = [amount(values, f"{row['key'] or 'none'}.{line}") for row in rollup["rows"]]
            assert sum(rows) == amount(values, f"totals.{line}") == amount(values, f"line.single.{line}")
        counts = await page.locator(".breakdown tbody tr td:nth-child(2)").all_inner_texts()
        total = await page.locator(".breakdown tfoot td:nth-child(2)").inner_text()
        assert sum(map(int, counts)) == int(total)


async def test_a_number_of_the_call_leads_to_deals_that_add_up_to_it(stack: Stack, page: Page, firm: Firm) -> None:
    for line in LINES:
        await page.goto(f"{stack.url('gateway')}/call?org={firm.unit()}&value_basis=tcv")
        tile = dict(await everything(page))[f"line.single.{line}"]
        await page.locator(f".figure.{line}").get_by_role("link").click()
        await expect(page.locator("tbody tr").first).to_contain_text(firm.name)
        amounts = await page.locator("tbody td.strong data").evaluate_all("all => all.map(each => each.value)")
        assert sum(Decimal(each or 0) for each in amounts) == Decimal(tile)


@pytest.mark.parametrize("path", ["/call", "/pipeline", "/pipeline/metrics", "/movement"])
async def test_a_page_says_of_which_deals_its_numbers_are(stack: Stack, page: Page, firm: Firm, path: str) -> None:
    await page.goto(f"{stack.url('gateway')}{path}?org={firm.unit()}&deal_type=new&value_basis=tcv")
    await expect(page.locator(".population")).to_contain_text(f"of {firm.name}")
    await expect(page.locator(".population")).to_contain_text("new, TCV")
    await page.goto(f"{stack.url('gateway')}{path}?org={firm.unit()}")
    await expect(page.locator(".population")).to_contain_text("all types, all value bases")


def of_call(call: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The numbers of tiles, months and what stands beside, by the key that the page gives them."""
    yield "landing", call["landing"]
    for line in LINES:
        yield f"line.single.{line}", call["lines"][line]["amount"]
        yield f"weighted.{line}", call["lines"][line]["weighted"] if line != "closed_won" else "0"
    for month in call["months"]:
        yield f"month.{month['month']}", month["total"]["amount"]
        yield from ((f"month.{month['month']}.{line}", month["lines"][line]["amount"]) for line in LINES)
    for name in BESIDE:
        yield f"beside.{name}", call["beside"][name]["amount"]
        yield f"beside.count.{name}", str(call["beside"][name]["count"])
    yield "overdue", call["overdue"]["amount"]
    yield "overdue.count", str(call["overdue"]["count"])
    yield "fx", call["fx"]
    for name, late in call["restated"].items():
        yield f"restated.{name}", late["amount"]
        yield f"restated.count.{name}", str(late["count"])
    yield from of_row("totals", call["tree"]["node"])


def of_rows(rows: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    for row in rows:
        yield from of_row(row["key"] or "none", row)


def of_row(key: str, row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield f"{key}.total", row["total"]["amount"]
    yield f"{key}.weighted", row["total"]["weighted"]
    yield f"{key}.held_back", row["beside"]["held_back"]["amount"]
    yield from ((f"{key}.{line}", row["lines"][line]["amount"]) for line in LINES)


def of_calls(calls: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The numbers of what people call, while nobody has called."""
    node = calls["node"]
    yield "call.amount", node["children_amount"]
    yield from ((f"call.{name}", node[name]) for name in ("to_go", "landing"))
    yield from ((f"call.{name}", node["steps"][name]) for name in ("adjusted", "closed_won"))
    yield from ((f"step.{step}", value) for step, value in node["steps"].items() if value and step != "closed_won")
    yield "below.crm", node["steps"]["crm"]
    yield "below.number", node["children_amount"]
    for child in calls["children"]:
        yield f"{child['node']['id']}.to_go", child["to_go"]
        yield from ((f"{child['node']['id']}.{name}", child["steps"][step]) for name, step in NODE.items())


def in_period(call: Mapping[str, Any]) -> list[Any]:
    return [month for month in call["months"] if month["in_period"]]


def amount(values: Mapping[str, str], key: str) -> Decimal:
    return Decimal(values.get(key, "0"))


async def said(page: Page, stack: Stack, what: str, **asked: str) -> dict[str, Any]:
    answer = await page.request.get(f"{stack.url('gateway')}/api/v1/forecast/{what}", params=dict(asked))
    assert answer.ok, await answer.text()
    found: dict[str, Any] = await answer.json()
    return found


async def everything(page: Page) -> list[tuple[str, str]]:
    """Every number on the page; how it moved since the last lock is the Movement page's, the way to the projection that page's."""
    return [
        (key, value)
        for key, value in await numbers(page)
        if not key.startswith(("moved.", "bridge.", "outlook", "quota."))
    ]
