"""Chances of leads in a real browser: too early without a past, figures, pictures and reasons that add up with one."""

import asyncio
import re
from typing import Any

import pytest
from playwright.async_api import Page, expect

from deploy.local.stack import Stack
from libs.common.db import Database
from libs.common.web.auth import Principal
from services.leads.config import Settings
from services.leads.conversion import service
from tests.e2e.conftest import is_fine, numbers
from tests.integration.leads.given import company, lead_id

PAST = 900
CURRENT = "/api/v1/lead-models/current"
EARLY = re.compile("No model was learnt yet|Too early to say")
"""The first night comes with the first minutes."""


@pytest.fixture(scope="module")
def learnt(stack: Stack) -> Stack:
    """A year of leads as the CRM told of them, and the night after it."""
    asyncio.run(year(stack.environment("leads")["FORETELL_DATABASE_URL"]))
    return stack


async def year(url: str) -> None:
    database = Database(Settings(database_url=url))  # type: ignore[arg-type]
    await company(database, PAST, leaking=True)
    await service.learn(database, principal=Principal.system("leads"))
    await database.close()


async def told(page: Page, stack: Stack, path: str) -> dict[str, Any]:
    found: dict[str, Any] = await (await page.request.get(f"{stack.url('gateway')}{path}")).json()
    return found


async def test_before_leads_have_come_to_an_end_no_figure_is_shown(stack: Stack, page: Page) -> None:
    await page.goto(f"{stack.url('gateway')}/leads")
    await page.get_by_role("link", name="How right chances were").click()
    await expect(page.locator("#early h2")).to_have_text(EARLY)
    assert await numbers(page) == []
    await is_fine(page, "calibration-early")


async def test_every_number_on_the_page_is_the_api_s(learnt: Stack, page: Page) -> None:
    await page.goto(f"{learnt.url('gateway')}/leads/calibration")
    model = await told(page, learnt, CURRENT)
    figures = model["figures"]
    assert model["method"] == "model"
    expected = {name: figures[name] for name in ("ece", "said", "came", "lift", "auc", "newest_first_auc")}
    expected |= {f"bin.{place}": cut["came"] for place, cut in enumerate(figures["bins"], start=1)}
    expected |= {f"came.{part['by']}.{part['value']}": part["came"] for part in model["segments"]}
    assert {key: float(value) for key, value in await numbers(page)} == pytest.approx(expected)
    for cut in figures["bins"]:
        assert cut["low"] <= cut["came"] <= cut["high"]
    assert await page.locator(".reliability circle").count() == len(figures["bins"])
    await expect(page.locator(".leaks")).to_contain_text("Industry filled by outcome")
    nights = await told(page, learnt, "/api/v1/lead-models")
    rows = page.locator("table.nights tbody tr")
    await expect(rows).to_have_count(len(nights["items"]))
    await expect(rows.first).to_contain_text("model")
    await expect(rows.last).to_contain_text("too few")


async def test_a_lead_shows_its_chance_beside_its_grade_with_bars_that_add_up(learnt: Stack, page: Page) -> None:
    await page.goto(f"{learnt.url('gateway')}/leads?source=partner")
    row = page.locator(f"#lead-{lead_id(PAST + 1)}")
    lead = await told(page, learnt, f"/api/v1/leads/{lead_id(PAST + 1)}")
    shown = await row.locator(".likely data").get_attribute("value")
    assert float(shown or 0) == pytest.approx(lead["conversion"]["chance"], abs=1e-3)
    await row.get_by_role("link").first.click()
    await expect(page.locator("#chance-card")).to_contain_text("within 60 days")
    found = {key: float(value) for key, value in await numbers(page)}
    parts = [worth for key, worth in found.items() if key.startswith("log_odds.") and key != "log_odds.total"]
    assert found["log_odds.total"] == pytest.approx(sum(parts))
    assert found["chance"] == pytest.approx(lead["conversion"]["chance"], abs=1e-3)
    assert found["prior_share"] == pytest.approx(lead["conversion"]["prior_share"], abs=1e-3)


async def test_pages_of_chances_are_accessible_and_fit_the_screen(learnt: Stack, page: Page) -> None:
    pages = {
        "calibration": "/leads/calibration",
        "lead-chance": f"/leads/{lead_id(PAST + 1)}",
        "leads-chances": "/leads",
    }
    for name, path in pages.items():
        await page.goto(f"{learnt.url('gateway')}{path}")
        await is_fine(page, name)
