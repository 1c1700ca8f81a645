"""One trace follows a change from the webhook through every outbox and the broker to the forecast."""

import asyncio
import secrets
from uuid import UUID

import httpx
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from deploy.local import books
from deploy.local.stack import Stack
from deploy.local.waiting import wait_until
from libs.common.ids import entity_id
from simulator import senders
from tests.e2e.crm import Crm, deal

ON_THE_WAY = ("gateway", "deals", "forecast")
"""Components whose outbox an event of this change passes, in this order."""


def spans_in(stack: Stack, component: str, trace: str) -> set[str]:
    """Ids of the spans of a trace in which events were written to a component's outbox."""

    async def read(connection: AsyncConnection) -> set[str]:
        found = await connection.scalars(
            text("SELECT attributes ->> 'traceparent' FROM outbox WHERE attributes ->> 'traceparent' LIKE :trace"),
            {"trace": f"00-{trace}-%"},
        )
        return {each.split("-")[2] for each in found}

    return asyncio.run(books.within(stack, component, read))


def deal_is_in_the_forecast(stack: Stack, deal_id: UUID) -> bool:
    return deal_id in books.read(stack).forecast


def test_one_trace_leads_from_a_webhook_through_outbox_and_broker_to_the_forecast(stack: Stack, crm: Crm) -> None:
    trace, sender = secrets.token_hex(16), secrets.token_hex(8)
    record = deal("traced-1", amount="4321.00")
    request = senders.deal_request(crm.connection, record)
    answer = httpx.request(
        request.method,
        request.url,
        headers={**request.headers, "traceparent": f"00-{trace}-{sender}-01"},
        content=request.body,
        timeout=10,
        trust_env=False,
    )
    assert answer.is_success, answer.text
    deal_id = entity_id(crm.connection.key, "deal", record.deal_id)
    assert wait_until(lambda: deal_is_in_the_forecast(stack, deal_id), timeout_s=60, every_s=0.2)

    spans = {component: spans_in(stack, component, trace) for component in ON_THE_WAY}

    assert all(spans.values()), spans
    everywhere = [span for found in spans.values() for span in found]
    assert len(set(everywhere)) == len(everywhere), "each component works in a span of its own"
    assert sender not in everywhere
