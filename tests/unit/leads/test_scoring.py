from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.leads.scoring import engagement_points, score
from tests.unit.leads.records import record

NOW = datetime(2026, 6, 1, tzinfo=UTC)
_ORDER = {"A": 3, "B": 2, "C": 1}
_industries = st.sampled_from([None, "Software", "education", "Fishing"])
_roles = st.sampled_from([None, "VP Sales", "Vice President", "Head of IT", "Buyer", "Student"])
_segments = st.sampled_from([None, "Enterprise", "SMB", "Galactic"])


@given(industry=_industries, role=_roles, segment=_segments, small=st.integers(0, 5000), more=st.integers(0, 5000))
def test_a_larger_company_never_fits_worse(
    industry: str | None, role: str | None, segment: str | None, small: int, more: int
) -> None:
    def fit(employees: int) -> int:
        facts = record(0, employees=employees, industry=industry, role=role, segment=segment)
        found = score(facts, as_of=NOW).fit
        assert found is not None
        return _ORDER[found]

    assert fit(small) <= fit(small + more)


@given(count=st.integers(0, 40), more=st.integers(0, 40), days=st.integers(0, 400), later=st.integers(0, 400))
def test_more_activity_never_scores_lower_and_time_never_scores_higher(
    count: int, more: int, days: int, later: int
) -> None:
    def level(touches: int, age: int) -> int:
        facts = record(0, engagement_count=touches, last_activity_at=NOW - timedelta(days=age))
        found = score(facts, as_of=NOW).engagement
        assert found is not None
        return found

    assert level(count, days) <= level(count + more, days)
    assert level(count, days) >= level(count, days + later)


def test_activity_halves_every_thirty_days() -> None:
    assert [engagement_points(16, days) for days in (0, 30, 60, 90)] == [16, 8, 4, 2]


def test_every_point_of_a_grade_has_its_reason() -> None:
    facts = record(
        0,
        employees=1500,
        industry="Software",
        role="Student",
        segment="Enterprise",
        engagement_count=8,
        last_activity_at=NOW - timedelta(days=120),
    )
    found = score(facts, as_of=NOW)
    points = {reason.rule: reason.points for reason in found.reasons}
    assert points == {"employees": 3, "industry": 2, "role": -3, "segment": 2, "activity": 1, "silence": -2}
    assert (found.fit, found.engagement) == ("B", 1)


def test_nothing_known_is_no_grade_rather_than_a_bad_one() -> None:
    found = score(record(0), as_of=NOW)
    assert (found.fit, found.engagement, found.reasons) == (None, None, ())
