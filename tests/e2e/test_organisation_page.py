"""The organisation in a real browser: a manager moves a person, and the quarter that is over stays as it was."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, Page, expect

from deploy.local.stack import Stack
from deploy.local.waiting import wait_until
from libs.common import clock
from libs.common.ids import entity_id, unit_id
from tests.e2e.conftest import Known, is_fine, sign_in, sign_in_link, watched
from tests.e2e.crm import Crm, deal

DAYS = 200
"""So long ago is another quarter."""


@dataclass(frozen=True)
class Region:
    """Ann and Eve of North, Bob of South, below one region; Ann won a deal long ago and has an open one."""

    mark: str
    http: httpx.Client

    @property
    def path(self) -> str:
        return f"Region {self.mark}"

    def unit(self, name: str = "") -> str:
        return str(unit_id(f"{self.path}/{name}" if name else self.path))

    def person(self, name: str) -> str:
        return str(entity_id("sim-standard", "user", f"{name}{self.mark}"))

    def closed(self, team: str, *, at: datetime, organisation: str) -> Any:
        """What a team closed in the quarter of long ago, as valid at an instant, by that organisation."""
        then = clock.now() - timedelta(days=DAYS)
        period = f"{then.year}Q{(then.month + 2) // 3}"
        asked = {"period": period, "org": self.unit(team), "as_of": at.isoformat(), "organisation": organisation}
        found = self.http.get("/api/v1/forecast/rollup", params=asked | {"by": "owner"}).raise_for_status().json()
        return found["totals"]["lines"]["closed_won"]["amount"]


@pytest.fixture(scope="module")
def region(stack: Stack, crm: Crm, await_known: Known, tmp_path_factory: pytest.TempPathFactory) -> Any:
    mark = uuid.uuid4().hex[:6]
    path = f"Region {mark}"
    teams = {f"ann{mark}": f"{path}/North", f"eve{mark}": f"{path}/North", f"bob{mark}": f"{path}/South"}
    crm.employ(tmp_path_factory.mktemp("people"), **teams)
    then = clock.now() - timedelta(days=DAYS)
    crm.connect()
    crm.send(deal(f"open-{mark}", amount="120000.00", owner_id=f"ann{mark}"))
    crm.send(deal(f"eve-{mark}", amount="30000.00", owner_id=f"eve{mark}"))
    crm.send(
        deal(
            f"won-{mark}",
            amount="5000.00",
            owner_id=f"ann{mark}",
            stage="Won",
            category=None,
            close_date=then.date(),
            closed_on=then.date(),
        )
    )
    await_known({f"{name}-{mark}": "" for name in ("open", "eve", "won")})
    key = stack.command("gateway", "api-key", "--name", "org", "--role", "sales_ops").split()[-1]
    with httpx.Client(
        base_url=stack.url("gateway"), headers={"Authorization": f"Bearer {key}"}, timeout=30, trust_env=False
    ) as http:
        yield Region(mark, http)


async def test_a_manager_moves_a_person_and_the_quarter_that_is_over_stays_as_it_was(
    stack: Stack, browser: Browser, region: Region, tmp_path: Path
) -> None:
    link = sign_in_link(stack, f"o-{region.mark}@x.example", "manager", region.unit())
    manager = await sign_in(browser, link, tmp_path / "manager")
    before = clock.now()
    async with watched(browser, manager) as page:
        await page.goto(f"{stack.url('gateway')}/organisation")
        await _previews(page, region)
        await is_fine(page, "organisation-preview")
        await page.get_by_role("button", name="Confirm", exact=True).click()
        await expect(page.locator(".tree details", has_text="South").last).to_contain_text(f"Ann{region.mark}")
        was = [region.closed(team, at=before, organisation="was") for team in ("North", "South")]

        def has_moved() -> bool:
            return [region.closed(team, at=before, organisation="is") for team in ("North", "South")] == [
                "0.00",
                "5000.00",
            ]

        assert wait_until(has_moved, timeout_s=60), "today's organisation moves what was closed along"
        assert was == ["5000.00", "0.00"]
        assert [region.closed(team, at=before, organisation="was") for team in ("North", "South")] == was
        await _plans_that_eve_leaves(page, region)
        await is_fine(page, "organisation")


async def _previews(page: Page, region: Region) -> None:
    await page.locator("summary", has_text="Move a person").click()
    await page.get_by_label("Person", exact=True).select_option(region.person("ann"))
    await page.get_by_label("Unit", exact=True).select_option(region.unit("South"))
    await page.get_by_role("button", name="Preview", exact=True).click()
    shown = page.locator("#preview")
    await expect(shown).to_contain_text(f"Ann{region.mark} goes from")
    await expect(shown.locator("data[value='120000.00']").first).to_be_visible()


async def _plans_that_eve_leaves(page: Page, region: Region) -> None:
    """A plan is listed and shows at its day; revoked, it is gone; said for now, her open deal is the vacant line."""
    await page.locator("summary", has_text="Move a person").click()
    day = (clock.now() + timedelta(days=40)).date().isoformat()
    await page.get_by_label("Person", exact=True).select_option(region.person("eve"))
    await page.get_by_label("What").select_option("person_left")
    await page.locator("#move-begins").fill(day)
    await page.get_by_role("button", name="Confirm without preview").click()
    planned = page.locator("#planned")
    await expect(planned).to_contain_text(f"Eve{region.mark} leaves")
    await page.get_by_label("At the end of").fill(day)
    await page.get_by_role("button", name="Show", exact=True).click()
    await expect(page.locator(".tree .left")).to_contain_text(f"Eve{region.mark}")
    await page.get_by_role("button", name="Revoke").first.click()
    await expect(planned).to_contain_text("Nothing is planned.")
    await page.locator("summary", has_text="Move a person").click()
    await page.get_by_label("Person", exact=True).select_option(region.person("eve"))
    await page.get_by_label("What").select_option("person_left")
    await page.get_by_role("button", name="Confirm without preview").click()
    await expect(page.locator(".tree .vacant")).to_contain_text("30,000")
