"""Which campaign a CRM's lead names."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from gateway.connectors.items import FullRecord
from gateway.mapping.canonical import Context
from gateway.mapping.objects import to_canonical
from gateway.mapping.paths import properties_of
from gateway.mapping.schemas import Mapping
from libs.common.events.crm import CrmLeadChanged

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
DRILL_DOWN = {"hs_analytics_source_data_1": "one", "hs_analytics_source_data_2": "two"}


@pytest.mark.parametrize(
    ("source", "campaign"),
    [
        ("EMAIL_MARKETING", "one"),
        ("PAID_SEARCH", "one"),
        ("SOCIAL_MEDIA", "two"),
        ("ORGANIC_SEARCH", None),
        ("REFERRALS", None),
        ("OFFLINE", None),
        ("", None),
        (None, None),
    ],
)
def test_hubspots_drill_down_is_a_campaign_only_where_hubspot_keeps_one_there(
    source: str | None, campaign: str | None
) -> None:
    for drill_down, expected in ((DRILL_DOWN, campaign), (dict.fromkeys(DRILL_DOWN, ""), None), ({}, None)):
        properties = {"lifecyclestage": "lead", "hs_analytics_source": source} | drill_down
        context = Context("c", "hubspot", Mapping(), 1, AT, ZoneInfo("Europe/Berlin"))
        event = to_canonical(FullRecord("contact", "7", {"id": "7", "properties": properties}, AT), context).event
        assert isinstance(event, CrmLeadChanged)
        assert event.campaign == expected


def test_what_the_campaign_is_read_from_is_asked_of_hubspot() -> None:
    assert set(DRILL_DOWN) <= set(properties_of(Mapping(), "hubspot", "contact"))
