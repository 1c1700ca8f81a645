"""What the simulator sends is what the gateway accepts and understands: signature, parser, mapping, for every provider."""

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID
from zoneinfo import ZoneInfo

import httpx
import pytest
import yaml

from gateway.connectors.client import CrmClient
from gateway.connectors.items import FullRecord, Signal, StoredDelivery
from gateway.connectors.providers import PROVIDERS as GATEWAY_PROVIDERS
from gateway.connectors.verification import Credentials, Refused, WebhookRequest
from gateway.mapping.canonical import Context
from gateway.mapping.objects import to_canonical
from gateway.mapping.schemas import Mapping
from libs.common.events.crm import CrmDealChanged, CrmLeadChanged, CrmRecord
from libs.common.ids import entity_id
from simulator import connections, senders
from simulator.config import PROVIDERS, Provider
from simulator.fakecrm import CrmState, create_app
from simulator.records import DealRecord, LeadRecord
from simulator.senders import Request
from tests.unit.simulator.given import AT, config, connection, deal, lead


def document(provider: Provider) -> dict[str, Any]:
    return next(each for each in yaml.safe_load(connections.as_yaml(config())) if each["provider"] == provider)


def received(provider: Provider, request: Request) -> WebhookRequest:
    path = urlsplit(request.url).path.split("/")
    headers = {name.lower(): value for name, value in request.headers.items()}
    secret = path[3] if len(path) > 3 else None
    return WebhookRequest(request.method, request.url, headers, request.body, AT + timedelta(seconds=2), secret)


async def understood(provider: Provider, request: Request, state: CrmState) -> CrmRecord:
    """Through the gateway's own door: verified, parsed, fetched back if thin, mapped."""
    told, gateway = document(provider), GATEWAY_PROVIDERS[provider]
    webhook = received(provider, request)
    gateway.verify(webhook, Credentials(told["secrets"], told["settings"]))
    mapping = Mapping.model_validate(told["mapping"])
    items = gateway.parse(StoredDelivery(webhook.headers, webhook.body, webhook.received_at, told["settings"]))
    item = items[0]
    if isinstance(item, Signal):
        assert gateway.fetch is not None
        app = create_app(state, {"hubspot": "token-h", "salesforce": "token-s", "pipedrive": "token-p"})
        base = urlsplit(told["settings"]["api_base"]).path
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://crm.example") as http:
            client = CrmClient(http, api_base="http://crm.example" + base, token=told["secrets"]["api_token"])
            fetched = await gateway.fetch(client, mapping, item.object_type, [item.external_id])
        item = fetched.records[0]
    assert isinstance(item, FullRecord)
    context = Context(told["key"], provider, mapping, 1, webhook.received_at, ZoneInfo("Europe/Berlin"))
    event = to_canonical(item, context).event
    assert event is not None
    return event


def expected_deal(provider: Provider, record: DealRecord) -> dict[str, Any]:
    key = connection(provider).key
    return {
        "deal_id": entity_id(key, "deal", record.deal_id),
        "name": record.name,
        "amount": record.amount,
        "currency": record.currency,
        "close_date": record.close_date,
        "stage": record.stage,
        "state": record.state,
        "category": record.category,
        "owner_id": entity_id(key, "user", record.owner_id or ""),
        "account_id": entity_id(key, "account", record.account_id or ""),
        "lead_id": entity_id(key, "lead", record.lead_id or ""),
        "region": record.region,
        "market": record.market,
        "segment": record.segment,
        "product": record.product,
        "source": record.source,
        "deal_type": record.deal_type,
        "value_basis": record.value_basis,
        "term_months": record.term_months,
        "created_at": record.created_at,
        "closed_on": record.closed_on,
        "loss_reason": record.loss_reason,
        "next_step": record.next_step,
        "next_step_known": True,
        "last_activity_at": last_activity(provider, record),
        "activity_known": True,
        "changed_by": actor(provider, record),
    }


def last_activity(provider: Provider, record: DealRecord) -> datetime | None:
    """Salesforce knows the day alone: it is told as the first instant of that day in the organisation's time zone."""
    if provider != "salesforce" or record.last_activity_at is None:
        return record.last_activity_at
    return datetime.combine(record.last_activity_at.date(), time(), ZoneInfo("Europe/Berlin"))


def actor(provider: Provider, record: DealRecord) -> UUID | None:
    """HubSpot counts its users apart from the owners that they are."""
    key, who = connection(provider).key, record.changed_by or ""
    return entity_id(key, "actor", str(int(who) + 1)) if provider == "hubspot" else entity_id(key, "user", who)


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("end", ["open", "won", "lost"])
async def test_a_deal_reaches_the_canonical_form_unchanged(provider: Provider, end: str) -> None:
    record = deal(provider)
    closed = {"category": None, "close_date": date(2026, 3, 2), "closed_on": date(2026, 3, 2)}
    if end == "won":
        record = replace(record, stage="Won", **closed)
    elif end == "lost":
        record = replace(record, stage="Lost", loss_reason="price", **closed)
    state = CrmState()
    state.put_deal(provider, record)
    event = await understood(provider, senders.deal_request(connection(provider), record, at=AT), state)
    assert isinstance(event, CrmDealChanged)
    wanted = expected_deal(provider, record)
    assert {name: getattr(event, name) for name in wanted} == wanted
    assert event.clock.crm_time == record.changed_at
    assert event.stage_probability == {"open": Decimal("0.5"), "won": Decimal(1), "lost": Decimal(0)}[end]


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("status", ["new", "working", "qualified", "disqualified", "converted"])
async def test_a_lead_reaches_the_canonical_form_unchanged(provider: Provider, status: Any) -> None:
    record: LeadRecord = lead(provider, status=status)
    state = CrmState()
    state.put_lead(provider, record)
    event = await understood(provider, senders.lead_request(connection(provider), record, at=AT), state)
    assert isinstance(event, CrmLeadChanged)
    names = (
        "company status source region market segment product amount currency employees industry role engagement_count"
        " last_activity_at created_at"
    )
    wanted = {name: getattr(record, name) for name in names.split()}
    assert {name: getattr(event, name) for name in wanted} == wanted
    assert event.lead_id == entity_id(connection(provider).key, "lead", record.lead_id)
    assert event.owner_id == entity_id(connection(provider).key, "user", record.owner_id or "")


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_deleted_deal_is_understood_as_deleted(provider: Provider) -> None:
    record = deal(provider, deleted=True)
    state = CrmState()
    state.put_deal(provider, record)
    event = await understood(provider, senders.deal_request(connection(provider), record, "deleted", at=AT), state)
    assert event.deleted


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_request_signed_with_another_secret_is_refused(provider: Provider) -> None:
    right = connection(provider)
    wrong = replace(right, secrets=dict.fromkeys(right.secrets, "d2hzZWNfd3Jvbmc="))
    told = document(provider)
    webhook = received(provider, senders.deal_request(wrong, deal(provider), at=AT))
    with pytest.raises(Refused):
        GATEWAY_PROVIDERS[provider].verify(webhook, Credentials(told["secrets"], told["settings"]))
