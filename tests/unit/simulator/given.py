"""Connections and records that the tests of the simulator start from."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from simulator.config import Provider, SimConfig, SimConnection, parse
from simulator.records import DealRecord, LeadRecord
from simulator.world.ids import external_id

AT = datetime(2026, 3, 2, 9, 30, 5, 250_000, tzinfo=UTC)

CONFIG: dict[str, Any] = {
    "seed": 7,
    "deals": 300,
    "now": "2026-03-02T09:00:00Z",
    "gateway": "https://foretell.example",
    "port": 8110,
    "connections": {
        "hubspot": {"key": "sim-hubspot", "client_secret": "hush", "api_token": "token-h", "portal_id": "62515"},
        "salesforce": {
            "key": "sim-salesforce",
            "path_secret": "in-the-path",
            "api_token": "token-s",
            "organization_id": "00D7F00000107XsUAI",
        },
        "pipedrive": {"key": "sim-pipedrive", "username": "user", "password": "pass", "api_token": "token-p"},
        "standard": {"key": "sim-standard", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
    },
}


def config(**changes: Any) -> SimConfig:
    return parse(CONFIG | changes)


def connection(provider: Provider) -> SimConnection:
    return config().connection(provider)


def deal(provider: Provider, **changes: Any) -> DealRecord:
    record = DealRecord(
        deal_id=external_id(provider, "deal", 41),
        changed_at=AT.replace(microsecond=0) if provider in {"salesforce", "pipedrive"} else AT,
        name="Boreal Works & Söhne <GmbH> - Insight",
        amount=Decimal("12500.00"),
        currency="EUR",
        stage="Propose",
        close_date=date(2026, 3, 31),
        category="commit",
        owner_id=external_id(provider, "user", 3),
        account_id=external_id(provider, "account", 17),
        lead_id=external_id(provider, "lead", 5),
        region="EMEA Central",
        market="Retail",
        segment="mid_market",
        product="ANA-INS",
        source="inbound",
        deal_type="new",
        value_basis="arr",
        term_months=24,
        created_at=datetime(2026, 1, 5, 8, tzinfo=UTC),
        next_step="Go through the offer",
        last_activity_at=datetime(2026, 2, 20, 14, 30, tzinfo=UTC),
        changed_by=external_id(provider, "user", 4),
    )
    return replace(record, **changes)


def lead(provider: Provider, **changes: Any) -> LeadRecord:
    record = LeadRecord(
        lead_id=external_id(provider, "lead", 5),
        changed_at=AT.replace(microsecond=0) if provider in {"salesforce", "pipedrive"} else AT,
        person_name="Clara Costa",
        email="clara@boreal.example",
        phone="+1 555 0100 0000",
        company="Boreal Works",
        status="working",
        source="inbound",
        region="EMEA Central",
        market="Retail",
        segment="mid_market",
        product="ANA-INS",
        amount=Decimal("9000.00"),
        currency="EUR",
        employees=420,
        industry="Retail",
        role="CFO",
        engagement_count=4,
        last_activity_at=AT.replace(hour=0, minute=0, second=0, microsecond=0),
        owner_id=external_id(provider, "user", 3),
        converted_deal_id=None,
        created_at=datetime(2026, 1, 5, 8, tzinfo=UTC),
    )
    return replace(record, **changes)
