"""Two systems that were told the same know the same, whatever the order; `state-hash` says so, and sees a cent."""

import json
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from deploy.local import books, fingerprints
from deploy.local.components import database
from deploy.local.crms import Crms
from deploy.local.stack import Stack
from deploy.local.waiting import wait_until
from libs.common import clock
from libs.common.ids import normalise_external_id
from simulator import examples, senders
from simulator.config import Provider
from simulator.sending.change import Change
from tests.e2e.conftest import own_stack

pytestmark = pytest.mark.own_system

Told = list[tuple[Provider, Change]]
STAGES = ("Discover", "Propose", "Negotiate")


def what_is_told(begun: datetime) -> Told:
    """Eight deals of three CRMs with four changes each, of which one is deleted; and two leads."""
    told: Told = []
    providers: tuple[Provider, ...] = ("standard", "salesforce", "pipedrive")
    for number in range(8):
        provider = providers[number % 3]
        external_id = {
            "standard": f"hashed-{number}",
            "salesforce": normalise_external_id(f"006{number + 5000:012d}"),
            "pipedrive": str(71000 + number),
        }[provider]
        record = examples.deal(external_id, begun, Decimal(1000 * (number + 1)), region=f"Region {number % 3}")
        told.append((provider, Change(record, "created")))
        for step, stage in enumerate(STAGES, 1):
            at = begun + timedelta(minutes=step)
            after = replace(record, changed_at=at, stage=stage, amount=record.amount + Decimal("10.01") * step)
            told.append((provider, Change(after, "changed", record)))
            record = after
    last = told[3][1].record
    told.append(
        ("standard", Change(replace(last, changed_at=begun + timedelta(minutes=9), deleted=True), "deleted", last))
    )
    for number in range(2):
        told.append(("standard", Change(examples.lead(f"hashed-lead-{number}", begun, Decimal(500)), "created")))
    return told


def tell(crms: Crms, told: Told) -> None:
    for provider, change in told:
        for request in senders.requests(crms.connection(provider), [change], at=clock.now()):
            answer = httpx.request(
                request.method, request.url, headers=request.headers, content=request.body, timeout=10, trust_env=False
            )
            assert answer.is_success, answer.text


def settled(stack: Stack, deals: int) -> bool:
    page = books.read(stack)
    return not any(page.unsettled.values()) and len(page.forecast) == deals and page.versions == page.forecast_versions


def known_after(orders: Sequence[Told], deals: int) -> dict[str, Any]:
    """What a new system knows after being told in this order; the last leaves it changed by one cent."""
    with own_stack() as stack, Crms(stack) as crms:
        for told in orders:
            tell(crms, told)
        assert wait_until(lambda: settled(stack, deals), timeout_s=60, every_s=0.5)
        found: dict[str, Any] = {}

        def unchanging() -> bool:
            """Leads are qualified and people placed a moment after the deals are known."""
            before = dict(found)
            found.update(fingerprints.of(stack))
            return before == found

        assert wait_until(unchanging, timeout_s=60, every_s=1)
        stack.postgres.sql(
            "UPDATE deal_current SET amount = amount + 0.01 WHERE deal_id = (SELECT min(deal_id::text)::uuid FROM deal_current)",
            database=database("forecast"),
        )
        return {"all": found, "by a cent": json.loads(stack.command("forecast", "state-hash"))}


def test_what_was_told_in_another_order_and_twice_gives_the_same_hash_and_a_cent_another() -> None:
    begun = clock.now().replace(microsecond=0) - timedelta(hours=1)
    told = what_is_told(begun)
    other = [*told, *told[::3]]
    random.Random(5).shuffle(other)  # noqa: S311 - an order, to be repeatable

    one, two = known_after([told], 8), known_after([other], 8)

    assert fingerprints.differing(one["all"], two["all"]) == []
    assert one["all"]["deals"]["history"]["tables"]["deal_version"]["rows"] >= 8 * 4
    assert one["all"]["gateway"]["state"]["tables"]["source_record"]["rows"] == 10

    tables, changed = one["all"]["forecast"]["state"]["tables"], one["by a cent"]["state"]["tables"]
    assert {name for name in tables if tables[name] != changed[name]} == {"deal_current"}
    assert one["all"]["forecast"]["state"]["hash"] != one["by a cent"]["state"]["hash"]
    assert one["all"]["forecast"]["history"] == one["by a cent"]["history"]
