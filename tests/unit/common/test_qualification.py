from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from libs.common.ids import NAMESPACE, new_id
from libs.common.qualification import ELEMENTS, GATES, Entry, Gate, Standing, lacking, readings

START = datetime(2026, 3, 2, 9, tzinfo=UTC)


def on(day: int) -> datetime:
    return START + timedelta(days=day)


def said(state: str, day: int = 0, element: str = "bant.budget", **fields: Any) -> Entry:
    content = {"entry_id": new_id(), "source": "call", "note": "told us", "author": "ann", "at": on(day)}
    return Entry.model_validate(content | {"element": element, "state": state} | fields)


def reading(*entries: Entry, day: int = 0, element: str = "bant.budget") -> Standing:
    return next(each for each in readings(entries, as_of=on(day)) if each.element == element)


entries = st.lists(
    st.builds(
        said,
        st.sampled_from(["claimed", "evidenced", "confirmed", "void"]),
        st.integers(0, 200),
        st.sampled_from(["bant.budget", "bant.need", "meddpicc.champion"]),
        entry_id=st.integers(0, 2**100).map(lambda number: UUID(int=number ^ NAMESPACE.int)),
        half_life_days=st.sampled_from([None, 1, 400]),
    ),
    max_size=8,
    unique_by=lambda entry: entry.entry_id,
)


@given(data=st.data(), known=entries, day=st.integers(0, 300))
def test_any_order_and_repetition_of_statements_reads_the_same(data: st.DataObject, known: Any, day: int) -> None:
    repeated = known + data.draw(st.lists(st.sampled_from(known), max_size=4) if known else st.just([]))
    assert readings(data.draw(st.permutations(repeated)), as_of=on(day)) == readings(known, as_of=on(day))


@given(known=entries, day=st.integers(0, 300))
def test_every_element_has_one_standing_and_strength_is_a_share(known: list[Entry], day: int) -> None:
    found = readings(known, as_of=on(day))
    assert [each.element for each in found] == [element.key for element in ELEMENTS]
    for each in found:
        assert 0 <= each.strength <= 1
        assert (each.strength == 0) == (each.state in ("unknown", "void")) or each.strength < 0.001


@given(known=entries, day=st.integers(0, 300), element=st.sampled_from([element.key for element in ELEMENTS]))
def test_a_further_fresh_statement_never_makes_a_gate_lack_more(known: list[Entry], day: int, element: Any) -> None:
    for gate in GATES.values():
        before = {lack.element for lack in lacking(gate, readings(known, as_of=on(day)))}
        more = [*known, said("confirmed", day, element)]
        assert {lack.element for lack in lacking(gate, readings(more, as_of=on(day)))} <= before


def test_what_is_confirmed_is_not_weakened_by_a_later_claim_while_it_is_fresh() -> None:
    confirmed, claimed = said("confirmed", 0), said("claimed", 10)
    assert reading(confirmed, claimed, day=20).state == "confirmed"
    assert reading(confirmed, claimed, day=95).entry == claimed, "the confirmation is too old, the claim is not"


def test_a_statement_counts_for_its_half_life_and_then_is_told_as_too_old() -> None:
    entry = said("evidenced", 0, half_life_days=30)
    assert (reading(entry, day=30).is_fresh, reading(entry, day=31).is_fresh) == (True, False)
    assert reading(entry, day=30).strength == 0.3333


def test_void_takes_back_what_was_said_before_and_nothing_after() -> None:
    assert reading(said("confirmed", 0), said("void", 5), day=6).state == "void"
    assert reading(said("confirmed", 0), said("void", 5), said("claimed", 6), day=7).state == "claimed"
    assert reading(said("confirmed", 0), said("void", 5), day=4).state == "confirmed", "not yet said then"


def test_a_gate_names_what_is_lacking_and_why() -> None:
    gate = Gate(
        name="qualified",
        requires={
            "bant.need": "evidenced",
            "bant.budget": "claimed",
            "bant.timing": "claimed",
            "bant.authority": "claimed",
        },
    )
    known = [
        said("claimed", 100, "bant.need"),
        said("confirmed", 0, "bant.budget"),
        said("claimed", 90, "bant.timing"),
        said("void", 95, "bant.timing"),
    ]
    found = lacking(gate, readings(known, as_of=on(100)))
    assert [(lack.name, lack.reason) for lack in found] == [
        ("Need", "only claimed"),
        ("Budget", "what is known is too old: confirmed on 2026-03-02"),
        ("Timing", "what was known has been taken back"),
        ("Authority", "nothing is known"),
    ]
    assert lacking(gate, readings([said("confirmed", 100, key) for key in gate.requires], as_of=on(100))) == []
