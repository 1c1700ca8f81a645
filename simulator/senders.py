"""Turns a change of a record into the exact signed HTTP request that its CRM sends.

    request = senders.deal_request(connection, deal)                            # the deal changed
    request = senders.lead_request(connection, lead, event="created")
    httpx.request(request.method, request.url, headers=request.headers, content=request.body)

Pure: the same arguments give the same bytes. `at` is the moment of sending (default: the record's `changed_at`); a receiver refuses
signatures older than about five minutes. Message and event ids come from the content, so a repeated call is the same delivery again.

HubSpot's events are thin: the receiver fetches the record back, so put it into `fakecrm.CrmState` first (`put_deal`).
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from simulator.config import Provider, SimConnection
from simulator.forms import pipedrive
from simulator.records import DealRecord, LeadRecord
from simulator.sending.change import Change, Event, Request
from simulator.sending.hubspot import hubspot_requests
from simulator.sending.pipedrive import pipedrive_request, pipedrive_requests
from simulator.sending.salesforce import salesforce_requests
from simulator.sending.standard import standard_requests
from simulator.signing import basic_authorization, sign_hubspot, sign_standard

__all__ = [
    "Change",
    "Event",
    "Request",
    "basic_authorization",
    "deal_request",
    "lead_request",
    "person_request",
    "requests",
    "sign_hubspot",
    "sign_standard",
]

_SENDERS: dict[Provider, Callable[[SimConnection, Sequence[Change], datetime, int], list[Request]]] = {
    "hubspot": hubspot_requests,
    "salesforce": salesforce_requests,
    "pipedrive": pipedrive_requests,
    "standard": standard_requests,
}


def deal_request(
    connection: SimConnection,
    deal: DealRecord,
    event: Event = "changed",
    *,
    previous: DealRecord | None = None,
    merged_into: str | None = None,
    at: datetime | None = None,
) -> Request:
    """The one request that tells of one change of a deal."""
    return requests(connection, [Change(deal, event, previous, merged_into)], at=at)[0]


def lead_request(
    connection: SimConnection,
    lead: LeadRecord,
    event: Event = "changed",
    *,
    previous: LeadRecord | None = None,
    merged_into: str | None = None,
    at: datetime | None = None,
) -> Request:
    """The one request that tells of one change of a lead (HubSpot: a contact)."""
    return requests(connection, [Change(lead, event, previous, merged_into)], at=at)[0]


def person_request(
    connection: SimConnection, lead: LeadRecord, event: Event = "changed", *, at: datetime | None = None
) -> Request:
    """Pipedrive only: the webhook of the person behind a lead, which carries name, mail and phone."""
    if connection.provider != "pipedrive":
        raise ValueError("only Pipedrive sends persons apart from leads")
    data = pipedrive.person_data(lead)
    return pipedrive_request(
        connection, Change(lead, event), at or lead.changed_at, entity="person", data=data, before=None
    )


def requests(
    connection: SimConnection, changes: Sequence[Change], *, at: datetime | None = None, attempt: int = 0
) -> list[Request]:
    """Requests for changes of one CRM: HubSpot and Salesforce put up to 100 into one, the others send one each.

    `attempt` counts the retries so far; ids stay the same, and the number of requests does not depend on it.
    """
    if not changes:
        return []
    sent = at or max(change.record.changed_at for change in changes)
    return _SENDERS[connection.provider](connection, changes, sent, attempt)
