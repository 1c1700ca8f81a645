"""Who may say what on the Call page, in a real browser: a seller calls their own deals, a manager judges and calls for a unit."""

import uuid
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Browser, Page, expect

from deploy.local.stack import Stack
from libs.common.ids import entity_id, unit_id
from tests.e2e.conftest import Known, sign_in, sign_in_link, watched
from tests.e2e.crm import Crm, deal


class Team:
    """Ann and Bob of one team, each with a committed deal."""

    def __init__(self, stack: Stack) -> None:
        self.mark = uuid.uuid4().hex[:6]
        self.ann, self.bob = f"ann-{self.mark}", f"bob-{self.mark}"
        self.unit = str(unit_id(f"T{self.mark}"))
        self.url = f"{stack.url('gateway')}/call?value_basis=tcv"
        self._stack = stack

    def person(self, user: str) -> str:
        return str(entity_id("sim-standard", "user", user))

    def seat(self, subject: str) -> None:
        """Say that an account is Ann."""
        key = self._stack.command("gateway", "api-key", "--name", "seats", "--role", "sales_ops").split()[-1]
        answer = httpx.put(
            f"{self._stack.url('gateway')}/api/v1/forecast/seats/{subject}",
            json={"person_id": self.person(self.ann)},
            headers={"Authorization": f"Bearer {key}"},
            timeout=10,
            trust_env=False,
        )
        assert answer.is_success, answer.text


@pytest.fixture(scope="module")
def team(stack: Stack, crm: Crm, await_known: Known, tmp_path_factory: pytest.TempPathFactory) -> Team:
    made = Team(stack)
    path = f"T{made.mark}"
    crm.employ(tmp_path_factory.mktemp("people"), **{made.ann: path, made.bob: path})
    crm.send(deal(f"hers-{made.mark}", amount="120000.00", owner_id=made.ann))
    crm.send(deal(f"his-{made.mark}", amount="80000.00", owner_id=made.bob))
    await_known({f"{name}-{made.mark}": "" for name in ("hers", "his")})
    return made


async def test_a_seller_calls_their_own_deals_and_a_manager_judges_and_calls_for_the_unit(
    stack: Stack, browser: Browser, team: Team, tmp_path: Path
) -> None:
    seller = await sign_in(browser, sign_in_link(stack, f"{team.ann}@x.example", "seller", team.unit), tmp_path / "s")
    async with watched(browser, seller) as page:
        await _is_seated(stack, page, team)
        await _calls_their_own(page, team)
    manager = await sign_in(
        browser, sign_in_link(stack, f"m-{team.mark}@x.example", "manager", team.unit), tmp_path / "m"
    )
    async with watched(browser, manager) as page:
        await _judges_a_deal(page, team)
        await _calls_for_the_unit(page, team)
    async with watched(browser, seller) as page:
        await _sees_what_was_called(page, team)


async def _is_seated(stack: Stack, page: Page, team: Team) -> None:
    """Until somebody says which person of the CRM the account is, it can call nothing."""
    await page.goto(team.url)
    await expect(page.locator("#the-call")).to_be_visible()
    await expect(page.locator("summary", has_text="Submit a call")).to_have_count(0)
    subject = (await (await page.request.get(f"{stack.url('gateway')}/api/v1/me")).json())["subject"]
    team.seat(subject)


async def _calls_their_own(page: Page, team: Team) -> None:
    await page.goto(team.url)
    await expect(page.locator("summary", has_text="Adjust a number")).to_have_count(0)
    await _submits(page, ["My own deals"], "150 000")
    row = page.locator(f"#called-{team.person(team.ann)}")
    await expect(row).to_contain_text(f"called by {team.ann}")
    assert await _value(page, f"{team.person(team.ann)}.number") == "150000.00"
    assert await _value(page, "below.number") == "230000.00"
    await expect(page.locator(".said-figures")).to_contain_text("nobody has called for")
    await page.locator(".figure.commit").get_by_role("link").click()
    await expect(page.locator("h1")).to_have_text("Commit")
    await expect(page.locator("tbody")).to_contain_text(f"hers-{team.mark}")
    await expect(page.get_by_role("columnheader", name="For your call")).to_have_count(0)
    await expect(page.get_by_role("button", name=f"In: Deal hers-{team.mark}")).to_have_count(0)


async def _judges_a_deal(page: Page, team: Team) -> None:
    await page.goto(team.url)
    await page.locator(".figure.commit").get_by_role("link").click()
    await page.get_by_role("button", name=f"In: Deal hers-{team.mark}").click()
    await expect(page.get_by_role("button", name=f"In: Deal hers-{team.mark}")).to_have_attribute(
        "aria-pressed", "true"
    )
    await page.get_by_role("button", name=f"Out: Deal his-{team.mark}").click()
    await expect(page.get_by_role("button", name=f"Out: Deal his-{team.mark}")).to_have_attribute(
        "aria-pressed", "true"
    )
    await page.goto(team.url)
    assert await _value(page, "judged.counted") == "120000.00"


async def _calls_for_the_unit(page: Page, team: Team) -> None:
    await page.locator("summary", has_text="Adjust a number").click()
    offered = await page.locator("#adjustment-for option").all_inner_texts()
    assert sorted(offered) == sorted(user.capitalize() for user in (team.ann, team.bob)), "below the unit only"
    await _submits(page, [f"T{team.mark}"], "130000")
    await expect(page.locator(".said-figures .lead")).to_contain_text("(you)")
    assert await _value(page, "call.amount") == "130000.00"
    assert await _value(page, "call.plug") == "-100000.00"
    assert await _value(page, "judged.plug") == "10000.00"


async def _sees_what_was_called(page: Page, team: Team) -> None:
    await page.goto(team.url)
    await expect(page.locator(".said-figures .lead")).to_contain_text(f"by m-{team.mark}")
    assert await _value(page, "call.amount") == "130000.00"
    await expect(page.get_by_role("region", name="Deals you judged")).to_have_count(0)


async def _submits(page: Page, may: list[str], amount: str) -> None:
    await page.locator("summary", has_text="Submit a call").click()
    assert await page.locator("#call-for option").all_inner_texts() == may
    await page.locator("#call-amount").fill(amount)
    await page.get_by_role("button", name="Submit call").click()
    await expect(page.locator("#the-call")).to_be_visible()


async def _value(page: Page, key: str) -> str | None:
    return await page.locator(f'data[data-key="{key}"]').first.get_attribute("value")
