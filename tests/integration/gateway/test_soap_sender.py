"""A SOAP library that knows nothing of Foretell sends outbound messages and checks the acknowledgement against the contract."""

from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from zeep import Client
from zeep.wsdl.utils import etree_to_string

from libs.common import clock
from tests.integration.gateway.conftest import Gateway

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


async def test_an_independent_soap_sender_is_understood_and_understands_the_acknowledgement(gateway: Gateway) -> None:
    soap = Client(str(Path(__file__).parent / "outbound.wsdl"))
    now = clock.now().replace(microsecond=0)
    notifications = [
        {
            "Id": f"04l7F000008aeAyQA{letter}",
            "sObject": {
                "Id": f"0067F000003pmd{letter}QAQ",
                "Amount": 120000.0,
                "CloseDate": date(2026, 12, 3),
                "Name": f"Deal {letter}",
                "StageName": "Proposal/Price Quote",
                "SystemModstamp": now - timedelta(seconds=5),
            },
        }
        for letter in "AB"
    ]
    message = soap.create_message(
        soap.service,
        "notifications",
        OrganizationId="00D7F00000107XsUAI",
        ActionId="04k7F0000008V3hQAE",
        SessionId="00Dlive!token",
        EnterpriseUrl="https://e",
        PartnerUrl="https://p",
        Notification=notifications,
    )
    answer = await gateway.client.post(
        "/webhooks/sf/path-secret",
        content=etree_to_string(message),
        headers={"Content-Type": "text/xml; charset=utf-8"},
    )
    content_type = {"Content-Type": answer.headers["content-type"]}
    reply = SimpleNamespace(
        status_code=answer.status_code, content=answer.content, headers=content_type, encoding="utf-8"
    )
    binding = soap.service._binding
    assert binding.process_reply(soap, binding.get("notifications"), reply) is True

    await gateway.understand()
    assert await gateway.value("SELECT count(*) FROM outbox") == 2
    assert "00Dlive" not in await gateway.value("SELECT convert_from(body, 'UTF8') FROM delivery")
    amounts = await gateway.rows("SELECT canonical->>'amount' AS amount FROM source_record")
    assert {row["amount"] for row in amounts} == {"120000.00"}
