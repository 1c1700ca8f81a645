"""Whether a page can be used by everybody and on any screen."""

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page


async def is_fine(page: Page, width: int) -> None:
    """Fails with every violation that axe finds, and when the page is wider than the screen."""
    found = await Axe().run(page, options={"resultTypes": ["violations"]})
    assert [(one["id"], [node["target"] for node in one["nodes"]]) for one in found.response["violations"]] == []
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
