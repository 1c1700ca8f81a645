"""A deal's timeline follows the business's rules and no order of arrival."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from libs.common.events.base import EventData
from libs.common.events.crm import CrmDealChanged
from libs.common.events.leads import LeadEvidenceHanded, LeadState
from libs.common.events.pricing import QuoteState
from libs.common.ids import provisional_deal_id
from services.deals.chronicle import Moment, corrections, with_digest
from services.deals.ledger.timeline import (
    Absorption,
    Content,
    Fold,
    GateDecision,
    Inputs,
    advance,
    fold,
    fold_provisional,
    order,
)
from tests.unit.deals.given import (
    START,
    arrivals_of,
    day,
    deal_id,
    histories,
    lead,
    lead_id,
    quote,
    record,
)

ZONE = ZoneInfo("Europe/Berlin")


def timeline(*events: Any) -> list[Moment[Content]]:
    return fold(inputs_from(events), ZONE)[0]


def inputs_from(events: Sequence[Any]) -> Inputs:
    return Inputs(
        records=[with_digest(event) for event in events if isinstance(event, CrmDealChanged)],
        leads=[event for event in events if isinstance(event, LeadState)],
        quotes=[event for event in events if isinstance(event, QuoteState)],
        decisions=[event for event in events if isinstance(event, GateDecision)],
        economic_buyer=[event.entry for event in events if isinstance(event, LeadEvidenceHanded)],
    )


def after(*events: Any) -> Content:
    return timeline(*events)[-1].content


def gone(content: Content) -> Content:
    return content


class TestCategory:
    def test_a_category_that_arrives_with_its_stage_and_equals_the_map_is_a_proposal(self) -> None:
        content = after(record(day(0), stage="Qualify"), record(day(1), stage="Negotiate"))

        assert (content.category, content.category_by_person) == ("commit", False)

    def test_a_stage_change_rederives_the_probability_and_never_touches_a_category_that_a_person_set(self) -> None:
        set_by_person = record(day(1), stage="Qualify", category="commit")
        moved = record(day(2), stage="Propose", category="best_case")
        edited = record(day(3), stage="Propose", category="best_case", amount=Decimal(5))

        content = after(record(day(0), stage="Qualify"), set_by_person, moved, edited)

        assert (content.category, content.category_by_person) == ("commit", True)
        assert content.stage_probability == Decimal("0.5")

    def test_a_persons_word_that_the_crm_leaves_alone_survives_every_later_stage(self) -> None:
        steps = [
            record(day(n), stage=stage, category="omitted")
            for n, stage in enumerate(("Qualify", "Propose", "Negotiate"))
        ]

        assert (after(*steps).category, after(*steps).category_by_person) == ("omitted", True)

    def test_a_person_may_set_the_category_back_to_what_the_map_gives(self) -> None:
        content = after(
            record(day(0), stage="Propose"),
            record(day(1), stage="Propose", category="commit"),
            record(day(2), stage="Propose", category="best_case"),
        )

        assert (content.category, content.category_by_person) == ("best_case", True)

    def test_a_blanked_category_falls_back_to_the_map(self) -> None:
        content = after(record(day(0), category="commit"), record(day(1), category=None))

        assert (content.category, content.category_by_person) == ("best_case", False)

    def test_a_persons_category_lapses_visibly_on_close_and_stays_lapsed_on_reopen(self) -> None:
        moments = timeline(
            record(day(0), stage="Propose", category="omitted"),
            record(day(1), stage="Lost", state="lost", category="omitted"),
            record(day(2), stage="Propose", category="omitted"),
        )

        assert [(m.content.category, m.content.category_by_person) for m in moments] == [
            ("omitted", True),
            (None, False),
            ("best_case", False),
        ]

    def test_a_person_who_sets_another_category_while_reopening_is_heard(self) -> None:
        content = after(
            record(day(0), stage="Propose", category="omitted"),
            record(day(1), stage="Lost", state="lost", category=None),
            record(day(2), stage="Propose", category="commit"),
        )

        assert (content.category, content.category_by_person) == ("commit", True)

    def test_a_lost_deal_has_no_category(self) -> None:
        assert after(record(day(0), state="lost", stage="Lost", category="commit")).category is None

    def test_a_new_map_moves_proposals_only(self) -> None:
        proposed = after(
            record(day(0), category="best_case"), record(day(1), category="commit", mapped_category="commit")
        )
        said = after(
            record(day(0), category="omitted"), record(day(1), category="omitted", mapped_category="commit", mapping=2)
        )

        assert (proposed.category, proposed.category_by_person) == ("commit", False)
        assert (said.category, said.category_by_person) == ("omitted", True)


class TestStateAndStage:
    def test_a_deal_at_almost_certainty_is_still_open(self) -> None:
        assert after(record(day(0), stage_probability=Decimal("0.99999"))).state == "open"

    def test_editing_a_lost_deal_keeps_it_lost(self) -> None:
        lost = record(day(1), state="lost", stage="Lost", loss_reason="price")
        edited = record(day(2), state="lost", stage="Lost", loss_reason="price", amount=Decimal(7), name="new name")
        content = after(record(day(0)), lost, edited)

        assert (content.state, content.amount, content.loss_reason) == ("lost", Decimal(7), "price")
        assert content.closed_on == day(1).date()

    def test_age_is_measured_from_the_entry_into_the_stage(self) -> None:
        content = after(
            record(day(0), stage="Qualify"), record(day(3), stage="Propose"), record(day(9), stage="Propose", name="x")
        )

        assert content.stage_entered_at == day(3)

    def test_a_late_record_of_the_stage_makes_the_deal_older_in_it(self) -> None:
        late = record(day(2), stage="Propose")

        assert after(record(day(0), stage="Qualify"), record(day(5), stage="Propose"), late).stage_entered_at == day(2)

    def test_a_win_is_booked_on_the_close_date_it_had_when_it_turned_won(self) -> None:
        won = record(day(1), state="won", stage="Won", close_date=date(2026, 3, 31))
        edited = record(day(20), state="won", stage="Won", close_date=date(2026, 4, 30))

        assert after(record(day(0)), won, edited).closed_on == date(2026, 3, 31)

    def test_a_win_without_dates_is_booked_on_the_local_day(self) -> None:
        just_after_midnight = datetime(2026, 6, 30, 22, 30, tzinfo=UTC)
        won = record(just_after_midnight, state="won", stage="Won", close_date=None)

        assert after(won).closed_on == date(2026, 7, 1)


class TestCloseDate:
    def test_pushes_count_moves_to_later_only(self) -> None:
        dates = (date(2026, 5, 1), date(2026, 6, 1), date(2026, 4, 15), date(2026, 7, 1), date(2026, 7, 1))
        steps = [record(day(n), close_date=close) for n, close in enumerate(dates)]

        assert after(*steps).pushes == 2

    def test_a_date_already_past_when_set_is_provisional_and_one_that_passes_is_not(self) -> None:
        past = after(record(day(10), close_date=day(9).date()))
        overdue = after(record(day(0), close_date=day(5).date()), record(day(10), close_date=day(5).date(), name="x"))

        assert past.close_date_provisional
        assert not overdue.close_date_provisional

    def test_a_date_set_by_a_machine_is_provisional_until_a_person_sets_one(self) -> None:
        by_machine = record(day(0), close_date_by_machine=True)

        assert after(by_machine).close_date_provisional
        assert not after(by_machine, record(day(1))).close_date_provisional


class TestGateAndQuote:
    def test_a_deal_with_a_lead_waits_until_the_lead_is_qualified(self) -> None:
        named = record(day(0), lead_id=lead_id("L"))
        moments = timeline(named, lead(2, day(3)), lead(3, day(5), verdict="pending"))

        assert [m.content.gate for m in moments] == ["waiting", "passed", "waiting"]
        assert after(record(day(0))).gate == "not_applicable"

    def test_won_is_won_whatever_the_gate(self) -> None:
        content = after(record(day(0), state="won", stage="Won", lead_id=lead_id("L")))

        assert (content.state, content.gate) == ("won", "waiting")

    def test_an_accepted_quote_decides_the_amount_until_it_is_withdrawn(self) -> None:
        offers = (quote(1, day(2), deal_id("D")), quote(2, day(4), deal_id("D"), status="withdrawn"))
        moments = timeline(record(day(0)), record(day(3), amount=Decimal(1200)), *offers)

        assert [(m.content.amount, m.content.amount_from) for m in moments] == [
            (Decimal(1000), "crm"),
            (Decimal(880), "quote"),
            (Decimal(880), "quote"),
            (Decimal(1200), "crm"),
        ]

    def test_a_verdict_that_a_later_version_took_back_never_held(self) -> None:
        mistaken = lead(2, day(3))
        corrected = lead(3, day(1), verdict="rejected")

        assert after(record(day(0), lead_id=lead_id("L")), mistaken, corrected).gate == "waiting"


class TestRemoval:
    def test_a_deleted_deal_keeps_its_fields_and_returns_when_undeleted(self) -> None:
        moments = timeline(
            record(day(0), name="A"), record(day(1), deleted=True, amount=None), record(day(2), name="A")
        )

        assert [(m.content.removed, m.content.name) for m in moments] == [(False, "A"), (True, "A"), (False, "A")]

    def test_a_merge_is_reversible(self) -> None:
        merged = record(day(1), merged_into=deal_id("M"))
        moments = timeline(record(day(0)), merged, record(day(2)))

        assert [m.content.absorbed_into for m in moments] == [None, deal_id("M"), None]
        assert [m.content.removed for m in moments] == [False, True, False]

    def test_a_tombstone_alone_is_not_a_deal(self) -> None:
        assert timeline(record(day(0), deleted=True)) == []

    def test_a_remapped_record_replaces_the_older_reading_at_its_place(self) -> None:
        first, again = record(day(0), stage="Qualify"), record(day(0), stage="Propose", mapping=2)

        assert [m.content.stage for m in timeline(again, first)] == ["Propose"]
        assert [m.content.stage for m in timeline(first, again)] == ["Propose"]


class TestProvisional:
    def test_a_qualified_lead_opens_a_deal_of_its_own(self) -> None:
        (moment,) = fold_provisional([lead(1, day(0))], [], None)

        assert moment.content.provisional
        assert (moment.content.stage, moment.content.amount, moment.content.amount_from) == (
            "Qualified",
            Decimal(700),
            "lead",
        )
        assert moment.content.close_date_provisional

    def test_the_opportunity_absorbs_it_whichever_was_there_first(self) -> None:
        for at in (-1, 1):
            moments = fold_provisional([lead(1, day(0))], [], Absorption(deal_id("D"), day(at)))

            assert (moments[-1].content.absorbed_into, moments[-1].content.removed) == (deal_id("D"), True)

    def test_a_reopened_lead_takes_its_deal_out_and_a_second_verdict_brings_it_back(self) -> None:
        states = [lead(1, day(0)), lead(2, day(1), verdict="pending"), lead(3, day(2))]
        moments = fold_provisional(states, [], None)

        assert [m.content.removed for m in moments] == [False, True, False]
        assert [m.content.stage_entered_at for m in moments][::2] == [day(0), day(2)]
        assert {m.content.created_at for m in moments} == {day(0)}

    def test_a_rejected_lead_opens_nothing(self) -> None:
        assert fold_provisional([lead(1, day(0), verdict="rejected")], [], None) == []


def reading(entries: list[tuple[Moment[Any], int]], at: datetime) -> Any:
    """What a reader sees who knows nothing but "the greatest (valid_from, version)"."""
    seen = [entry for entry in entries if entry[0].valid_from <= at]
    return max(seen, key=lambda entry: (entry[0].valid_from, entry[1]))[0].content if seen else None


@given(data=st.data())
def test_appended_corrections_make_every_reading_that_of_the_whole_fold(data: st.DataObject) -> None:
    events = [event for event in data.draw(histories()) if getattr(event, "deal_id", deal_id("D0")) == deal_id("D0")]
    if not events:
        return
    arrived: list[EventData] = []
    entries: list[tuple[Moment[Content], int]] = []
    for batch in data.draw(arrivals_of(events)):
        arrived += batch
        newest: dict[datetime, Moment[Content]] = {entry.valid_from: entry for entry, _ in entries}
        moments = timeline(*arrived)
        stored = [newest[at] for at in sorted(newest)]
        for moment in corrections(stored, moments, withdrawn=gone):
            entries.append((moment, len(entries)))

        instants = sorted({moment.valid_from for moment in moments})
        for at in instants:
            assert reading(entries, at) == next(m.content for m in reversed(moments) if m.valid_from <= at)
        assert gaps([entry for entry, _ in entries]) == gaps(moments)
        told = {moment.valid_from: moment.changed_by for moment in moments}
        assert all(entry.changed_by == told.get(at) for at, entry in {e.valid_from: e for e, _ in entries}.items())


def gaps(moments: Sequence[Moment[Any]]) -> dict[datetime, datetime]:
    """Since when a timeline was not observed, by the instants before which it was not; of one instant the last entry counts."""
    last = {moment.valid_from: moment.unobserved_since for moment in moments}
    return {at: since for at, since in last.items() if since is not None}


@given(data=st.data())
def test_no_order_and_no_repetition_of_inputs_changes_the_timeline(data: st.DataObject) -> None:
    events = data.draw(histories())
    shuffled = [event for batch in data.draw(arrivals_of(events)) for event in batch]

    assert fold(inputs_from(shuffled), ZONE) == fold(inputs_from(events), ZONE)


@given(data=st.data())
def test_continuing_a_fold_equals_folding_from_the_beginning(data: st.DataObject) -> None:
    steps = order(inputs_from(data.draw(histories())))
    instants = sorted({at_of(step) for step in steps})
    cut = data.draw(st.sampled_from(instants))
    early, late = [s for s in steps if at_of(s) <= cut], [s for s in steps if at_of(s) > cut]

    first, state = advance(Fold(), early, ZONE)
    second, continued = advance(state, late, ZONE)

    assert ([*first, *second], continued) == advance(Fold(), steps, ZONE)


def at_of(step: Any) -> datetime:
    return advance(Fold(), [step], ZONE)[1].at or START


def test_the_provisional_deal_of_a_lead_has_an_id_that_needs_no_order() -> None:
    assert provisional_deal_id(lead_id("L")) == provisional_deal_id(lead_id("L")) != provisional_deal_id(lead_id("K"))
