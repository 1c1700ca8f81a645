"""Generated histories of one lead, for property tests."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from hypothesis import strategies as st

from libs.common.events.crm import CrmLeadChanged, RecordClock
from services.leads.register.timeline import Assignment, Input, PersonMerge, PersonVerdict

LEAD = UUID("00000000-0000-7000-8000-00000000000a")
WINNER = UUID("00000000-0000-7000-8000-00000000000b")
OWNERS = (UUID(int=71), UUID(int=72))
START = datetime(2026, 3, 2, 9, tzinfo=UTC)


def at(minute: int) -> datetime:
    return START + timedelta(minutes=minute)


def record(minute: int, **fields: object) -> CrmLeadChanged:
    clock = {name: fields.pop(name) for name in ("sequence", "mapping_version", "digest") if name in fields}
    content = {
        "connection": "crm",
        "external_id": "L-1",
        "clock": RecordClock(crm_time=at(minute), **clock),
        "received_at": at(10_000),
        "lead_id": LEAD,
    }
    return CrmLeadChanged.model_validate(content | fields)


def verdict(minute: int, word: str, by: str = "person", reason: str = "talked to them") -> PersonVerdict:
    return PersonVerdict(lead_id=LEAD, at=at(minute), verdict=word, by=by, reason=reason)


def merge(minute: int, into: UUID | None = WINNER, by: str = "person") -> PersonMerge:
    return PersonMerge(lead_id=LEAD, at=at(minute), into=into, by=by, reason="the same company")


def assignment(minute: int, owner_id: UUID, *, routed: bool = False) -> Assignment:
    return Assignment(lead_id=LEAD, at=at(minute), owner_id=owner_id, by="person", reason="theirs", routed=routed)


_MINUTES = st.integers(0, 8)

records = st.builds(
    record,
    _MINUTES,
    sequence=st.integers(0, 1),
    mapping_version=st.integers(1, 2),
    status=st.sampled_from(["new", "working", "qualified", "disqualified", "converted"]),
    deleted=st.sampled_from([False, False, False, True]),
    merged_into=st.sampled_from([None, None, None, WINNER]),
    company=st.sampled_from(["Acme", "Birch", None]),
    amount=st.sampled_from([None, Decimal("10.00"), Decimal(10), Decimal("99.95")]),
    employees=st.sampled_from([None, 5, 500, 5000]),
    engagement_count=st.sampled_from([None, 0, 4, 12]),
    last_activity_at=st.sampled_from([None, START - timedelta(days=40), START]),
    owner_id=st.sampled_from([None, OWNERS[0], OWNERS[1]]),
    source=st.sampled_from([None, "Fair", "Web"]),
    campaign=st.sampled_from([None, "Spring"]),
    received_at=st.sampled_from([at(10_000), at(20_000)]),
)
verdicts = st.builds(
    verdict, _MINUTES, st.sampled_from(["pending", "qualified", "rejected"]), st.sampled_from(["ann", "bob"])
)
recyclings = st.builds(
    lambda minute, until: verdict(minute, "pending").model_copy(update={"recycled_until": until}),
    _MINUTES,
    st.sampled_from([date(2026, 4, 1), date(2026, 9, 1)]),
)
merges = st.builds(merge, _MINUTES, st.sampled_from([WINNER, None]), st.sampled_from(["ann", "bob"]))
assignments = st.builds(assignment, _MINUTES, st.sampled_from(OWNERS), routed=st.booleans())
histories: st.SearchStrategy[list[Input]] = st.lists(
    st.one_of(records, verdicts, recyclings, merges, assignments), min_size=1, max_size=10
)
