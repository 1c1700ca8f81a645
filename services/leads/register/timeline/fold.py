"""The fold: inputs in clock order to the lead's timeline. Any order and repetition of arrival gives the same."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from libs.common.events.crm import CrmLeadChanged
from libs.common.events.leads import LeadState, Verdict
from services.leads.register.timeline.inputs import (
    Assignment,
    Input,
    PersonMerge,
    PersonVerdict,
    content_digest,
    input_key,
    time_of,
)
from services.leads.scoring import score

_CRM_VERDICTS: dict[str, Verdict] = {
    "new": "pending",
    "working": "pending",
    "qualified": "qualified",
    "converted": "qualified",
    "disqualified": "rejected",
}


@dataclass(frozen=True, slots=True)
class DealLink:
    """A deal that names this lead, as the newest entry of the deal's timeline has it."""

    deal_id: UUID
    created_at: datetime
    counts: bool
    """Not provisional, not removed, not absorbed by another deal."""


@dataclass(frozen=True, slots=True)
class Folded:
    """A lead as its inputs make it. `state.version` is 0: versions belong to whoever stores it."""

    state: LeadState
    merged_into: UUID | None
    first_at: datetime
    """Creation as the CRM tells it, else the time of the oldest input."""
    connection: str
    external_id: str


class _Judgement(NamedTuple):
    verdict: Verdict = "pending"
    at: datetime | None = None
    by: str | None = None
    reason: str | None = None
    recycled_until: date | None = None


class _Owned(NamedTuple):
    """Whom a person or the rules gave the lead to, and the owner that the CRM names."""

    given: Assignment | None = None
    crm_owner: UUID | None = None

    def by(self, step: "CrmLeadChanged | PersonMerge | Assignment") -> "_Owned":
        if isinstance(step, CrmLeadChanged):
            is_another = step.owner_id not in (None, self.crm_owner)
            return _Owned(None if is_another else self.given, step.owner_id)
        if isinstance(step, PersonMerge) or (step.routed and self != _Owned()):
            return self
        return self._replace(given=step)


class _Touched(NamedTuple):
    """The first and the last (source, campaign) that records named up to the lead's qualification."""

    first: tuple[str | None, str | None] = (None, None)
    last: tuple[str | None, str | None] = (None, None)

    def by(self, record: CrmLeadChanged) -> "_Touched":
        touch = (record.source, record.campaign)
        if touch == (None, None):
            return self
        return _Touched(self.first if self.first != (None, None) else touch, touch)


def fold(inputs: Iterable[Input], links: Iterable[DealLink] = ()) -> Folded | None:
    """The lead as it stands: the newest entry of its timeline, with the deal it became; None without any record."""
    entries = timeline(inputs)
    return standing(entries[-1], links) if entries else None


def standing(newest: Folded, links: Iterable[DealLink]) -> Folded:
    """The newest entry of a timeline with the first of the deals that name the lead, unless the CRM names one itself."""
    if newest.state.converted_deal_id is not None:
        return newest
    return replace(newest, state=newest.state.model_copy(update={"converted_deal_id": _oldest(links)}))


def timeline(inputs: Iterable[Input]) -> list[Folded]:
    """What the lead was after each input of one lead that changed it, in order of (time, kind, CRM order).

    The newest record that is neither a deletion nor a merge gives the facts; the newest record says whether the lead is
    there. A CRM's verdict counts from the record in which its status changed, so that a later record that merely
    repeats the status does not overrule a person. What a person merged stays merged until a person takes it back,
    whatever the CRM says of the record meanwhile; a CRM's own merge goes before it. A person's assignment goes before the
    owner that the CRM names until the CRM names another; the rules only give away what has no owner.
    """
    steps = _steps(inputs)
    entries: list[Folded] = []
    facts: CrmLeadChanged | None = None
    facts_at: datetime | None = None
    gone = False
    judgement = _Judgement()
    crm_verdict: Verdict = "pending"
    by_crm: UUID | None = None
    by_person: UUID | None = None
    owned = _Owned()
    touched = _Touched()
    before: object = None
    for step in steps:
        if isinstance(step, PersonVerdict):
            judgement = _Judgement(step.verdict, step.at, step.by, step.reason, step.recycled_until)
        elif not isinstance(step, CrmLeadChanged):
            by_person = step.into if isinstance(step, PersonMerge) else by_person
            owned = owned.by(step)
        else:
            gone = step.deleted or step.merged_into is not None
            by_crm = step.merged_into
            if facts is None or not gone:
                if facts is None or facts_at is None or _content(facts) != _content(step):
                    facts_at = time_of(step)
                facts = step
            owned = owned if gone else owned.by(step)
            touched = touched if gone or judgement.verdict == "qualified" else touched.by(step)
            if not gone and _CRM_VERDICTS[step.status] != crm_verdict:
                crm_verdict = _CRM_VERDICTS[step.status]
                judgement = _crm_judgement(step)
        if facts is None or facts_at is None:
            continue
        merged_into = by_crm or by_person
        content = (_content(facts), gone, merged_into, judgement, owned.given, touched)
        if content != before:
            before = content
            state = _state(
                facts,
                judgement,
                owned.given,
                touched,
                gone=gone or merged_into is not None,
                merged_into=merged_into,
                facts_at=facts_at,
                valid_from=time_of(step),
            )
            first_at = facts.created_at or time_of(steps[0])
            entries.append(Folded(state, merged_into, first_at, facts.connection, facts.external_id))
    return entries


def _steps(inputs: Iterable[Input]) -> list[Input]:
    """Inputs in clock order; of the records of one CRM instant and sequence only the newest mapping's."""
    slots: dict[tuple[datetime, int], tuple[tuple[int, str], CrmLeadChanged]] = {}
    said: dict[str, PersonVerdict | PersonMerge | Assignment] = {}
    for given in inputs:
        if not isinstance(given, CrmLeadChanged):
            said[input_key(given)] = given
            continue
        slot = (given.clock.crm_time, given.clock.sequence)
        rank = (given.clock.mapping_version, content_digest(given))
        if slot not in slots or rank > slots[slot][0]:
            slots[slot] = (rank, given)
    ordered: list[tuple[tuple[datetime, int, int, str], Input]] = [
        ((at, 0, sequence, ""), record) for (at, sequence), (_, record) in slots.items()
    ]
    ordered += [((each.at, 1, 0, key), each) for key, each in said.items()]
    return [step for _, step in sorted(ordered, key=lambda pair: pair[0])]


def _content(record: CrmLeadChanged) -> tuple[object, ...]:
    """What can change about a lead, without where and when it was said."""
    return (
        record.company,
        record.person_id,
        record.owner_id,
        record.account_id,
        record.source,
        record.campaign,
        record.region,
        record.market,
        record.segment,
        record.product,
        record.amount,
        record.currency,
        record.employees,
        record.industry,
        record.role,
        record.engagement_count,
        record.last_activity_at,
        record.converted_deal_id,
        record.created_at,
    )


def _crm_judgement(record: CrmLeadChanged) -> _Judgement:
    return _Judgement(
        _CRM_VERDICTS[record.status],
        record.clock.crm_time,
        f"crm:{record.connection}",
        f"status {record.status} in the CRM",
    )


def _state(
    facts: CrmLeadChanged,
    judgement: _Judgement,
    given: Assignment | None,
    touched: _Touched,
    *,
    gone: bool,
    merged_into: UUID | None,
    facts_at: datetime,
    valid_from: datetime,
) -> LeadState:
    scored = score(facts, as_of=facts_at)
    return LeadState(
        lead_id=facts.lead_id,
        version=0,
        valid_from=valid_from,
        company=facts.company,
        person_id=facts.person_id,
        owner_id=given.owner_id if given else facts.owner_id,
        assigned_at=given.at if given else None,
        assigned_by=given.by if given else None,
        assigned_reason=given.reason if given else None,
        account_id=facts.account_id,
        source=facts.source,
        campaign=facts.campaign,
        first_source=touched.first[0],
        first_campaign=touched.first[1],
        last_source=touched.last[0],
        last_campaign=touched.last[1],
        region=facts.region,
        market=facts.market,
        segment=facts.segment,
        product=facts.product,
        amount=facts.amount,
        currency=facts.currency,
        employees=facts.employees,
        industry=facts.industry,
        role=facts.role,
        engagement_count=facts.engagement_count,
        last_activity_at=facts.last_activity_at,
        fit=scored.fit,
        engagement=scored.engagement,
        reasons=scored.reasons,
        verdict=judgement.verdict,
        verdict_at=judgement.at,
        verdict_by=judgement.by,
        verdict_reason=judgement.reason,
        recycled_until=judgement.recycled_until,
        converted_deal_id=facts.converted_deal_id,
        deleted=gone,
        merged_into=merged_into,
        created_at=facts.created_at,
    )


def _oldest(links: Iterable[DealLink]) -> UUID | None:
    """The first deal that came of the lead; by id when two were created at once."""
    counted = [(link.created_at, link.deal_id) for link in links if link.counts]
    return min(counted)[1] if counted else None
