"""What a buyer's link opens and what it does not: the real gateway before the real deals service."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import text

from gateway.auth import service as accounts
from gateway.auth.dependencies import COOKIE, CSRF_HEADER
from gateway.auth.tokens import csrf_token
from gateway.pages.deals import buyer
from gateway.proxy.client import Services
from libs.common.runtime import Runtime
from tests.integration.deals.books import apply
from tests.unit.deals.given import day, deal_id, record

HTML = {"accept": "text/html"}
DEAL = str(deal_id("D0"))


@dataclass
class Desk:
    """A seller at the gateway with a plan on a deal, and somebody else who only has the address of a link."""

    seller: httpx.AsyncClient
    buyer: httpx.AsyncClient
    gateway: Runtime
    plan: dict[str, Any]

    def task(self, side: str, number: int = 0) -> str:
        return str([task for task in self.plan["tasks"] if task["side"] == side][number]["task_id"])

    async def link(self, **more: Any) -> tuple[str, str]:
        answer = await self.seller.post("/api/v1/buyer-links", json={"deal_id": DEAL, **more})
        assert answer.status_code == 201, answer.text
        return answer.json()["link"]["link_id"], answer.json()["url"].rpartition("/shared-plan")[2]

    async def audited(self) -> list[tuple[str, str]]:
        async with self.gateway.database.reading() as session:
            rows = await session.execute(
                text(
                    """SELECT action, coalesce(detail ->> 'because', '') AS because, detail::text || object || actor AS all
                    FROM audit_entry WHERE action LIKE 'buyer_link.%' ORDER BY entry_id"""
                )
            )
            return [(row.action.removeprefix("buyer_link."), row.because) for row in rows]


@pytest_asyncio.fixture
async def desk(
    api_for: Callable[[str], tuple[httpx.AsyncClient, Runtime]], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Desk]:
    for limit in ("_by_address", "_by_link"):
        monkeypatch.setattr(buyer, limit, buyer.AttemptLimit(attempts=40, window_s=300))
    deals, deals_runtime = api_for("deals")
    seller, gateway = api_for("gateway")
    async with deals_runtime.database.transaction() as session:
        await apply(session, [record(day(1), "D0", name="Secret project", amount="98765.00")])
    services = gateway.state["services"] = Services(gateway.settings, transport=deals._transport)
    async with gateway.database.transaction() as session:
        token = await accounts.create_link(session, "ann@example.com", role="seller")
    await seller.post(f"/sign-in/{token}")
    seller.headers[CSRF_HEADER] = csrf_token(seller.cookies[COOKIE])
    begun = await seller.post(f"/api/v1/deals/{DEAL}/close-plan", json={"template": "mutual", "title": "Together"})
    assert begun.status_code == 201, begun.text
    async with httpx.AsyncClient(transport=seller._transport, base_url="http://testserver", headers=HTML) as other:
        yield Desk(seller, other, gateway, begun.json())
    await services.aclose()


def form(path: str, **more: str) -> dict[str, str]:
    """What the page of a link sends with a tick."""
    return {"csrf": csrf_token(path.removeprefix("/")), "done": "yes", **more}


async def test_a_link_shows_the_plan_and_nothing_of_the_deal(desk: Desk) -> None:
    _, path = await desk.link()
    answer = await desk.buyer.get(f"/shared-plan{path}")
    assert answer.status_code == 200
    assert len(path) > 40, "256 random bits"
    assert "Together" in answer.text
    assert "Contract review" in answer.text
    others = ("Secret project", "98765", "98,765", DEAL, desk.plan["plan_id"], "ann@example.com", "EUR", "2026-09-30")
    assert [each for each in others if each in answer.text] == []
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-robots-tag"] == "noindex, nofollow"
    assert answer.headers["cache-control"] == "no-store"
    assert COOKIE not in desk.buyer.cookies
    async with desk.gateway.database.reading() as session:
        kept = await session.scalar(text("SELECT string_agg(l::text, '') FROM buyer_link l"))
    assert path.removeprefix("/") not in kept, "only a fingerprint is kept"


async def test_the_buyer_ticks_their_own_tasks_only_by_the_form_of_the_page(desk: Desk) -> None:
    _, path = await desk.link()
    own, theirs = desk.task("buyer"), desk.task("seller")
    url = f"/shared-plan{path}/tasks"
    for data, status in (({"done": "yes"}, 403), (form("/of another link"), 403), (form(path), 303), (form(path), 303)):
        assert (await desk.buyer.post(f"{url}/{own}", data=data)).status_code == status
    assert (await desk.buyer.post(f"{url}/{theirs}", data=form(path))).status_code == 403
    foreign = await desk.buyer.post(f"{url}/{own}", data=form(path), headers={"sec-fetch-site": "cross-site"})
    assert foreign.status_code == 403
    plan = (await desk.seller.get(f"/api/v1/deals/{DEAL}/close-plan")).json()
    assert [task["task_id"] for task in plan["tasks"] if task["done_on"]] == [own]
    history = (await desk.seller.get(f"/api/v1/deals/{DEAL}/close-plan/history")).json()["entries"]
    assert history[-1]["actor"].startswith("buyer_link:")
    assert [why for what, why in await desk.audited() if what == "refused"] == [
        "other_form", "other_form", "urn:foretell:problem:not-your-task"
    ]  # fmt: skip


async def test_unknown_expired_revoked_and_tampered_links_are_answered_alike_and_audited(desk: Desk) -> None:
    (revoked, first), (_, expired), (_, good) = await desk.link(), await desk.link(), await desk.link()
    for _ in range(2):
        answer = await desk.seller.delete(f"/api/v1/buyer-links/{revoked}")
        assert (answer.status_code, answer.json()["state"]) == (200, "revoked")
    async with desk.gateway.database.transaction() as session:
        await session.execute(
            text("UPDATE buyer_link SET expires_at = created_at + :life WHERE link_id = (SELECT link_id FROM buyer_link WHERE revoked_at IS NULL ORDER BY created_at LIMIT 1)"),
            {"life": timedelta(microseconds=1)},
        )  # fmt: skip
    tampered = good[:-1] + ("A" if good[-1] != "A" else "B")
    shown = set()
    for path in (first, expired, tampered, "/guess"):
        answer = await desk.buyer.get(f"/shared-plan{path}")
        headers = {name: each for name, each in answer.headers.items() if name not in ("date", "x-request-id")}
        shown.add((answer.status_code, answer.text, str(headers)))
        ticked = await desk.buyer.post(f"/shared-plan{path}/tasks/{desk.task('buyer')}", data=form(path))
        assert (ticked.status_code, ticked.text) == (answer.status_code, answer.text)
    assert len(shown) == 1
    assert next(iter(shown))[0] == 404
    refused = [why for what, why in await desk.audited() if what == "refused"]
    assert refused == ["revoked"] * 2 + ["expired"] * 2 + ["unknown"] * 4
    assert [what for what, _ in await desk.audited()].count("revoked") == 1
    assert (await desk.buyer.get(f"/shared-plan{good}")).status_code == 200
    links = (await desk.seller.get("/api/v1/buyer-links", params={"deal_id": DEAL})).json()["items"]
    assert sorted((each["state"], each["visits"]) for each in links) == [("expired", 0), ("open", 1), ("revoked", 0)]
    async with desk.gateway.database.reading() as session:
        trail = await session.scalar(text("SELECT string_agg(detail::text || object || actor, '') FROM audit_entry"))
    assert all(path.removeprefix("/") not in trail for path in (first, expired, good)), "no token in the audit trail"


async def test_guessing_is_slowed_down_and_links_are_made_by_those_who_see_the_deal(desk: Desk) -> None:
    _, path = await desk.link()
    codes = [(await desk.buyer.get(f"/shared-plan/guess{number}")).status_code for number in range(42)]
    assert codes == [404] * 40 + [429] * 2
    assert (await desk.buyer.get(f"/shared-plan{path}")).status_code == 429
    assert len([what for what, _ in await desk.audited() if what == "refused"]) == 40
    body = {"deal_id": str(deal_id("other"))}
    assert (await desk.seller.post("/api/v1/buyer-links", json=body, headers={"accept": "*/*"})).status_code == 404
    async with desk.gateway.database.transaction() as session:
        key = await accounts.create_key(session, "looks", role="viewer")
    headers = {"authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(transport=desk.seller._transport, base_url="http://testserver") as viewer:
        asked = await viewer.post("/api/v1/buyer-links", json={"deal_id": DEAL}, headers=headers)
        shared = await viewer.get(f"/api/v1/close-plans/{desk.plan['plan_id']}/shared", headers=headers)
    assert (asked.status_code, shared.status_code) == (403, 404)
