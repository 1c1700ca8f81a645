"""Focus in a real browser: the list of the API, why a deal stands where it does, and what people say of it changes the order."""

import uuid

import httpx
import pytest
from playwright.async_api import Page, expect

from deploy.local.stack import Stack
from libs.common.ids import unit_id
from tests.e2e.conftest import Known, is_fine, numbers
from tests.e2e.crm import Crm, deal

AMOUNTS = {"a": "250000", "b": "120000", "c": "90000", "d": "40000", "e": "9000"}


@pytest.fixture(scope="module")
def team(crm: Crm, await_known: Known, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A team of its own whose seller has five open deals."""
    mark = uuid.uuid4().hex[:8]
    seller, path = f"focus{mark}", f"focus-{mark}"
    crm.employ(tmp_path_factory.mktemp("focus"), **{seller: path})
    for name, amount in AMOUNTS.items():
        crm.send(deal(f"focus-{name}-{mark}", amount=amount, owner_id=seller, name=f"Focus {name.upper()}"))
    await_known({f"focus-{name}-{mark}": "open" for name in AMOUNTS})
    return path


async def test_the_list_is_the_api_s_and_what_is_said_of_a_deal_changes_it(page: Page, stack: Stack, team: str) -> None:
    key = stack.command("gateway", "api-key", "--name", "focus", "--role", "sales_ops").split()[-1]
    address = f"{stack.url('gateway')}/focus?org={unit_id(team)}&hours=8&value_basis=tcv"
    await page.goto(address)
    await expect(page.get_by_role("heading", name="2 of 5 open deals fill 8 of 8 hours")).to_be_visible()
    shown = dict(await numbers(page))
    asked = {
        "org": str(unit_id(team)),
        "hours": "8",
        "value_basis": "tcv",
        "period": await page.locator("select[name=period]").input_value(),
    }
    async with httpx.AsyncClient(timeout=30, trust_env=False) as http:
        found = await http.get(
            f"{stack.url('gateway')}/api/v1/forecast/focus", params=asked, headers={"Authorization": f"Bearer {key}"}
        )
    answer = found.json()
    assert [each["name"] for each in (*answer["deals"], *answer["missed"])] == [
        f"Focus {name.upper()}" for name in AMOUNTS
    ]
    for each in (*answer["deals"], *answer["missed"]):
        for name in ("by_the_hour", "gain", "financial", "worth"):
            assert shown[f"{each['deal_id']}.{name}"] == each[name]
    assert (shown["gain"], shown["gain_of_all"]) == (answer["gain"], answer["gain_of_all"])
    await is_fine(page, "focus")

    first = page.locator(f"#deal-{answer['deals'][0]['deal_id']}")
    await first.get_by_text("Why").click()
    await expect(first).to_contain_text("by amount, since its cost is not known")
    await expect(first).to_contain_text("unknown of 15: how much winning it would serve as a reference")
    await is_fine(page, "focus-why")
    await first.get_by_label("Hours it takes").fill("60")
    await first.get_by_role("button", name="Keep").click()
    await expect(page.get_by_role("heading", name="2 of 5 open deals fill 8 of 8 hours")).to_be_visible()
    names = page.locator("tbody.focus th a")
    await expect(names.first).to_have_text("Focus B")
    await expect(page.locator("tbody.focus.beyond th a").nth(1)).to_have_text("Focus A")

    await page.get_by_label("Hours", exact=True).fill("1")
    await page.get_by_label("Hours", exact=True).press("Enter")
    await expect(page.get_by_text("No deal fits into the 1 given hours")).to_be_visible()


@pytest.mark.refused_forms(2)
async def test_what_cannot_be_is_refused_where_it_was_typed(page: Page, stack: Stack, team: str) -> None:
    await page.goto(f"{stack.url('gateway')}/focus?org={unit_id(team)}&hours=many")
    await expect(page.get_by_role("alert")).to_contain_text("Hours")
    await page.goto(f"{stack.url('gateway')}/focus?org={unit_id(team)}&value_basis=tcv")
    await page.get_by_text("Change what is assumed").click()
    await page.get_by_label("Plan gap").fill("50")
    await page.locator("#assumptions").get_by_role("button", name="Keep").click()
    await expect(page.get_by_text("the weights add up to 110, not to 100")).to_be_visible()
    await expect(page.get_by_label("Plan gap")).to_have_value("50")
    await is_fine(page, "focus-refused")
