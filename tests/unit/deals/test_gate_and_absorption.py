"""A person's word on the gate, and quotes that come with the deal that was absorbed."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from libs.common.events.crm import CrmDealChanged
from libs.common.events.pricing import QuoteState
from libs.common.ids import provisional_deal_id
from services.deals.chronicle import Moment
from services.deals.ledger.timeline import Absorbed, Content, Inputs, fold
from tests.unit.deals.given import INSTANTS, day, deal_id, decision, lead, lead_id, quote, record
from tests.unit.deals.test_timeline import timeline

ZONE = ZoneInfo("Europe/Berlin")
PROVISIONAL = provisional_deal_id(lead_id("L"))
NAMED = record(day(0), lead_id=lead_id("L"))


class TestGate:
    def test_an_override_lets_a_waiting_deal_in_and_its_withdrawal_holds_it_back_again(self) -> None:
        moments = timeline(NAMED, decision(day(2)), decision(day(4), overrides=False))

        assert [m.content.gate for m in moments] == ["waiting", "overridden", "waiting"]

    def test_a_later_qualification_makes_it_passed(self) -> None:
        moments = timeline(NAMED, decision(day(2)), lead(1, day(3)))

        assert [m.content.gate for m in moments] == ["waiting", "overridden", "passed"]

    def test_the_override_stands_when_the_verdict_is_taken_back(self) -> None:
        moments = timeline(NAMED, decision(day(2)), lead(1, day(3)), lead(2, day(4), verdict="rejected"))

        assert [m.content.gate for m in moments][-1] == "overridden"

    def test_a_deal_without_a_lead_has_no_gate_to_override(self) -> None:
        assert {m.content.gate for m in timeline(record(day(0)), decision(day(2)))} == {"not_applicable"}

    def test_the_category_stays_the_owners_word(self) -> None:
        moments = timeline(NAMED, decision(day(2)))

        assert len({(m.content.category, m.content.category_by_person) for m in moments}) == 1


def amounts(*records: CrmDealChanged, own: Sequence[QuoteState] = (), absorbed: Sequence[Absorbed] = ()) -> list[Any]:
    moments, _ = fold(Inputs(records=records, quotes=own, absorbed=absorbed), ZONE)
    return [(m.valid_from, m.content.amount, m.content.amount_from) for m in moments]


class TestAbsorbedQuotes:
    def test_a_quote_accepted_before_the_absorption_sets_the_amount_from_then_on(self) -> None:
        offer = quote(1, day(0), PROVISIONAL)

        assert amounts(record(day(1)), record(day(3), lead_id=lead_id("L")), absorbed=[Absorbed(day(3), [offer])]) == [
            (day(1), Decimal(1000), "crm"),
            (day(3), Decimal(880), "quote"),
        ]

    def test_one_accepted_afterwards_sets_it_at_its_own_time_and_its_withdrawal_gives_it_back(self) -> None:
        offers = [quote(1, day(4), PROVISIONAL), quote(2, day(6), PROVISIONAL, status="withdrawn")]

        assert [found[1:] for found in amounts(NAMED, absorbed=[Absorbed(day(0), offers)])] == [
            (Decimal(1000), "crm"),
            (Decimal(880), "quote"),
            (Decimal(1000), "crm"),
        ]

    def test_of_two_quotes_the_one_accepted_last_decides_whichever_deal_it_was_made_for(self) -> None:
        earlier = quote(1, day(1), PROVISIONAL, name="A", net="100.00")
        own = quote(1, day(2), deal_id("D"), name="B", net="200.00")
        absorbed = [Absorbed(day(3), [earlier])]

        assert amounts(record(day(0)), record(day(3)), own=[own], absorbed=absorbed)[-1][1] == Decimal(200)

    def test_a_draft_decides_nothing(self) -> None:
        draft = quote(1, day(0), PROVISIONAL, status="draft")

        assert {found[2] for found in amounts(NAMED, absorbed=[Absorbed(day(0), [draft])])} == {"crm"}


OFFERS = st.lists(st.sampled_from(("draft", "accepted", "withdrawn")), min_size=1, max_size=3)
MONEY = ("amount", "currency", "amount_from", "quote_id")


def reading(moments: Sequence[Moment[Content]], at: datetime) -> Any:
    seen = [moment for moment in moments if moment.valid_from <= at]
    return tuple(getattr(seen[-1].content, name) for name in MONEY) if seen else None


@given(st.data())
def test_absorbed_quotes_are_as_good_as_own_ones_from_the_absorption_on_and_unknown_before(data: st.DataObject) -> None:
    records = [record(at) for at in data.draw(st.lists(INSTANTS, min_size=1, max_size=3, unique=True))]
    absorbed_at = data.draw(INSTANTS)
    offers = [
        quote(version, data.draw(INSTANTS), PROVISIONAL, name=name, status=status, net=f"{version}00.00")
        for name in ("A", "B")
        for version, status in enumerate(data.draw(OFFERS), start=1)
    ]
    shuffled = data.draw(st.permutations([*offers, *offers]))

    absorbed, _ = fold(Inputs(records=records, absorbed=[Absorbed(absorbed_at, shuffled)]), ZONE)
    own, _ = fold(Inputs(records=records, quotes=offers), ZONE)
    without, _ = fold(Inputs(records=records), ZONE)

    for number in range(-1, 9):
        at = day(number)
        assert reading(absorbed, at) == reading(own if at >= absorbed_at else without, at)
