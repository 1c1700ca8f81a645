"""How a value of ours is written in the words of a CRM, and that reading it back gives the same value."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.mapping import values
from gateway.mapping.canonical import Context
from gateway.mapping.schemas import Mapping, StageMapping
from gateway.mapping.writing import CannotBeWritten, Target, stages, targets, value_for
from libs.common.events.crm import OfferedStage

ZONES = st.sampled_from(["Europe/Berlin", "Pacific/Auckland", "Pacific/Pago_Pago", "Pacific/Kiritimati", "UTC"])


def context(provider: str, **mapping: Any) -> Context:
    return Context(
        connection="crm",
        provider=provider,
        mapping=Mapping(**mapping),
        mapping_version=1,
        received_at=datetime(2026, 3, 1, tzinfo=UTC),
        org_zone=ZoneInfo("Europe/Berlin"),
    )


def write(field: Any, wanted: str | None, at: Context, **more: Any) -> Any:
    told: dict[str, Any] = {"record": {}, "currency": "EUR", "owner": None} | more
    target = told.pop("target", Target(property="p"))
    return value_for(field, wanted, target, context=at, **told)


@given(day=st.dates(date(2020, 1, 1), date(2040, 1, 1)), zone=ZONES)
def test_a_close_date_is_the_same_day_when_hubspots_instant_is_read_again(day: date, zone: str):
    at = context("hubspot", timezone=zone)
    name, written = write("close_date", day.isoformat(), at)

    assert name == "p"
    assert values.local_date("close_date", written, at.zone) == day


@given(
    cents=st.integers(0, 10**12), unit=st.sampled_from(["major", "minor", "micro"]), currency=st.sampled_from(["EUR", "JPY"])
)  # fmt: skip
@example(cents=10**12, unit="micro", currency="EUR")
def test_an_amount_is_the_same_when_it_is_read_again_in_the_crms_unit(cents: int, unit: Any, currency: str):
    amount = values.amount("amount", str(Decimal(cents)), currency, "minor")
    at = context("salesforce", amounts=unit)
    _, written = write("amount", str(amount), at, currency=currency)
    read = orjson.loads(orjson.dumps({"v": written}))["v"]

    assert values.amount("amount", str(Decimal(str(read))), currency, unit) == amount


def test_a_stage_is_turned_back_within_its_own_pipeline():
    known = {
        "sales/1": StageMapping(stage="Propose"),
        "renewals/7": StageMapping(stage="Propose"),
        "8": StageMapping(stage="Propose"),
        "9": StageMapping(stage="Negotiate"),
        "won": StageMapping(stage="Won", state="won"),
    }
    at = context(
        "pipedrive", stages=known, fields={"deal": {"pipeline": "pipeline"}}, pipelines={"sales": "New business"}
    )

    assert write("stage", "Propose", at, record={"pipeline": "renewals"}) == ("p", 7)
    assert write("stage", "Negotiate", at, record={"pipeline": "renewals"}) == ("p", 9)
    assert write("stage", "Propose", at, record={"pipeline": "other"}) == ("p", 8), "a stage of every pipeline"
    with pytest.raises(CannotBeWritten, match="pipeline renewals is Won"):
        write("stage", "Won", at, record={"pipeline": "renewals"})
    assert stages("pipedrive", at.mapping) == (
        OfferedStage(pipeline="New business", stage="Propose"),
        OfferedStage(pipeline="renewals", stage="Propose"),
        OfferedStage(stage="Propose"),
        OfferedStage(stage="Negotiate"),
    )


def test_a_slash_in_a_salesforce_stage_is_part_of_its_name():
    at = context("salesforce")

    assert write("stage", "Proposal/Price Quote", at) == ("p", "Proposal/Price Quote")
    assert OfferedStage(stage="Negotiation/Review") in stages("salesforce", at.mapping)


def test_a_stage_that_two_of_the_crm_are_is_not_guessed():
    at = context("hubspot", stages={"a": StageMapping(stage="Propose"), "b": StageMapping(stage="Propose")})

    with pytest.raises(CannotBeWritten, match="Several stages of the CRM are Propose here: a, b"):
        write("stage", "Propose", at)


def test_words_and_owners_are_written_as_each_crm_calls_them():
    told = targets({"write_back": {"category": {"property": "c", "values": {"commit": "COMMIT"}}, "next_step": "n"}})
    assert write("category", "commit", context("hubspot"), target=told["category"]) == ("c", "COMMIT")
    assert write("next_step", None, context("hubspot"), target=told["next_step"]) == ("n", "")
    assert write("next_step", None, context("salesforce"), target=told["next_step"]) == ("n", None)
    assert write("owner_id", "u", context("dataverse"), owner="7", target=Target(property="ownerid")) == (
        "ownerid@odata.bind",
        "/systemusers(7)",
    )
    assert write("owner_id", "u", context("pipedrive"), owner="7") == ("p", 7)
    with pytest.raises(CannotBeWritten, match="no user of this CRM"):
        write("owner_id", "u", context("pipedrive"))
