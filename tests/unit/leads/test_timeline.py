from datetime import date, datetime
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from libs.common.events.leads import (
    LeadCaptured,
    LeadChanged,
    LeadQualified,
    LeadRecycled,
    LeadRejected,
    LeadRemoved,
    LeadReopened,
    LeadState,
)
from services.leads.register.timeline import (
    DealLink,
    Folded,
    Input,
    entries_to_publish,
    events_between,
    fold,
    input_key,
    timeline,
)
from tests.unit.leads.records import LEAD, OWNERS, WINNER, assignment, at, histories, merge, record, verdict


def state_of(*inputs: Input) -> LeadState:
    folded = fold(inputs)
    assert folded is not None
    return folded.state


@given(data=st.data(), history=histories)
def test_any_order_and_repetition_of_what_was_said_gives_the_same_lead(
    data: st.DataObject, history: list[Input]
) -> None:
    repeated = history + data.draw(st.lists(st.sampled_from(history), max_size=5))
    shuffled = data.draw(st.permutations(repeated))
    assert fold(shuffled) == fold(history)


@given(data=st.data(), history=histories)
def test_whoever_keeps_all_published_versions_knows_the_leads_past_as_corrected(
    data: st.DataObject, history: list[Input]
) -> None:
    published: list[LeadState] = []
    said: list[Input] = []
    for news in data.draw(st.permutations(history)):
        before = timeline(said)
        said.append(news)
        published += [entry.state for _, entry in entries_to_publish(before, timeline(said))]
    assert read_back(published) == [entry.state for entry in last_of_each_instant(timeline(history))]


def read_back(published: list[LeadState]) -> list[LeadState]:
    """What stands: a state is taken back by a later one that speaks of the same instant or an earlier one."""
    standing: list[LeadState] = []
    for state in reversed(published):
        if not standing or state.valid_from < standing[-1].valid_from:
            standing.append(state)
    return standing[::-1]


def last_of_each_instant(entries: list[Folded]) -> list[Folded]:
    return list({entry.state.valid_from: entry for entry in entries}.values())


def test_a_verdict_that_arrives_late_is_told_although_it_holds_no_longer() -> None:
    now: list[Input] = [record(1), record(3, status="working"), verdict(4, "pending")]
    told = entries_to_publish(timeline(now), timeline([*now, record(2, status="qualified")]))
    assert [(entry.state.verdict, entry.state.valid_from) for _, entry in told][:2] == [
        ("qualified", at(2)),
        ("pending", at(3)),
    ]


@given(history=histories, extra=histories)
def test_what_is_older_than_all_known_never_changes_the_facts(history: list[Input], extra: list[Input]) -> None:
    folded = fold([*history, record(50, company="Newest", status="working")])
    assert folded is not None
    assert folded.state.company == "Newest"
    later = fold([*history, *extra, record(50, company="Newest", status="working")])
    assert later is not None
    assert later.state.company == "Newest"
    assert later.state.deleted == (later.merged_into == WINNER), "only a person's merge outlives newer records"


def test_the_crms_verdict_counts_from_the_record_in_which_the_status_changed() -> None:
    state = state_of(record(1), record(2, status="qualified"), record(3, status="qualified", company="Acme"))
    assert (state.verdict, state.verdict_at, state.verdict_by) == ("qualified", at(2), "crm:crm")


def test_a_persons_rejection_survives_a_crm_record_that_merely_repeats_its_status() -> None:
    state = state_of(
        record(1, status="qualified"), verdict(2, "rejected"), record(3, status="qualified", company="Acme")
    )
    assert (state.verdict, state.verdict_by) == ("rejected", "person")


def test_a_later_change_of_the_crms_status_overrules_a_person() -> None:
    state = state_of(record(1), verdict(2, "rejected"), record(3, status="converted"))
    assert (state.verdict, state.verdict_at) == ("qualified", at(3))


def test_at_the_same_instant_a_person_overrules_the_crm() -> None:
    state = state_of(verdict(2, "rejected"), record(2, status="qualified"))
    assert state.verdict == "rejected"


def test_a_verdict_taken_back_leaves_the_lead_waiting_and_says_since_when() -> None:
    state = state_of(record(1, status="qualified"), verdict(4, "pending"))
    assert (state.verdict, state.verdict_at) == ("pending", at(4))


def test_a_deleted_lead_keeps_its_last_facts_and_comes_back_with_an_undelete() -> None:
    gone = state_of(record(1, company="Acme", status="qualified"), record(2, deleted=True))
    assert (gone.deleted, gone.company, gone.verdict) == (True, "Acme", "qualified")
    back = state_of(record(1, company="Acme"), record(2, deleted=True), record(3, company="Acme"))
    assert not back.deleted


def test_a_delete_that_arrives_after_a_newer_record_changes_nothing() -> None:
    assert not state_of(record(3, company="Acme"), record(2, deleted=True)).deleted


def test_a_merge_removes_the_lead_names_the_winner_and_can_be_undone() -> None:
    merged = fold([record(1), record(2, merged_into=WINNER)])
    assert merged is not None
    assert (merged.state.deleted, merged.merged_into) == (True, WINNER)
    undone = fold([record(1), record(2, merged_into=WINNER), record(3)])
    assert undone is not None
    assert (undone.state.deleted, undone.merged_into) == (False, None)


def test_what_a_person_merged_stays_merged_while_the_crm_goes_on_with_it() -> None:
    merged = fold([record(1, company="Acme"), merge(2), record(3, company="Birch", status="qualified")])
    assert merged is not None
    assert (merged.state.deleted, merged.state.merged_into) == (True, WINNER)
    assert (merged.state.company, merged.state.verdict) == ("Birch", "qualified"), "nothing said of it is lost"


def test_a_merge_by_a_person_taken_back_leaves_the_lead_as_if_it_had_not_been() -> None:
    history: list[Input] = [record(1, company="Acme"), verdict(2, "qualified"), record(4, amount=10)]
    undone = fold([*history, merge(3), merge(5, into=None)])
    plain = fold(history)
    assert undone is not None
    assert plain is not None
    assert undone.state.model_copy(update={"valid_from": plain.state.valid_from}) == plain.state


def test_a_merge_by_a_person_is_not_a_deletion_that_the_crm_can_undo_or_the_other_way_round() -> None:
    back = fold([record(1), merge(2), record(3, deleted=True), record(4), merge(5, into=None)])
    assert back is not None
    assert not back.state.deleted
    gone = fold([record(1), merge(2), record(3, deleted=True), merge(5, into=None)])
    assert gone is not None
    assert (gone.state.deleted, gone.state.merged_into) == (True, None)


def test_a_lead_set_aside_waits_again_from_its_day_and_a_verdict_ends_that() -> None:
    aside = verdict(2, "pending").model_copy(update={"recycled_until": date(2026, 4, 1)})
    state = state_of(record(1, status="qualified"), aside)
    assert (state.verdict, state.recycled_until) == ("pending", date(2026, 4, 1))
    assert events_between(state_of(record(1, status="qualified")), state, captured=True) == [LeadRecycled]
    assert state_of(record(1), aside, verdict(3, "qualified")).recycled_until is None


def test_a_newer_mapping_of_the_same_record_replaces_the_older_ones_verdict() -> None:
    wrong = record(2, status="qualified", mapping_version=1)
    right = record(2, status="working", mapping_version=2)
    assert state_of(record(1), wrong, right).verdict == "pending"
    assert state_of(record(1), right, wrong).verdict_at is None


def test_a_record_that_was_touched_without_a_change_is_the_same_lead() -> None:
    once = state_of(record(1, company="Acme", engagement_count=4, last_activity_at=at(0)))
    touched = state_of(
        record(1, company="Acme", engagement_count=4, last_activity_at=at(0)),
        record(60_000, company="Acme", engagement_count=4, last_activity_at=at(0)),
    )
    assert touched == once


def test_redeliveries_of_a_record_share_one_key_and_other_content_does_not() -> None:
    first = record(1, company="Acme")
    again = first.model_copy(update={"received_at": at(30_000)})
    assert input_key(first) == input_key(again)
    assert input_key(first) != input_key(record(1, company="Birch"))


def test_verdicts_alone_are_no_lead_yet() -> None:
    assert fold([verdict(1, "qualified")]) is None


def test_the_crms_own_conversion_goes_before_deals_that_name_the_lead() -> None:
    deal, other = WINNER, LEAD
    links = [DealLink(deal, at(5), True), DealLink(other, at(4), False)]
    found = fold([record(1)], links)
    assert found is not None
    assert found.state.converted_deal_id == deal
    told = fold([record(1, converted_deal_id=other)], links)
    assert told is not None
    assert told.state.converted_deal_id == other


def test_a_new_lead_is_announced_before_its_verdict() -> None:
    assert events_between(None, state_of(record(1)), captured=False) == [LeadCaptured]
    judged = state_of(record(1, status="qualified"))
    assert events_between(None, judged, captured=False) == [LeadCaptured, LeadQualified]


def test_each_kind_of_change_has_its_event() -> None:
    new = state_of(record(1))
    qualified = state_of(record(1), verdict(2, "qualified"))
    assert events_between(new, new.model_copy(update={"version": 7}), captured=True) == []
    assert events_between(new, state_of(record(1), record(2, company="Acme")), captured=True) == [LeadChanged]
    assert events_between(new, qualified, captured=True) == [LeadQualified]
    assert events_between(qualified, state_of(record(1), verdict(3, "rejected")), captured=True) == [LeadRejected]
    assert events_between(qualified, state_of(record(1), verdict(3, "pending")), captured=True) == [LeadReopened]
    assert events_between(new, state_of(record(1), record(2, deleted=True)), captured=True) == [LeadRemoved]


def test_a_verdict_that_turns_out_to_be_older_is_announced_again() -> None:
    late = state_of(record(1), record(3, status="qualified"))
    earlier = state_of(record(1), record(2, status="qualified"), record(3, status="qualified"))
    assert events_between(late, earlier, captured=True) == [LeadQualified]


def test_a_tombstone_of_an_unknown_lead_is_no_capture() -> None:
    gone = state_of(record(1, deleted=True))
    assert events_between(None, gone, captured=False) == [LeadRemoved]
    assert events_between(gone, state_of(record(1, deleted=True), record(2)), captured=False) == [LeadCaptured]


def test_a_persons_assignment_goes_before_the_rules_and_the_crm_until_the_crm_names_another() -> None:
    ann, bob = OWNERS
    carl = UUID(int=73)
    routed, by_person = assignment(2, ann, routed=True), assignment(4, bob)
    said: list[Input] = [record(1), routed]
    assert owner(said) == (ann, at(2))
    assert owner([*said, by_person]) == (bob, at(4))
    assert owner([*said, by_person, assignment(6, ann, routed=True)]) == (bob, at(4))
    assert owner([*said, by_person, record(7, company="Birch")]) == (bob, at(4))
    assert owner([*said, by_person, record(8, owner_id=carl)]) == (carl, None)
    assert owner([record(1, owner_id=carl), routed]) == (carl, None)
    assert owner([record(1, owner_id=carl), by_person, record(9, owner_id=carl)]) == (bob, at(4))


def test_the_first_touch_stays_and_the_last_is_that_before_the_qualification() -> None:
    said: list[Input] = [
        record(1, source="Fair", campaign="Spring"),
        record(2),
        record(3, source="Web"),
        record(4, source="Mail", status="qualified"),
        record(5, source="Later", status="qualified"),
    ]
    found = fold(said)
    assert found is not None
    state = found.state
    assert (state.first_source, state.first_campaign) == ("Fair", "Spring")
    assert (state.last_source, state.last_campaign) == ("Mail", None)
    assert state.source == "Later"


def owner(said: list[Input]) -> tuple[UUID | None, datetime | None]:
    found = fold(said)
    assert found is not None
    return found.state.owner_id, found.state.assigned_at
