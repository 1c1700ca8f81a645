"""The quota on the Call page, in a real browser: how to bring them in, then what is reached by whom and when."""

import re
import uuid
from decimal import Decimal
from typing import Any

import httpx
import pytest
from playwright.async_api import Locator, Page, expect

from deploy.local.stack import Stack
from deploy.local.waiting import wait_until
from libs.common.calendar import FiscalCalendar
from libs.common.ids import entity_id, unit_id
from tests.e2e.conftest import Known, is_fine, numbers
from tests.e2e.crm import Crm, deal
from tests.support.days import business_day

QUARTER = FiscalCalendar().quarter(business_day())


class Team:
    """Ann and Bob of one team, with a deal won and one in commit, and nobody who has set a quota yet."""

    def __init__(self, stack: Stack) -> None:
        self.mark = uuid.uuid4().hex[:6]
        self.unit = str(unit_id(f"Q{self.mark}"))
        self.url = f"{stack.url('gateway')}/call?value_basis=tcv&org={self.unit}"
        self.asked = {"period": QUARTER.key, "org": self.unit, "value_basis": "tcv"}
        self._stack = stack

    def person(self, name: str) -> str:
        return str(entity_id("sim-standard", "user", f"{name}-{self.mark}"))

    def await_known(self) -> None:
        """Until the forecast knows the team: people and deals come by ways of their own."""
        key = self._stack.command("gateway", "api-key", "--name", "attainment", "--role", "sales_ops").split()[-1]
        url, held = f"{self._stack.url('gateway')}/api/v1/forecast/call", {"Authorization": f"Bearer {key}"}

        def is_known() -> bool:
            return httpx.get(url, params=self.asked, headers=held, timeout=10, trust_env=False).is_success

        assert wait_until(is_known, timeout_s=60, every_s=0.5)

    def bring_in(self, *rows: str) -> None:
        key = self._stack.command("gateway", "api-key", "--name", "quotas", "--role", "sales_ops").split()[-1]
        answer = httpx.post(
            f"{self._stack.url('gateway')}/api/v1/forecast/imports/quotas",
            content="\n".join(["unit,owner,period,amount,value_basis", *rows, ""]),
            headers={"Authorization": f"Bearer {key}", "Content-Type": "text/csv"},
            timeout=10,
            trust_env=False,
        )
        assert answer.is_success, answer.text
        assert answer.json()["refused"] == []


@pytest.fixture(scope="module")
def team(stack: Stack, crm: Crm, await_known: Known, tmp_path_factory: pytest.TempPathFactory) -> Team:
    made = Team(stack)
    ann, bob, path = f"ann-{made.mark}", f"bob-{made.mark}", f"Q{made.mark}"
    crm.employ(tmp_path_factory.mktemp("people"), **{ann: path, bob: path})
    won = {"stage": "Won", "category": None, "closed_on": business_day()}
    crm.send(deal(f"won-{made.mark}", amount="60000.25", owner_id=ann, **won))
    crm.send(deal(f"open-{made.mark}", amount="80000.00", owner_id=bob))
    await_known({f"won-{made.mark}": "closed_won", f"open-{made.mark}": ""})
    made.await_known()
    return made


async def test_without_a_quota_the_card_says_how_to_bring_them_in(page: Page, team: Team) -> None:
    await page.goto(team.url)
    card = await _card(page)
    await expect(card).to_contain_text("Nobody has set a quota")
    await expect(card.locator("pre")).to_contain_text(f"company,,{QUARTER.key},")
    await expect(page.locator(".card.bridge")).to_contain_text("No quota is set", timeout=30_000)
    await is_fine(page, "attainment-empty")


async def test_the_numbers_of_the_card_are_those_of_the_api_and_those_below_make_the_whole(
    stack: Stack, page: Page, team: Team
) -> None:
    ann = team.person("ann")
    team.bring_in(f"{team.unit},,{QUARTER.key},200000,tcv", f",{ann},{QUARTER.key},90000.50,tcv")
    await page.goto(team.url)
    card = await _card(page)
    await expect(card.locator(".quota-figures")).to_be_visible(timeout=30_000)
    said = await _said(page, stack, "attainment", team.asked)
    shown = {key: value for key, value in await numbers(page) if key.startswith("quota.")}
    node = said["node"]
    assert (node["quota"], node["closed_won"], node["gap"]) == ("200000.00", "60000.25", "139999.75")
    assert node["attainment"] == shown["quota.attainment"] == "0.3000"
    assert (shown["quota.quota"], shown["quota.closed"], shown["quota.gap"]) == ("200000.00", "60000.25", "139999.75")
    assert float(shown["quota.chance"]) == pytest.approx(node["chance"], abs=0.01)
    assert shown[f"quota.{ann}.quota"] == "90000.50"
    assert Decimal(shown[f"quota.{ann}.quota"]) + Decimal(shown["quota.unallocated"]) == Decimal(shown["quota.whole"])
    await expect(card.locator(f"#quota-{team.person('bob')}")).to_contain_text("none assigned")
    for month in said["months"]:
        for name, field in (("quota", "quota"), ("variance", "variance"), ("to_date", "variance_to_date")):
            assert shown[f"quota.{month['key']}.{name}"] == month[field]
    assert Decimal(said["months"][-1]["variance_to_date"]) == -Decimal(node["gap"])

    bridge = page.locator(".card.bridge")
    await expect(bridge.locator("#bridge-level-target")).to_contain_text("Quota", timeout=30_000)
    assert dict(await numbers(page))["bridge.target"] == node["quota"]
    await is_fine(page, "attainment")
    await page.set_viewport_size({"width": 1440, "height": 900})
    async with page.expect_download() as waiting:
        await card.get_by_role("link", name="CSV of all below").click()
    carried = (await (await waiting.value).path()).read_text()
    assert "90000.50" in carried

    await card.get_by_role("link", name="by the projection").click()
    await expect(page.locator("h1")).to_contain_text("Projection")
    await expect(page).to_have_url(re.compile("target=200000.00"))


async def _card(page: Page) -> Locator:
    card = page.locator(".card.quota")
    await expect(card.locator(".waiting")).to_have_count(0, timeout=30_000)
    return card


async def _said(page: Page, stack: Stack, what: str, asked: dict[str, str]) -> dict[str, Any]:
    answer = await page.request.get(f"{stack.url('gateway')}/api/v1/forecast/{what}", params=asked)
    assert answer.ok, await answer.text()
    found: dict[str, Any] = await answer.json()
    return found
