"""What CRMs tell of the care that a deal gets: nothing, that there is none, or what; and who made a change."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gateway.connectors.items import FullRecord
from gateway.mapping.canonical import Context
from gateway.mapping.objects import to_canonical
from gateway.mapping.schemas import Mapping
from libs.common.events.crm import CrmDealChanged
from libs.common.ids import entity_id

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
STAGE = {"stage": {"stage": "Offer", "state": "open"}}


def deal(provider: str, record: dict[str, Any], *, actor: str | None = None, **mapping: Any) -> CrmDealChanged:
    document = Mapping.model_validate({"stages": STAGE, "currency": "EUR"} | mapping)
    context = Context("c", provider, document, 1, AT, ZoneInfo("Europe/Berlin"))
    event = to_canonical(FullRecord("deal", "7", record, AT, actor=actor), context).event
    assert isinstance(event, CrmDealChanged)
    return event


def told(event: CrmDealChanged) -> tuple[str | None, bool, datetime | None, bool]:
    return event.next_step, event.next_step_known, event.last_activity_at, event.activity_known


UNTOLD = (None, False, None, False)
RECORDS: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "hubspot": (
        {"properties": {"dealstage": "stage"}},
        {"properties": {"dealstage": "stage", "hs_next_step": None, "notes_last_updated": None}},
        {"properties": {"dealstage": "stage", "hs_next_step": "call", "notes_last_updated": "2026-02-03T04:05:06Z"}},
    ),
    "salesforce": (
        {"StageName": "stage"},
        {"StageName": "stage", "NextStep": None, "LastActivityDate": None},
        {"StageName": "stage", "NextStep": "call", "LastActivityDate": "2026-02-03T04:05:06Z"},
    ),
    "pipedrive": (
        {"stage_id": "stage", "status": "open"},
        {"stage_id": "stage", "status": "open", "next_activity_subject": None, "last_activity_date": None},
        {
            "stage_id": "stage",
            "status": "open",
            "next_activity_subject": "call",
            "last_activity_date": "2026-02-03T04:05:06Z",
        },
    ),
    "standard": (
        {"stage": "stage"},
        {"stage": "stage", "next_step": "", "last_activity_at": None},
        {"stage": "stage", "next_step": "call", "last_activity_at": "2026-02-03T04:05:06Z"},
    ),
}


@pytest.mark.parametrize("provider", sorted(RECORDS))
def test_a_field_that_is_empty_is_none_and_one_that_is_not_sent_is_unknown(provider: str) -> None:
    without, empty, full = RECORDS[provider]

    assert told(deal(provider, without)) == UNTOLD
    assert told(deal(provider, empty)) == (None, True, None, True)
    assert told(deal(provider, full)) == ("call", True, datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC), True)


def test_a_crm_whose_mapping_has_no_such_field_tells_nothing_until_one_is_named() -> None:
    record = {"statecode": 0, "stepname": "stage", "ft_next": None, "ft_touched": "2026-02-03"}

    assert told(deal("dataverse", record)) == UNTOLD
    named = {"deal": {"next_step": "ft_next", "last_activity_at": "ft_touched"}}
    touched = datetime(2026, 2, 2, 23, tzinfo=UTC)
    assert told(deal("dataverse", record, fields=named)) == (None, True, touched, True), (
        "a day begins in the local zone"
    )


def test_a_planned_activity_is_a_next_step() -> None:
    record = {"properties": {"dealstage": "stage", "notes_next_activity_date": "2026-03-09T10:00:00Z"}}

    assert deal("hubspot", record).next_step == "2026-03-09T10:00:00Z"


def test_mail_addresses_and_phone_numbers_in_a_next_step_stay_behind() -> None:
    event = deal(
        "standard", {"stage": "stage", "next_step": "mail <ann.b@example.com>, ring +49 (30) 123 456-7 by 2026-03-04"}
    )

    assert event.next_step == "mail <…>, ring … by 2026-03-04"


def test_who_made_a_change_is_the_crms_user_and_in_hubspot_one_that_is_no_owner() -> None:
    stage = {"stage": "stage", "owner_id": "7"}

    assert deal("standard", stage, actor="7").changed_by == deal("standard", stage).owner_id
    assert deal("standard", stage).changed_by is None
    hubspot = deal("hubspot", {"properties": {"dealstage": "stage", "hubspot_owner_id": "7"}}, actor="7")
    assert hubspot.changed_by == entity_id("c", "actor", "7") != hubspot.owner_id
