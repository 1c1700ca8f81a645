from hypothesis import given
from hypothesis import strategies as st

from libs.common.ids import normalise_external_id
from simulator.config import PROVIDERS, Provider
from simulator.records import ObjectType
from simulator.world.ids import external_id, index_of, salesforce_id

KINDS: tuple[ObjectType, ...] = ("deal", "lead", "account", "user")


@given(st.sampled_from(PROVIDERS), st.sampled_from(KINDS), st.integers(min_value=0, max_value=2_000_000))
def test_an_external_id_leads_back_to_its_record(provider: Provider, kind: ObjectType, index: int) -> None:
    assert index_of(provider, kind, external_id(provider, kind, index)) == index


@given(st.sampled_from(KINDS), st.integers(min_value=0, max_value=2_000_000))
def test_the_short_form_of_a_salesforce_id_names_the_same_record(kind: ObjectType, index: int) -> None:
    full = external_id("salesforce", kind, index)
    assert len(full) == 18
    assert normalise_external_id(full[:15]) == full
    assert index_of("salesforce", kind, full[:15]) == index


def test_a_salesforce_suffix_is_the_one_of_a_real_id() -> None:
    assert salesforce_id("0067F000003pmdW") == "0067F000003pmdWQAQ"


def test_an_id_of_another_kind_or_crm_is_nobodys() -> None:
    assert index_of("salesforce", "lead", external_id("salesforce", "deal", 4)) is None
    assert index_of("hubspot", "deal", "18000000012") is None
    assert index_of("pipedrive", "lead", "not-a-uuid") is None
    assert index_of("standard", "deal", "D-7") is None
