"""A year in a real browser: planned from the last one, approved by another, broken, reviewed, decided, in force anew, closed."""

from pathlib import Path

from playwright.async_api import Browser, Page, expect

from tests.e2e.conftest import go_to, is_fine, sign_in, sign_in_link, watched
from tests.e2e.planned_year import assuming, ending, planning, reviewing
from tests.e2e.planned_year.conftest import Office


async def test_a_year_is_planned_approved_breaks_is_reviewed_decided_holds_anew_and_is_closed_and_read(
    office: Office, browser: Browser, tmp_path: Path
) -> None:
    author = await sign_in(browser, sign_in_link(office.stack, "cso@x.example", "cso"), tmp_path / "author")
    other = await sign_in(browser, sign_in_link(office.stack, "ceo@x.example", "ceo"), tmp_path / "other")
    async with watched(browser, author, refused_forms=2) as page:
        plan = await _plans(page, office)
    async with watched(browser, other) as page:
        await planning.approves(page, plan, "As we spoke")
    async with watched(browser, author, refused_forms=1) as page:
        await planning.puts_in_force(page, plan)
        await is_fine(page, "plan-in-force")
        await reviewing.sets_policy(page)
        await page.goto(plan)
        await planning.is_attained(page)
        await planning.is_the_target(page, office)
        await page.goto(plan)
        await planning.tab(page, "Assumptions")
        await assuming.is_looked_at(page, office)
        await page.reload()
        await assuming.is_broken(page)
        review = await reviewing.finds_the_review(page, office.url)
        await reviewing.weighs(page)
        await reviewing.decides(page)
        await page.get_by_role("link", name="version 2 of the plan").click()
        await expect(page.locator("h1 [data-state=draft]")).to_be_visible()
        draft = page.url
        await planning.says_what_to_do(page)
        await page.goto(draft)
        await planning.proposes(page)
    async with watched(browser, other) as page:
        await planning.approves(page, draft)
    async with watched(browser, author) as page:
        await planning.puts_in_force(page, draft)
        await planning.holds_anew(page, office)
        await _is_decided(page, office, review)
        await ending.names_the_deals(page, office)
    await _is_closed(office, browser, tmp_path)


async def _is_closed(office: Office, browser: Browser, tmp_path: Path) -> None:
    """In January: finance ties the year's last month out, the CSO signs it, the CEO reads how the decision turned out."""
    go_to(office.stack, ending.JANUARY)
    for role, does in (("finance", ending.ties_out), ("cso", ending.signs), ("ceo", ending.reads)):
        cookies = await sign_in(browser, sign_in_link(office.stack, f"{role}@x.example", role), tmp_path / role)
        async with watched(browser, cookies) as page:
            await does(page, office)


async def _plans(page: Page, office: Office) -> str:
    """A plan with what it takes for granted, proposed; returns its address."""
    await page.goto(f"{office.url}/reviews")
    await expect(page.get_by_role("heading", name="No review yet")).to_be_visible()
    await is_fine(page, "reviews-empty")
    await planning.drafts(page, office)
    await planning.types_and_divides(page)
    await assuming.assumes(page)
    return await planning.proposes(page)


async def _is_decided(page: Page, office: Office, review: str) -> None:
    await page.goto(f"{office.url}/reviews")
    await expect(page.locator("caption", has_text="Decisions and how they turned out")).to_be_visible()
    await is_fine(page, "reviews")
    await page.goto(review)
    await expect(page.locator("h1 [data-state=adjust]")).to_be_visible()
