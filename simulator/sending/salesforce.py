"""Salesforce: an outbound message with up to 100 notifications of one sObject type."""

from collections.abc import Sequence
from datetime import datetime
from xml.sax.saxutils import escape

from simulator.config import SimConnection
from simulator.forms import salesforce
from simulator.sending.change import Change, Request, identifier
from simulator.world.ids import base62, salesforce_id


def salesforce_requests(
    connection: SimConnection, changes: Sequence[Change], at: datetime, attempt: int
) -> list[Request]:
    del at, attempt  # an outbound message says neither when nor how often it was sent
    return [
        _salesforce_request(connection, kind, chosen[i : i + 100])
        for kind in ("deal", "lead", "account")
        if (chosen := [change for change in changes if change.kind == kind])
        for i in range(0, len(chosen), 100)
    ]


def _salesforce_request(connection: SimConnection, kind: str, changes: Sequence[Change]) -> Request:
    """All notifications of one message are of one sObject type: an outbound message belongs to one."""
    sobject = salesforce.SOBJECTS[kind]
    organization = connection.settings.get("organization_id", "00D7F00000107XsUAI")
    notifications = "".join(_notification(connection, sobject, change) for change in changes)
    action = {"Opportunity": "04k7F0000008V3hQAE", "Lead": "04k7F0000008V3mQAE"}.get(sobject, "04k7F0000008V3rQAE")
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"'
        ' xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">\n'
        ' <soapenv:Body>\n  <notifications xmlns="http://soap.sforce.com/2005/09/outbound">\n'
        f"   <OrganizationId>{escape(organization)}</OrganizationId>\n   <ActionId>{action}</ActionId>\n"
        '   <SessionId xsi:nil="true"/>\n'
        "   <EnterpriseUrl>https://simulated.example/services/Soap/c/61.0</EnterpriseUrl>\n"
        "   <PartnerUrl>https://simulated.example/services/Soap/u/61.0</PartnerUrl>\n"
        f"{notifications}  </notifications>\n </soapenv:Body>\n</soapenv:Envelope>"
    )
    headers = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '""', "User-Agent": "Salesforce/61.0"}
    return Request("POST", connection.url, headers, body.encode())


def _notification(connection: SimConnection, sobject: str, change: Change) -> str:
    number = salesforce_id("04l" + base62(identifier(connection, change), 12))
    values = salesforce.fields_of(change.record)
    if change.merged_into:
        values |= {"MasterRecordId": change.merged_into, "IsDeleted": True}
    cells = "".join(_cell(name, value) for name, value in values.items() if value is not None)
    return (
        f"   <Notification>\n    <Id>{number}</Id>\n"
        f'    <sObject xsi:type="sf:{sobject}" xmlns:sf="urn:sobject.enterprise.soap.sforce.com">{cells}</sObject>\n'
        "   </Notification>\n"
    )


def _cell(name: str, value: salesforce.Value) -> str:
    if isinstance(value, bool):
        return f"<sf:{name}>{'true' if value else 'false'}</sf:{name}>"
    return f"<sf:{name}>{escape(str(value))}</sf:{name}>"
