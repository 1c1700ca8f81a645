"""What finance does in a browser, on the page of the month."""

import asyncio

from playwright.async_api import Page, expect

from libs.common.calendar import Period
from tests.e2e.conftest import is_fine


class Books:
    """A person of finance at the books of one month."""

    def __init__(self, page: Page, gateway: str, month: Period) -> None:
        self._page, self._label = page, month.label
        self._url = f"{gateway}/scorecard/{month.key}?draft=true"

    async def _opened(self, summary: str) -> None:
        await self._page.goto(self._url)
        form = self._page.locator("#finance details").filter(has_text=summary)
        if await form.get_attribute("open") is None:
            await form.locator("summary").click()

    async def bring(self, *orders: str, act: str = "Take") -> str:
        """What the page says of the file."""
        body = "\n".join(["order,deal,amount,currency,date,revision", *orders, ""]).encode()
        await self._opened("CSV file")
        await self._page.get_by_label("File", exact=True).set_input_files(
            {"name": "orders.csv", "mimeType": "text/csv", "buffer": body}
        )
        await self._page.locator("#finance").get_by_role("button", name=act, exact=True).click()
        await expect(self._page.locator("#report")).to_contain_text("Tried" if act == "Try" else "Taken")
        await is_fine(self._page, f"scorecard-finance-{act}")
        return await self._page.locator("#report").inner_text()

    async def close(self, reason: str) -> None:
        await self._change(f"Close {self._label}", "Close", reason)

    async def reopen(self, reason: str) -> None:
        await self._change(f"Open {self._label} again", "Open again", reason)

    async def _change(self, summary: str, button: str, reason: str) -> None:
        await self._opened(summary)
        form = self._page.locator("#finance details").filter(has_text=summary)
        await form.get_by_label("Reason", exact=True).fill(reason)
        await form.get_by_role("button", name=button, exact=True).last.click()
        await expect(self._page.locator("#finance [data-state]")).to_contain_text(reason)

    async def decide(self, name: str, reason: str) -> None:
        """A win that came late counts where the form proposes: in the month it is booked in."""
        row = self._page.locator("#finance tbody tr").filter(has_text=name)
        async with asyncio.timeout(60):
            while not await row.is_visible():
                await self._page.goto(self._url)
        await expect(row).to_contain_text("to decide")
        await is_fine(self._page, "scorecard-finance-late")
        await self._page.locator("#late-reason").fill(reason)
        await self._page.get_by_role("button", name="Decide", exact=True).click()
        await expect(row).to_contain_text(reason)
