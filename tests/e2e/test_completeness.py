"""What a CRM has and never told of is found and healed by the running system, and the pages say how complete the numbers are."""

import re
import uuid
from collections.abc import Iterator
from datetime import timedelta

import pytest
from playwright.async_api import Page, expect

from deploy.local.crms import Crms
from deploy.local.stack import Stack
from deploy.local.waiting import wait_until
from libs.common import clock
from tests.e2e.conftest import is_fine
from tests.integration.gateway.records import deal

DEALS = {"hubspot": "811", "salesforce": "0067F000003pmdWQAQ", "pipedrive": "821"}


@pytest.fixture(scope="module")
def crms(stack: Stack) -> Iterator[Crms]:
    """CRMs that have a deal each, which changed two hours ago and was never told."""
    with Crms(stack) as running:
        for provider, external_id in DEALS.items():
            _put(running, provider, external_id, "Propose")
        yield running


def _put(crms: Crms, provider: str, external_id: str, stage: str) -> None:
    at = clock.now().replace(microsecond=0) - timedelta(hours=2)
    due = (clock.now() + timedelta(days=20)).date()
    record = deal(provider, deal_id=external_id, stage=stage, changed_at=at, created_at=at, close_date=due)
    crms.state.put_deal(provider, record)  # type: ignore[arg-type]


def _newest(crms: Crms, provider: str) -> dict[str, object]:
    answer = crms.http.get(f"/api/v1/connections/{crms.connection(provider).key}/comparisons")  # type: ignore[arg-type]
    answer.raise_for_status()
    return next(iter(answer.json()["items"]), {})


def _compare(crms: Crms, provider: str) -> None:
    key = crms.connection(provider).key  # type: ignore[arg-type]
    assert crms.http.post(f"/api/v1/connections/{key}/comparisons").status_code == 202


@pytest.mark.parametrize("provider", DEALS)
def test_a_deal_that_was_never_told_is_found_and_healed_by_the_scheduler(crms: Crms, provider: str) -> None:
    _compare(crms, provider)
    assert wait_until(lambda: _newest(crms, provider).get("missing") == 1, timeout_s=40, every_s=0.2)
    assert _newest(crms, provider)["share"] == 0.0

    def healed() -> bool:
        _compare(crms, provider)
        return _newest(crms, provider).get("share") == 1.0

    assert wait_until(healed, timeout_s=40, every_s=1)


async def test_pages_say_how_complete_the_numbers_are(stack: Stack, crms: Crms, page: Page) -> None:
    _compare(crms, "hubspot")
    assert wait_until(lambda: _newest(crms, "hubspot").get("share") == 1.0, timeout_s=40, every_s=0.2)
    _put(crms, "hubspot", f"83{uuid.uuid4().int % 1000}", "Negotiate")
    await page.goto(f"{stack.url('gateway')}/connections")
    await page.get_by_role("link", name="Comparison of EMEA (HubSpot) with its CRM").click()
    await page.get_by_role("button", name="Compare now").click()
    await expect(page.locator("#comparison")).to_contain_text("Wished for")

    assert wait_until(lambda: _newest(crms, "hubspot").get("missing") == 1, timeout_s=40, every_s=0.2)
    await page.goto(f"{stack.url('gateway')}/connections/sim-hubspot")
    shown = page.locator("#comparison")
    await expect(shown).to_contain_text("1 not here")
    await expect(shown.get_by_role("row", name=re.compile("Negotiate"))).to_have_count(2)
    await expect(shown).to_contain_text("asked back")
    newest = _newest(crms, "hubspot")
    assert await shown.locator("data[data-key=completeness]").get_attribute("value") == str(newest["share"])
    await is_fine(page, "comparison")
    await shown.get_by_role("link", name="Asked back").first.click()
    await expect(page.locator("main")).to_contain_text("Applied", ignore_case=True)

    await page.goto(f"{stack.url('gateway')}/call")
    told = page.locator(".compared")
    await told.locator("summary").click()
    await expect(told.locator("[data-connection=sim-pipedrive]")).to_contain_text("100.0")
    call = crms.http.get("/api/v1/forecast/call").json()
    assert {each["connection"] for each in call["compared"]} >= {"sim-hubspot", "sim-salesforce", "sim-pipedrive"}
    await is_fine(page, "completeness-call")
    await page.goto(f"{stack.url('gateway')}/connections")
    await is_fine(page, "completeness-connections")
