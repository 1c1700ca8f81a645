"""How a CRM's words about a deal are understood."""

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gateway.connectors.items import FullRecord
from gateway.mapping.canonical import Context, without_person_data
from gateway.mapping.objects import to_canonical
from gateway.mapping.paths import properties_of
from gateway.mapping.schemas import Mapping
from gateway.mapping.values import MappingError
from libs.common.events.crm import CrmDealChanged

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def _context(provider: str, **mapping: Any) -> Context:
    return Context("c", provider, Mapping.model_validate(mapping), 1, AT, ZoneInfo("Europe/Berlin"))


def _deal(provider: str, record: dict[str, Any], *, deleted: bool = False, **mapping: Any) -> CrmDealChanged:
    mapped = to_canonical(FullRecord("deal", "7", record, AT, deleted=deleted), _context(provider, **mapping))
    assert isinstance(mapped.event, CrmDealChanged)
    return mapped.event


def _hubspot(**properties: Any) -> dict[str, Any]:
    return {
        "id": "7",
        "properties": {"dealstage": "contractsent", "amount": "100", "deal_currency_code": "EUR"} | properties,
    }


def test_an_empty_amount_is_unknown_and_not_zero() -> None:
    assert _deal("hubspot", _hubspot(amount="")).amount is None
    assert str(_deal("hubspot", _hubspot(amount="0")).amount) == "0.00"


def test_an_amount_has_its_currencys_decimals() -> None:
    assert str(_deal("hubspot", _hubspot(amount="100.4", deal_currency_code="JPY")).amount) == "100"
    assert str(_deal("hubspot", _hubspot(amount="100.4567", deal_currency_code="KWD")).amount) == "100.457"


def test_a_close_date_given_as_an_instant_is_the_business_date_there() -> None:
    assert _deal("hubspot", _hubspot(closedate="2026-03-31T22:30:00Z")).close_date == date(2026, 4, 1)
    assert _deal("hubspot", _hubspot(closedate="1774996200000")).close_date == date(2026, 4, 1)
    assert _deal("hubspot", _hubspot(closedate="2026-03-31T22:30:00Z"), timezone="UTC").close_date == date(2026, 3, 31)


def test_a_person_who_set_a_category_is_told_from_the_stages_own() -> None:
    own = _deal("hubspot", _hubspot())
    assert (own.category, own.mapped_category) == ("commit", "commit")
    person = _deal("hubspot", _hubspot(hs_manual_forecast_category="BEST_CASE"))
    assert (person.category, person.mapped_category) == ("best_case", "commit")


def test_a_salesforce_deal_is_open_at_any_probability_until_it_is_closed() -> None:
    record = {"StageName": "Negotiation/Review", "IsClosed": "false", "IsWon": "false", "Probability": "99.999"}
    stages = {"Negotiation/Review": {"stage": "Negotiate"}}
    assert _deal("salesforce", record, stages=stages, currency="EUR").state == "open"
    assert str(_deal("salesforce", record, stages=stages, currency="EUR").stage_probability) == "0.99999"


def test_closed_deals_have_a_state_and_no_category() -> None:
    won = _deal("salesforce", {"StageName": "Closed Won", "ForecastCategory": "Closed", "CloseDate": "2026-02-27"})
    assert (won.state, won.category, won.closed_on, str(won.stage_probability)) == ("won", None, date(2026, 2, 27), "1")
    lost = _deal(
        "pipedrive", {"stage_id": 3, "status": "lost", "lost_reason": "Price"}, stages={"3": {"stage": "Offer"}}
    )
    assert (lost.state, lost.category, lost.stage, lost.loss_reason) == ("lost", None, "Offer", "Price")
    assert str(lost.stage_probability) == "0"


@pytest.mark.parametrize(
    ("record", "field"),
    [
        (_hubspot(dealstage="mystery"), "stage"),
        (_hubspot(dealstage=None), "stage"),
        (_hubspot(amount="a lot"), "amount"),
        (_hubspot(amount="NaN"), "amount"),
        (_hubspot(deal_currency_code="XXY"), "currency"),
        (_hubspot(closedate="soon"), "close_date"),
        (_hubspot(hs_manual_forecast_category="maybe"), "category"),
        (_hubspot(deal_currency_code=None), "currency"),
    ],
)
def test_what_cannot_be_understood_names_the_field_and_what_to_do(record: dict[str, Any], field: str) -> None:
    with pytest.raises(MappingError) as raised:
        _deal("hubspot", record)
    assert raised.value.field == field
    assert raised.value.advice


def test_a_deleted_deal_need_not_be_understood_to_be_gone() -> None:
    assert _deal("hubspot", _hubspot(dealstage="mystery"), deleted=True).deleted


def test_a_type_that_nobody_explained_is_unmapped_and_visible() -> None:
    record = {"deal_id": "7", "stage": "A", "deal_type": "Upsell!"}
    stages = {"A": {"stage": "A"}}
    assert _deal("standard", record, stages=stages).deal_type == "unmapped"
    assert _deal("standard", record, stages=stages, deal_types={"Upsell!": "expansion"}).deal_type == "expansion"


def test_two_pipelines_may_use_one_stage_id() -> None:
    stages = {"a": {"stage": "Trial"}, "2/a": {"stage": "Renew"}}
    assert _deal("standard", {"stage": "a", "pipeline": "1"}, stages=stages).stage == "Trial"
    assert _deal("standard", {"stage": "a", "pipeline": "2"}, stages=stages).stage == "Renew"


def test_the_same_content_has_the_same_digest_and_other_content_another() -> None:
    context = _context("hubspot")
    first, same, other = (
        to_canonical(FullRecord("deal", "7", _hubspot(amount=amount), AT), context).clock.digest
        for amount in ("100", "100.00", "101")
    )
    assert first == same != other


def test_a_fetch_asks_for_every_property_that_the_mapping_reads() -> None:
    mapping = Mapping.model_validate({"fields": {"deal": {"region": 'properties.ft_region || properties."ft land"'}}})
    asked = properties_of(mapping, "hubspot", "deal")
    assert {"dealname", "amount", "dealstage", "ft_region", "ft land"} <= set(asked)
    custom = Mapping.model_validate({"fields": {"deal": {"region": "Region__c"}}})
    assert {"Amount", "StageName", "Region__c"} <= set(properties_of(custom, "salesforce", "deal"))
    assert {"email", "hs_lead_status", "lifecyclestage"} <= set(properties_of(Mapping(), "hubspot", "contact"))


def test_a_contact_that_is_no_lead_makes_no_event() -> None:
    record = {"id": "1", "properties": {"firstname": "Ada", "lifecyclestage": "customer"}}
    mapped = to_canonical(FullRecord("contact", "1", record, AT), _context("hubspot"))
    assert mapped.event is None
    assert mapped.person is not None
    assert mapped.person.name == "Ada"


def test_what_is_kept_of_a_person_is_what_a_lead_is_mapped_from() -> None:
    record = {"id": "1", "properties": {"firstname": "Ada", "mobilephone": "1", "hs_lead_status": "NEW", "diary": "x"}}
    kept = without_person_data(_context("hubspot"), FullRecord("contact", "1", record, AT))
    assert kept == {"id": "1", "properties": {"hs_lead_status": "NEW"}}


def test_a_mapping_with_a_broken_expression_is_refused() -> None:
    with pytest.raises(ValueError, match="JMESPath"):
        Mapping.model_validate({"fields": {"deal": {"name": "properties.["}}})
