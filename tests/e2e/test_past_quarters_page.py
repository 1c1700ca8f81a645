"""The page *Your past quarters*, in a real browser, of a company that imported its history: hits, misses, and who was closer."""

import csv
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from deploy.local.stack import Stack
from deploy.local.waiting import wait_until
from gateway.pages.format import percent
from libs.common import clock
from services.forecast.projection.steps import LOST, OPEN, WON
from tests.calibration.worlds import STAGES, START, World, steps_of
from tests.e2e.conftest import is_fine, numbers, own_stack, sign_in, sign_in_link, watched

pytestmark = pytest.mark.own_system

DAYS = 1000
"""Of history: eight quarters and what went before the first of them, wherever today stands in its quarter."""
MAPPING = """
version: 1
name: past-company
connection: past-crm
timezone: UTC
currency: EUR
files:
  deals: {match: "deals.csv"}
stages:
  Discover: {state: open, probability: 0.2, category: pipeline}
  Propose: {state: open, probability: 0.5, category: best_case}
  Negotiate: {state: open, probability: 0.8, category: commit}
  Won: {state: won}
  Lost: {state: lost}
records:
  - object: deal
    file: deals
    id: id
    fields: {name: name, stage: stage, amount: amount, segment: segment, close_date: close_date, created_at: created_at, closed_on: closed_on}
    changes: [{at: changed_at}]
"""


def exported(folder: Path) -> None:
    """A simulated company's history up to yesterday as a CRM would export it: a row per change.

    It sells for four times as much in each year's last quarter, which who says what came a year ago knows and the model does not.
    """
    steps = steps_of(World(deals_a_day=0.8), DAYS, 5)
    begin = clock.now().replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=DAYS + 1)
    born: dict[int, datetime] = {}
    words = {WON: "Won", LOST: "Lost"}
    with (folder / "deals.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(
            ["id", "name", "stage", "amount", "segment", "close_date", "created_at", "closed_on", "changed_at"]
        )
        for row in range(len(steps)):
            deal, state = int(steps.deal[row]), int(steps.state[row])
            at = (begin + timedelta(days=float(steps.at[row]) - START)).astimezone(UTC)
            born.setdefault(deal, at)
            stage = STAGES[int(steps.stage[row])] if state == OPEN else words[state]
            ended = "" if state == OPEN else str(at.date())
            amount = steps.amount[row] * (4 if state == WON and at.month >= 10 else 1)
            expected = ended or str((born[deal] + timedelta(days=70)).date())
            writer.writerow([
                deal, f"Deal {deal}", stage, f"{amount:.2f}", steps.segments[int(steps.segment[row])],
                expected, born[deal].isoformat(), ended, at.isoformat(),
            ])  # fmt: skip
    (folder / "mapping.yaml").write_text(MAPPING)


@pytest.fixture(scope="module")
def imported() -> Iterator[Stack]:
    """A system of its own: other pages would show this history too."""
    with own_stack() as running:
        home = running.home
        history = home / "history"
        history.mkdir()
        exported(history)
        report = str(home / "refused.csv")
        running.command(
            "gateway", "import", str(history), "--mapping", str(history / "mapping.yaml"), "--report", report
        )
        assert not (home / "refused.csv").exists() or (home / "refused.csv").read_text().count("\n") <= 1
        yield running


@pytest_asyncio.fixture
async def tab(browser: Browser, imported: Stack, tmp_path: Path) -> AsyncIterator[Page]:
    cookies = await sign_in(browser, sign_in_link(imported), tmp_path / "state.json")
    async with watched(browser, cookies) as opened:
        yield opened


async def said(page: Page, stack: Stack) -> dict[str, Any]:
    answer = await page.request.get(f"{stack.url('gateway')}/api/v1/forecast/projection/past", timeout=120_000)
    assert answer.ok, await answer.text()
    found: dict[str, Any] = await answer.json()
    return found


async def test_past_quarters_of_an_imported_history_are_called_beside_what_came(imported: Stack, tab: Page) -> None:
    deals = len({row.split(",")[0] for row in _rows(imported)})

    def arrived() -> bool:
        text = imported.command("forecast", "check-rollup")
        return text.strip().endswith("0 cells differ from the deals")

    assert deals > 600
    assert wait_until(arrived, timeout_s=60, every_s=1)
    for _ in range(60):
        found = await said(tab, imported)
        if (
            len(found["periods"]) == 8
            and found["periods"][0]["closed"] == (await said(tab, imported))["periods"][0]["closed"]
        ):
            break
        await tab.wait_for_timeout(1000)
    assert len(found["periods"]) == 8, found["why_empty"]

    await tab.goto(f"{imported.url('gateway')}/projection/past")
    await expect(tab.locator("h1")).to_have_text("Your past quarters")
    found, shown = await said(tab, imported), dict(await numbers(tab))
    hits = 0
    for period in found["periods"]:
        key = period["period"]["key"]
        assert [each["day"] for each in period["sayings"]] == [1, 31, 61]
        for each in period["sayings"]:
            at = f"{key}.{each['day']}"
            for name, on_page in (("projection", "said"), ("low", "low"), ("high", "high"), ("commit", "commit"),
                                  ("pacing", "pacing"), ("last_year", "last_year")):  # fmt: skip
                assert shown.get(f"{on_page}.{at}") == each[name], (at, name)
            assert each["hit"] == (float(each["low"]) <= float(period["closed"]) <= float(each["high"]))
            hits += each["hit"]
    newest = found["periods"][0]["sayings"][2]
    assert None not in (newest["commit"], newest["pacing"], newest["last_year"]), "there is a past to compare with"
    assert await tab.locator(".past .tag.good").count() == hits
    assert await tab.locator(".past .tag.bad").count() == 24 - hits
    assert sum(int(shown[f"held.{day}"]) for day in (1, 31, 61)) == hits
    assert hits < 24, "some are missed, and said to be"

    lost = 0
    for day in (1, 31, 61):
        judged = {each["method"]: each["wape"] for each in found["methods"] if each["day"] == day}
        closer = [wape for name, wape in judged.items() if wape is not None and wape < judged["foretell"]]
        line = tab.locator(f"#compared-{day}")
        if closer:
            lost += 1
            await expect(line).to_contain_text("We lose to")
            await expect(line).to_contain_text(percent(str(min(closer))))
        else:
            await expect(line).to_contain_text(
                f"No method was closer than the projection ({percent(str(judged['foretell']))})"
            )
        assert await line.get_by_text("too early").count() == 0
        for name, wape in judged.items():
            assert shown.get(f"wape.{name}.{day}") == (None if wape is None else str(wape))
    assert lost, "where we lose is said, of this company on some day"


async def test_the_page_is_accessible_and_fits_the_screen(imported: Stack, tab: Page) -> None:
    await tab.goto(f"{imported.url('gateway')}/projection/past", timeout=120_000)
    await expect(tab.locator(".past")).to_be_visible()
    await is_fine(tab, "past-quarters-full")


def _rows(stack: Stack) -> list[str]:
    return (stack.home / "history" / "deals.csv").read_text().splitlines()[1:]
