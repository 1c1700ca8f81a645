"""The page on how right the projection was, in a real browser: too early without a past, figures and pictures with one."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect
from scipy.special import ndtri
from sqlalchemy import text

from deploy.local.stack import Stack
from libs.common.calendar import FiscalCalendar
from libs.common.db import Database
from libs.common.ids import ROOT_UNIT, new_id
from services.forecast.config import Settings
from services.forecast.locks.due import Timetable
from services.forecast.record.several import SHARES
from tests.e2e.conftest import is_fine, numbers, own_stack, sign_in, sign_in_link, watched
from tests.support.days import business_day

pytestmark = pytest.mark.own_system

CALENDAR = FiscalCalendar()
TIMETABLE = Timetable(CALENDAR, "Europe/Berlin")
QUARTERS = 8
TEAMS = {"North": uuid.uuid4(), "South": uuid.uuid4()}
NOTHING = {"count": 0, "amount": "0", "weighted": "0", "unpriced_count": 0, "unweighted_count": 0}


@pytest.fixture(scope="module")
def locked() -> Iterator[Stack]:
    """A system of its own whose forecast has what two years of locks left in it: other pages read the newest lock."""
    with own_stack() as running:
        asyncio.run(two_years(running.environment("forecast")["FORETELL_DATABASE_URL"]))
        yield running


@pytest_asyncio.fixture
async def tab(browser: Browser, locked: Stack, tmp_path: Path) -> AsyncIterator[Page]:
    cookies = await sign_in(browser, sign_in_link(locked), tmp_path / "state.json")
    async with watched(browser, cookies) as opened:
        yield opened


async def two_years(url: str) -> None:
    """Eight closed quarters of weekly locks of the company and two teams, as the scheduler would have left them."""
    database = Database(Settings(database_url=url))  # type: ignore[arg-type]
    rng = np.random.default_rng(11)
    async with database.transaction() as session:
        for key, row in rows_of(rng):
            await session.execute(
                text(f"INSERT INTO {key} SELECT * FROM jsonb_populate_record(NULL::{key}, cast(:row AS jsonb))"),  # noqa: S608
                {"row": orjson.dumps(row, default=str).decode()},
            )
    await database.close()


def rows_of(rng: np.random.Generator) -> Iterator[tuple[str, dict[str, Any]]]:
    first = CALENDAR.quarter(business_day())
    quarters = [first]
    while len(quarters) <= QUARTERS:
        quarters.append(CALENDAR.quarter(quarters[-1].start - timedelta(days=1)))
    for period in quarters[:0:-1]:
        came = {
            node: Decimal(int(rng.normal(size, size / 9)))
            for node, size in zip(TEAMS.values(), (900_000, 500_000), strict=True)
        }
        came[ROOT_UNIT] = sum(came.values(), Decimal())
        for due in TIMETABLE.due(midnight(period.start), midnight(period.end)):
            if due.kind == "weekly":
                yield from locked_at(due.at, period, came, rng)
        yield from closed(period, came)


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def lock(at: datetime, kind: str, period: Any) -> dict[str, Any]:
    return {
        "lock_id": new_id(), "due_at": at, "kind": kind, "made_at": at, "is_late": False, "state": "unknown",
        "currency": "EUR", "rates_version": "1", "metric_version": "1", "periods": [period.key],
    }  # fmt: skip


def stood(lock_id: Any, node: Any, period: Any, won: Decimal, crm: Decimal) -> dict[str, Any]:
    label = next((name for name, each in TEAMS.items() if each == node), "Company")
    return {
        "lock_id": lock_id, "period_key": period.key, "period_start": period.start, "period_end": period.end,
        "deal_type": "", "value_basis": "one_off", "node_kind": "unit", "node_id": node, "label": label,
        "parent_id": None if node == ROOT_UNIT else ROOT_UNIT,
        "lines": {}, "beside": {}, "overdue": NOTHING, "closed_won": won,
        **dict.fromkeys(("crm", "reps", "managers", "adjusted"), crm), "adjustment": 0, "from_crm": 1, "of_calls": 1,
    }  # fmt: skip


def closed(period: Any, came: dict[Any, Decimal]) -> Iterator[tuple[str, dict[str, Any]]]:
    made = lock(TIMETABLE.closed_at(period), "closed", period)
    yield "forecast_lock", made
    for node, won in came.items():
        yield "lock_row", stood(made["lock_id"], node, period, won, won)


def locked_at(
    at: datetime, period: Any, came: dict[Any, Decimal], rng: np.random.Generator
) -> Iterator[tuple[str, dict[str, Any]]]:
    """What was said: nearer as the quarter goes on, and wider than that in ours."""
    made = lock(at, "weekly", period)
    yield "forecast_lock", made
    settings = {"method": "projection-1", "settings": "0123456789ab", "wins": 400}
    yield "lock_projection", {"lock_id": made["lock_id"], "made_at": at, **settings}
    passed = (at.date() - period.start).days / (period.end - period.start).days
    for node, won in came.items():
        so_far = round(won * Decimal(str(round(passed**1.3, 4))), 2)
        rest = float(won - so_far)
        commit = so_far + Decimal(int(rest * rng.normal(1.25, 0.25)))
        yield "lock_row", stood(made["lock_id"], node, period, so_far, commit)
        to_come = Decimal(int(rest * rng.normal(1.0, 0.14)))
        width = 0.15 * rest
        ends = [round(float(so_far + to_come) + width * float(ndtri(share)), 2) for share in (0.1, 0.9)]
        yield "lock_projection_row", {
            **{name: value for name, value in stood(made["lock_id"], node, period, so_far, so_far).items() if name in KEY},
            "closed": so_far, "open": to_come, "not_created": 0, "renewals": 0, "blend": 0,
            "projection": so_far + to_come, "low_80": ends[0], "high_80": ends[1],
            "quantiles": (float(so_far + to_come) + width * ndtri(SHARES)).tolist(),
            "expected_wins": 60 * (1 - passed), "size_cv": 0.6, "width_scale": 1.25, "width_label": "prior",
            "width_periods": 8,
            "opponents": {
                "moving_average": so_far + Decimal(int(rest * rng.normal(1, 0.3))),
                "same_day_pacing": so_far + Decimal(int(rest * rng.normal(1, 0.04))),
                "weighted_pipeline": so_far + Decimal(int(rest * 5)),
                "commit": commit,
            },
        }  # fmt: skip


KEY = {"lock_id", "period_key", "period_start", "period_end", "deal_type", "value_basis", "node_kind", "node_id"}


async def test_what_the_page_says_of_the_past_is_what_the_api_says(locked: Stack, tab: Page) -> None:
    await tab.goto(f"{locked.url('gateway')}/projection")
    await tab.get_by_role("link", name="How right it was").click()
    await expect(tab.locator("h1")).to_have_text("How right the projection was")
    answer = await tab.request.get(f"{locked.url('gateway')}/api/v1/forecast/accuracy", params={"by": "lead"})
    said = await answer.json()
    shown = {key: float(value) for key, value in await numbers(tab)}

    methods = {each["method"]: each for each in said["overall"]["methods"]}
    ours = methods["foretell"]
    assert said["overall"]["periods"] == QUARTERS
    assert (shown["wape"], shown["wape_remaining"], shown["bias"]) == (
        ours["wape"],
        ours["wape_remaining"],
        ours["bias"],
    )
    assert (shown["cover_80"], shown["noise_floor"]) == (ours["cover_80"]["share"], said["overall"]["noise_floor"])
    for name, each in methods.items():
        if name != "foretell":
            assert shown[f"wape.{name}"] == each["wape"]
    for part in said["parts"]:
        if part["too_early"] is None:
            assert shown[f"lead.{part['key']}"] == part["methods"][0]["wape"]
    for level in said["reliability"]:
        assert shown[f"promise.{level['said']}"] == level["came"]["share"]
    nodes = await (
        await tab.request.get(f"{locked.url('gateway')}/api/v1/forecast/accuracy", params={"by": "node"})
    ).json()
    assert {part["label"] for part in nodes["parts"]} == {"North", "South"}
    for part in nodes["parts"]:
        assert shown[f"node.{part['key']}"] == part["methods"][0]["wape"]


async def test_where_we_lose_it_says_so_and_a_method_far_off_leaves_the_picture(locked: Stack, tab: Page) -> None:
    await tab.goto(f"{locked.url('gateway')}/projection/accuracy")
    await expect(tab.locator("#closer-said")).to_contain_text("We lose to Pacing")
    await expect(tab.locator("#method-same_day_pacing")).to_contain_text("we lose")
    await expect(tab.locator("#method-weighted_pipeline")).to_contain_text("the projection is closer")
    await expect(tab.locator("main")).to_contain_text("Weighted pipeline erred so much that its line is not drawn")
    await tab.locator("summary").first.press("Enter")
    await expect(tab.get_by_role("region", name="Promises as a table")).to_be_visible()
    await tab.get_by_role("combobox", name="Said").select_option("1")
    await expect(tab.locator("#early")).to_contain_text("0 of 6")
    assert "ahead=1" in tab.url


async def test_without_closed_quarters_it_says_that_it_is_too_early_and_what_to_do(stack: Stack, page: Page) -> None:
    await page.goto(f"{stack.url('gateway')}/projection/accuracy")
    await expect(page.locator("#early")).to_contain_text("Too early to say")
    await expect(page.locator("#early")).to_contain_text("0 of 6")
    await is_fine(page, "accuracy-early")
    await page.locator("#early").get_by_role("link", name="Your past quarters").click()
    await expect(page.locator("h1")).to_have_text("Your past quarters")


async def test_the_page_is_accessible_and_fits_the_screen(locked: Stack, tab: Page) -> None:
    await tab.goto(f"{locked.url('gateway')}/projection/accuracy")
    await is_fine(tab, "accuracy")


async def test_the_other_method_answers_once_somebody_who_may_said_why(
    locked: Stack, tab: Page, browser: Browser, tmp_path: Path
) -> None:
    await tab.goto(f"{locked.url('gateway')}/projection/accuracy")
    await expect(tab.locator("#champion-method")).to_have_text("With the blend")
    cookies = await sign_in(browser, sign_in_link(locked, "decides@example.com", "cso"), tmp_path / "decider.json")
    async with watched(browser, cookies) as page:
        await page.goto(f"{locked.url('gateway')}/projection/accuracy")
        decide = page.get_by_role("button", name="Let engine alone answer")
        stale = await page.context.new_page()
        await stale.goto(page.url)
        await page.get_by_label("Why Engine alone should answer").fill("Agreed on Monday")
        await decide.press("Enter")
        await expect(page.locator("#champion-method")).to_have_text("Engine alone")
        await expect(page.locator("#champion-history")).to_contain_text("Agreed on Monday")
        await stale.get_by_label("Why Engine alone should answer").fill("Agreed on Monday as well")
        await stale.get_by_role("button", name="Let engine alone answer").press("Enter")
        await expect(stale.get_by_role("alert")).to_contain_text("answers already")
        await stale.close()
        await is_fine(page, "champion")
