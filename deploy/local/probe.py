"""Changes sent from outside, and how long each took to move the forecast as read by REST."""

import time
from collections.abc import Callable
from decimal import Decimal
from types import TracebackType
from typing import Any, ClassVar, Self

import httpx

from deploy.local.crms import Crms
from deploy.local.errors import StartFailed
from deploy.local.stack import Stack
from deploy.local.waiting import wait_until
from libs.common import clock
from libs.common.ids import entity_id, normalise_external_id
from simulator import examples, senders
from simulator.config import Provider

TIMEOUT_S = 30.0
_CRM_DEALS: dict[str, tuple[Provider, str, Decimal]] = {
    "hubspot": ("hubspot", "9100000001", Decimal("11000.00")),
    "salesforce": ("salesforce", normalise_external_id("006000000910001"), Decimal("22000.00")),
    "pipedrive": ("pipedrive", "910001", Decimal("33000.00")),
    "standard": ("standard", "smoke-1", Decimal("44000.00")),
}
_LEAD_AMOUNT = Decimal("5500.00")


class Probe:
    """Speaks to a running system as its CRMs and its users do. Every change has a region of its own, to be found by in the roll-up."""

    NAMES: ClassVar[tuple[str, ...]] = (*_CRM_DEALS, "lead_to_deal")

    def __init__(self, stack: Stack) -> None:
        self._crms = Crms(stack)
        self._http = self._crms.http

    def __enter__(self) -> Self:
        """As the CRMs are."""
        self._crms.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._crms.__exit__(kind, error, trace)

    def measure(self, name: str) -> float:
        """Milliseconds from sending to the moved roll-up. StartFailed, saying what was seen last, when it does not move in time."""
        if name == "lead_to_deal":
            return self._lead_to_deal()
        provider, external_id, amount = _CRM_DEALS[name]
        region = f"Smoke {name}"
        connection = self._crms.connection(provider)
        deal = examples.deal(external_id, clock.now(), amount, name=f"{region} deal", region=region)
        self._crms.state.put_deal(provider, deal)
        begun = time.monotonic()
        self._send(senders.deal_request(connection, deal, event="created"))
        self._await(f"{region}: {amount}", lambda: self._amount_of(region) == amount)
        return (time.monotonic() - begun) * 1000

    def _lead_to_deal(self) -> float:
        region = "Smoke lead"
        connection = self._crms.connection("standard")
        lead = examples.lead("smoke-lead-1", clock.now(), _LEAD_AMOUNT, region=region)
        lead_id = entity_id(connection.key, "lead", lead.lead_id)
        begun = time.monotonic()
        self._send(senders.lead_request(connection, lead, event="created"))
        self._await("the lead", lambda: self._http.get(f"/api/v1/leads/{lead_id}").status_code == 200)
        answer = self._http.post(f"/api/v1/leads/{lead_id}/qualify", json={"reason": "asked for a quote"})
        if not answer.is_success:
            raise StartFailed(f"Lead {lead_id} was not qualified: {answer.status_code} {answer.text[:300]}")
        self._await(f"{region}: {_LEAD_AMOUNT}", lambda: self._amount_of(region) == _LEAD_AMOUNT)
        return (time.monotonic() - begun) * 1000

    def _send(self, request: senders.Request) -> None:
        answer = httpx.request(
            request.method, request.url, headers=request.headers, content=request.body, timeout=10, trust_env=False
        )
        if not answer.is_success:
            raise StartFailed(f"{request.url} refused a signed webhook: {answer.status_code} {answer.text[:300]}")

    def _amount_of(self, region: str) -> Decimal | None:
        """What the roll-up says of a region, in its lines or, without a close date, beside them; None while it is not there."""
        answer = self._http.get("/api/v1/forecast/rollup", params={"by": "region"})
        if answer.status_code >= 500:
            return None
        if not answer.is_success:
            raise StartFailed(f"The roll-up cannot be read: {answer.status_code} {answer.text[:300]}")
        row: dict[str, Any]
        for row in answer.json()["rows"]:
            if row["key"] == region:
                return Decimal(row["total"]["amount"]) + Decimal(row["beside"]["undated"]["amount"])
        return None

    def _await(self, what: str, condition: Callable[[], bool]) -> None:
        if not wait_until(condition, timeout_s=TIMEOUT_S, every_s=0.005):
            seen = self._http.get("/api/v1/forecast/rollup", params={"by": "region"}).text[-600:]
            raise StartFailed(f"{what} did not appear within {TIMEOUT_S:.0f} s; the roll-up ends with: {seen}")
