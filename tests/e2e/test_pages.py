"""What a person sees, in a real browser, with the whole system running."""

import re

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, Route, expect

from deploy.local.stack import Stack
from libs.common.ids import new_id
from tests.e2e.conftest import PHONE, WIDE, sign_in_link
from tests.e2e.crm import Crm, deal

COMMIT = ".figure.commit .big data"
WATCH_THE_MARK = f"""
    window.sameDocument = true;
    new MutationObserver(() => {{
        if (document.querySelector("{COMMIT}.changed")) document.documentElement.dataset.marked = "yes";
    }}).observe(document.body, {{subtree: true, attributeFilter: ["class"]}});
"""
"""The mark of a number that changed is gone with the next reading, which whatever else happens may bring."""


async def test_a_sign_in_link_lets_one_person_in_once(stack: Stack, browser: Browser) -> None:
    link = sign_in_link(stack, "once@example.com", "viewer")
    first = await (await browser.new_context()).new_page()
    assert (await first.request.get(link)).ok  # a mail scanner reads it, and does not use it up
    await first.goto(link)
    await first.get_by_role("button", name="Sign in as once@example.com").click()
    await expect(first).to_have_url(f"{stack.url('gateway')}/call")

    second = await (await browser.new_context()).new_page()
    await second.goto(link)
    await expect(second.get_by_role("alert")).to_contain_text("used already")
    await second.goto(f"{stack.url('gateway')}/call")
    await expect(second).to_have_url(f"{stack.url('gateway')}/sign-in?next=%2Fcall")
    for page in (first, second):
        await page.context.close()


async def test_a_signed_webhook_moves_the_call_without_a_reload(stack: Stack, crm: Crm, page: Page) -> None:
    known, moving = str(new_id()), str(new_id())
    crm.send(deal(known, amount="120000.00"))
    await _until_forecast_knows(stack, page, known)
    await page.goto(f"{stack.url('gateway')}/call")
    await expect(page.locator("#live")).to_have_text("Live")
    before = await page.locator(COMMIT).get_attribute("value")
    await page.evaluate(WATCH_THE_MARK)

    crm.send(deal(moving, amount="77000.50"))

    await expect(page.locator(COMMIT)).not_to_have_attribute("value", before or "")
    await expect(page.locator("html")).to_have_attribute("data-marked", "yes")
    assert await page.evaluate("window.sameDocument") is True
    shown = await page.locator(COMMIT).get_attribute("value")
    said = await (await page.request.get(f"{stack.url('gateway')}/api/v1/forecast/call")).json()
    assert shown == said["lines"]["commit"]["amount"]


async def test_a_view_that_somebody_opens_is_not_replaced_by_what_was_being_read_before(
    stack: Stack, crm: Crm, page: Page
) -> None:
    known = str(new_id())
    crm.send(deal(known, amount="1000.00"))
    await _until_forecast_knows(stack, page, known)
    await page.goto(f"{stack.url('gateway')}/call")
    await expect(page.locator("#live")).to_have_text("Live")
    held: list[Route] = []

    async def hold(route: Route) -> None:
        held.append(route)

    await page.route(re.compile(r"/call$"), hold)
    while not held:  # a reading that was under way before comes to its end first
        await page.evaluate("htmx.trigger(document.getElementById('view'), 'refresh')")
        await page.wait_for_timeout(100)
    await page.locator(".figure.commit a").click()
    await expect(page.get_by_role("heading", name="Commit")).to_be_visible()

    await page.evaluate(
        """() => {
            const late = (event) => event.detail.ctx.request.action === "/call";
            document.addEventListener("htmx:after:swap", (event) => { if (late(event)) window.replaced = true; });
            window.over = new Promise((done) =>
                document.addEventListener("htmx:finally:request", (event) => { if (late(event)) done(); }));
        }"""
    )
    for late in held:
        await late.continue_()
    await page.evaluate("window.over")

    assert await page.evaluate("window.replaced") is None
    await expect(page.get_by_role("heading", name="Commit")).to_be_visible()


async def test_a_parked_delivery_shows_its_reason_and_can_be_replayed(stack: Stack, crm: Crm, page: Page) -> None:
    crm.send(deal("parked-1", amount="5000.00", stage="Verbal OK"))
    await page.goto(f"{stack.url('gateway')}/deliveries?state=parked")
    row = page.locator("table.deliveries tbody tr", has_text="Verbal OK")
    await expect(row.first).to_contain_text("Parked")

    crm.connect("Verbal OK")
    await row.first.get_by_role("button", name="Replay").click()

    await expect(page.locator("h1 .tag")).to_have_text("Processed")
    await expect(page.locator("table.items")).to_contain_text("applied")


async def test_pages_stay_up_and_say_which_service_is_down(stack: Stack, page: Page) -> None:
    stack.kill("forecast")
    try:
        answer = await page.request.get(f"{stack.url('gateway')}/call", headers={"accept": "text/html"})
        assert answer.status == 503
        assert "forecast service does not answer" in await answer.text()
        problem = await page.request.get(f"{stack.url('gateway')}/api/v1/forecast/call")
        assert problem.headers["content-type"] == "application/problem+json"
        assert "retry-after" in problem.headers
        await page.goto(f"{stack.url('gateway')}/deliveries")
        await expect(page.get_by_role("heading", name="Deliveries")).to_be_visible()
    finally:
        stack.restart("forecast")


@pytest.mark.parametrize("path", ["/call", "/call?by=owner&view=cumulative&rate=booked", "/deliveries", "/sign-in"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
async def test_a_page_is_accessible_and_fits_the_screen(
    stack: Stack, crm: Crm, page: Page, path: str, scheme: str, size: dict[str, int]
) -> None:
    await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
    await page.set_viewport_size({"width": size["width"], "height": size["height"]})
    await page.goto(f"{stack.url('gateway')}{path}")
    found = await Axe().run(page, options={"resultTypes": ["violations"]})
    assert [(one["id"], [node["target"] for node in one["nodes"]]) for one in found.response["violations"]] == []
    assert await page.evaluate("document.documentElement.scrollWidth") <= size["width"]


async def test_won_deals_are_shown_at_the_rates_of_their_booking_days_and_the_difference_beside(
    stack: Stack, crm: Crm, page: Page
) -> None:
    known = str(new_id())
    crm.send(deal(known, amount="1000.00"))
    await _until_forecast_knows(stack, page, known)
    await page.goto(f"{stack.url('gateway')}/call")
    await page.get_by_role("combobox", name="Rates of won deals").select_option("Of the booking day")
    await expect(page).to_have_url(re.compile("rate=booked"))
    await expect(page.get_by_text("won deals at the rates of their booking days")).to_be_visible()
    for _ in range(50):  # what is read from history follows the present by a moment
        said = await (await page.request.get(f"{stack.url('gateway')}/api/v1/forecast/call?rate=booked")).json()
        told = {
            "[data-key=fx]": said["fx"],
            ".figure.closed_won .big data": said["lines"]["closed_won"]["amount"],
            COMMIT: said["lines"]["commit"]["amount"],
        }
        await page.reload()
        shown = {place: await page.locator(place).first.get_attribute("value") for place in told}
        if shown == told:
            break
    assert shown == told
    assert "rate=booked" in (await page.get_by_role("link", name="CSV").get_attribute("href") or "")


async def _until_forecast_knows(stack: Stack, page: Page, external_id: str) -> None:
    url = f"{stack.url('gateway')}/api/v1/forecast/deals?line=commit"
    for _ in range(200):
        answer = await page.request.get(url)
        if answer.ok and external_id in await answer.text():
            return
        await page.wait_for_timeout(100)
    pytest.fail(f"{external_id} did not reach the forecast")
