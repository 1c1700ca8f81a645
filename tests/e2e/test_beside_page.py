"""What CRMs keep beside their deals, in a real browser: the lines and calls of a deal, and what a CRM does not let us read."""

import uuid
from decimal import Decimal

import httpx
import yaml
from playwright.async_api import Page, expect

from deploy.local.crms import Crms
from deploy.local.stack import Stack
from deploy.local.waiting import wait_until
from libs.common import clock
from libs.common.ids import entity_id
from simulator import connections, examples, senders
from simulator.config import Provider
from simulator.fakecrm.kept import LineKept
from tests.e2e.conftest import is_fine


def _reads(crms: Crms, provider: str, *what: str) -> None:
    (document,) = [each for each in connections.documents(crms.config) if each["provider"] == provider]
    document["settings"] = document["settings"] | {"reads": list(what)}
    crms.stack.command("gateway", "connection-put", "-", stdin=yaml.safe_dump([document]))


def _tells(crms: Crms, provider: Provider, number: str) -> None:
    record = examples.deal(number, clock.now().replace(microsecond=0), Decimal(1000), name=f"Bakery {number}")
    crms.state.put_deal(provider, record)
    request = senders.deal_request(crms.connection(provider), record)
    answer = httpx.request(
        request.method, request.url, headers=request.headers, content=request.body, timeout=10, trust_env=False
    )
    assert answer.is_success, answer.text


async def test_a_deal_shows_the_lines_of_its_crm_and_the_connection_what_it_may_not_read(
    stack: Stack, page: Page
) -> None:
    number = str(940_000 + uuid.uuid4().int % 50_000)
    with Crms(stack) as crms:
        _reads(crms, "pipedrive", "lines")
        _reads(crms, "hubspot", "splits")
        crms.state.beside.forbidden.add("splits")
        now = clock.now().replace(microsecond=0)
        crms.state.beside.lines["pipedrive", number] = [
            LineKept(
                line_id=f"{n}{number}",
                name=name,
                quantity=Decimal(n),
                price=Decimal(400),
                amount=Decimal(amount),
                changed_at=now,
            )
            for n, name, amount in ((1, "Deck oven", "400.00"), (2, "Spiral mixer", "500.00"))
        ]
        _tells(crms, "pipedrive", number)
        _tells(crms, "hubspot", number)
        deal = entity_id("sim-pipedrive", "deal", number)

        def has_lines() -> bool:
            found = crms.http.get(f"/api/v1/deals/{deal}/lines")
            in_forecast = crms.http.get(f"/api/v1/forecast/deals/{deal}/history").is_success
            return in_forecast and found.is_success and found.json()["source"] == "crm"

        assert wait_until(has_lines, timeout_s=60)
        await page.goto(f"{stack.url('gateway')}/deals/{deal}")
        products = page.locator("#products")
        await expect(products).to_contain_text("as the CRM has them")
        await expect(products).to_contain_text("Deck oven")
        await expect(products.locator("tr.sum").first).to_contain_text("900.00")
        await expect(products).to_contain_text("In the deal’s amount, in no line")
        await is_fine(page, "deal-lines-of-the-crm")

        row = page.locator("#connection-sim-hubspot")

        await page.goto(f"{stack.url('gateway')}/connections")
        await expect(row).to_contain_text("may not read splits", timeout=60_000)
        await is_fine(page, "connections-refused")
        await page.goto(f"{stack.url('gateway')}/connections/sim-hubspot")
        await expect(page.locator(".notice.warn")).to_contain_text("does not let this connection read splits")
        await expect(page.locator(".notice.warn")).to_contain_text("MISSING_SCOPES")
        await is_fine(page, "connection-refused")
        _reads(crms, "hubspot")
