from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.events.leads import LeadState
from libs.common.ids import new_id
from services.leads.conversion.facts import CHANNEL, Facts
from services.leads.conversion.kept import document_of, model_of
from services.leads.conversion.odds.fitting import learn_model
from services.leads.conversion.odds.model import ConversionModel, Prior
from services.leads.scoring import score
from tests.unit.leads.conversion.given import leads as made_up

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


def lead(**fields: object) -> LeadState:
    return LeadState.model_validate({"lead_id": new_id(), "version": 1, "valid_from": NOW, **fields})


states = st.builds(
    lead,
    employees=st.none() | st.integers(0, 3_000),
    industry=st.sampled_from([None, "Banking", "non_profit", "unheard of"]),
    role=st.sampled_from([None, "Vice President Sales", "VP", "intern", "Head of IT", "clerk"]),
    segment=st.sampled_from([None, "Enterprise", "SMB", "other"]),
    engagement_count=st.none() | st.integers(0, 40),
    last_activity_at=st.none() | st.integers(-5, 200).map(lambda days: NOW - timedelta(days=days)),
)


@given(st.lists(states, min_size=1, max_size=8))
def test_points_of_many_leads_are_the_sums_of_the_reasons_of_each(many: list[LeadState]) -> None:
    found = Facts.of(many, as_of=NOW).points()
    assert found.tolist() == [sum(reason.points for reason in score(each, as_of=NOW).reasons) for each in many]


def test_facts_from_a_query_are_those_of_the_leads() -> None:
    one = lead(source="web", employees=7, last_activity_at=NOW - timedelta(days=3), created_at=NOW - timedelta(days=9))
    queried = Facts.of_columns(
        {
            **{name: [getattr(one, name)] for name in ("source", "region", "market", "segment", "product")},
            "industry": [None],
            "role": [None],
            "employees": [7.0],
            "touches": [None],
            "silent_days": [3.0],
            "age_days": [9.0],
        }
    )
    of_lead = Facts.of([one], as_of=NOW).table()
    for name, values in queried.table():
        np.testing.assert_array_equal(values, dict(iter(of_lead))[name])
    assert CHANNEL in queried.words


def test_a_model_is_the_same_after_it_was_written_and_read() -> None:
    past = made_up(np.random.default_rng(31), 600)
    model = learn_model(past, channel="channel").model
    again = model_of(document_of(model))
    asked = past.table.take(slice(0, 40))
    one, two = (each.score(asked, np.arange(40.0)) for each in (model, again))
    assert one.chance.tolist() == two.chance.tolist()
    assert one.prior_share.tolist() == two.prior_share.tolist()
    assert one.names == two.names


def test_a_prior_alone_is_written_and_read() -> None:
    again = model_of(document_of(ConversionModel(Prior(rate=0.3))))
    assert (again.prior.rate, again.fitted) == (pytest.approx(0.3), None)
