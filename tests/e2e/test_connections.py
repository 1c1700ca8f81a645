"""The pages on connections, in a real browser: which there are and how they do; a document tried, mended and put."""

import uuid
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest
import pytest_asyncio
import yaml
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, expect

from deploy.local.stack import Stack
from tests.e2e.conftest import PHONE, WIDE, sign_in_link
from tests.support.days import business_day
from tests.support.northwind import NORTHWIND, SECRET, Northwind

DUE = (business_day() + timedelta(days=40)).isoformat()


@pytest.fixture(scope="module")
def key(stack: Stack) -> str:
    """A paused connection that has received two deals, one of a stage that its document does not know."""
    key = f"shown-{uuid.uuid4().hex[:8]}"
    document = yaml.safe_load(NORTHWIND) | {"key": key, "name": "Northwind CRM", "state": "paused"}
    stack.command("gateway", "connection-put", "-", stdin=yaml.safe_dump(document))
    crm = Northwind(stack.url("gateway"))
    for ref, phase in (("1", "prop"), ("2", "unheard")):
        request = crm.request(crm.change(int(ref), "new", ref, phase=phase, due=DUE), secret=SECRET)
        url = request.url.replace("northwind", key)
        answer = httpx.post(url, headers=request.headers, content=request.body, trust_env=False)
        assert answer.status_code == 202
    return key


@pytest_asyncio.fixture
async def viewer(stack: Stack, browser: Browser) -> AsyncIterator[Page]:
    """A tab of a person who may only look."""
    context = await browser.new_context(viewport=WIDE)
    opened = await context.new_page()
    await opened.goto(sign_in_link(stack, f"{uuid.uuid4().hex}@example.com", "viewer"))
    await opened.get_by_role("button", name="Sign in as").click()
    await opened.wait_for_url("**/call")
    yield opened
    await context.close()


async def test_the_list_shows_each_connection_with_its_url_and_what_waits(stack: Stack, page: Page, key: str) -> None:
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.goto(f"{stack.url('gateway')}/call")
    await page.get_by_role("link", name="Set up").click()
    await page.get_by_role("link", name="Connections").click()
    row = page.locator(f"#connection-{key}")
    await expect(row).to_contain_text("Paused")
    await expect(row).to_contain_text("not verified with a live account")
    await expect(row).to_contain_text("2 not read yet")
    await expect(row.locator("td[data-label='Not yet effective']")).to_contain_text("oldest")

    await page.bring_to_front()  # only the page in front may write to the clipboard
    await row.get_by_role("button", name="Copy the webhook URL of Northwind CRM").click()

    await expect(row.get_by_role("button")).to_have_text("Copied")
    assert await page.evaluate("navigator.clipboard.readText()") == f"{stack.url('gateway')}/webhooks/{key}"


@pytest.mark.refused_forms(1)
async def test_a_document_is_tried_mended_and_put(stack: Stack, page: Page, key: str) -> None:
    await page.goto(f"{stack.url('gateway')}/connections/{key}")
    document = page.get_by_role("textbox", name="Document")
    await expect(page.locator("#document-secrets")).to_contain_text("api_token, secret")
    shown = await document.input_value()
    assert SECRET not in await page.content()

    await document.fill(shown.replace("amounts: minor", "amounts: pennies"))
    await page.get_by_role("button", name="Try").click()
    await expect(page.get_by_role("alert")).to_contain_text("mapping.amounts")
    await expect(page.get_by_role("alert")).to_be_focused()
    assert "amounts: pennies" in await document.input_value(), "what was typed is kept"

    await document.fill(shown.replace("state: paused", "state: active"))
    await page.get_by_role("button", name="Try").click()
    result = page.locator("#result")
    await expect(result).to_be_focused()
    await expect(result.locator(".refused")).to_contain_text("unheard")
    row = result.locator("table.effect tbody tr")
    await expect(row).to_have_count(1)
    await expect(row).to_contain_text("Best case")
    assert await row.locator("data").first.get_attribute("value") == "1000.01"

    meant = "  stages:\n    unheard: {stage: Propose, category: commit}\n"
    await document.fill((await document.input_value()).replace("  stages:\n", meant))
    await page.get_by_role("button", name="Try").click()
    await expect(result.locator("table.effect tbody tr")).to_have_count(2)
    await expect(result.locator(".refused")).to_have_count(0)

    await page.get_by_role("button", name="Put").click()
    await expect(result).to_contain_text("Remapped: the mapping is version 2 now")
    await expect(page.locator("h1 .tag")).to_have_text("Active")
    stored = await document.input_value()
    assert "unheard:" in stored
    await page.get_by_role("button", name="Put").click()
    await expect(result).to_contain_text("Unchanged")
    assert await document.input_value() == stored

    await page.goto(f"{stack.url('gateway')}/connections")
    await expect(page.locator(f"#connection-{key}")).to_contain_text("2 processed")


async def test_who_may_not_change_connections_sees_them_and_is_refused(stack: Stack, viewer: Page, key: str) -> None:
    url = f"{stack.url('gateway')}/connections/{key}"
    await viewer.goto(f"{stack.url('gateway')}/connections")
    await viewer.get_by_role("link", name="Northwind CRM").first.click()
    await expect(viewer.locator("h1")).to_contain_text("Northwind CRM")
    await viewer.goto(url)
    await expect(viewer.get_by_role("textbox", name="Document")).to_have_attribute("readonly", "")
    await expect(viewer.get_by_role("button", name="Put")).to_have_count(0)
    token = await viewer.locator("form input[name=csrf]").first.get_attribute("value")
    form = {"csrf": token or "", "document": NORTHWIND, "act": "put"}
    assert (await viewer.request.post(url, form=form)).status == 403


async def test_a_put_without_the_sessions_token_is_refused(stack: Stack, page: Page, key: str) -> None:
    form = {"document": NORTHWIND, "act": "put"}
    answer = await page.request.post(f"{stack.url('gateway')}/connections/{key}", form=form)
    assert answer.status == 403


@pytest.mark.refused_forms(4)
async def test_pages_of_connections_are_accessible_and_fit_the_screen(stack: Stack, page: Page, key: str) -> None:
    document = page.get_by_role("textbox", name="Document")
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
        for size in (WIDE, PHONE):
            await page.set_viewport_size({"width": size["width"], "height": size["height"]})
            await page.goto(f"{stack.url('gateway')}/connections")
            await _is_fine(page, size["width"])
            await page.goto(f"{stack.url('gateway')}/connections/{key}")
            await _is_fine(page, size["width"])
            await document.fill((await document.input_value()).replace("amounts: minor", "amounts: major"))
            await page.get_by_role("button", name="Try").click()
            await expect(page.locator("#result")).to_be_focused()
            await _is_fine(page, size["width"])
            await document.fill("key: [")
            await page.get_by_role("button", name="Put").click()
            await expect(page.get_by_role("alert")).to_be_focused()
            await _is_fine(page, size["width"])


async def _is_fine(page: Page, width: int) -> None:
    found = await Axe().run(page, options={"resultTypes": ["violations"]})
    assert [(one["id"], [node["target"] for node in one["nodes"]]) for one in found.response["violations"]] == []
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
