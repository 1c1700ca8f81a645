"""Inputs of the deals service for tests: readable builders, and strategies that make hard histories of them."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from libs.common.events.base import EventData, Received
from libs.common.events.crm import CrmDealChanged, CrmUserChanged, RecordClock
from libs.common.events.leads import LeadEvidenceHanded, LeadQualified, LeadState
from libs.common.events.pricing import QuoteAccepted, QuoteState
from libs.common.ids import entity_id, new_id, provisional_deal_id
from services.deals.ledger.timeline import GateDecision

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
MAP = {"Qualify": "pipeline", "Propose": "best_case", "Negotiate": "commit"}
PROBABILITY = {"Qualify": Decimal("0.1"), "Propose": Decimal("0.5"), "Negotiate": Decimal("0.8")}


def day(number: float) -> datetime:
    """So many days after the start of the tests' time."""
    return START + timedelta(days=number)


def deal_id(name: str) -> UUID:
    return entity_id("crm", "deal", name)


def lead_id(name: str) -> UUID:
    return entity_id("crm", "lead", name)


def user_id(name: str) -> UUID:
    return entity_id("crm", "user", name)


def record(at: datetime, deal: str = "D", *, sequence: int = 0, mapping: int = 1, **fields: Any) -> CrmDealChanged:
    """A CRM record of a deal: open in Propose with its mapped category unless said otherwise."""
    stage = fields.setdefault("stage", "Propose")
    fields.setdefault("stage_probability", PROBABILITY.get(stage))
    fields.setdefault("mapped_category", MAP.get(stage))
    fields.setdefault("category", fields["mapped_category"])
    fields.setdefault("amount", Decimal("1000.00"))
    fields.setdefault("currency", "EUR")
    fields.setdefault("close_date", date(2026, 9, 30))
    return CrmDealChanged(
        connection="crm",
        external_id=deal,
        deal_id=deal_id(deal),
        clock=RecordClock(crm_time=at, sequence=sequence, mapping_version=mapping),
        received_at=START,
        **fields,
    )


def lead(version: int, at: datetime, name: str = "L", *, kind: type[LeadState] = LeadQualified, **fields: Any) -> Any:
    """A state of a lead: qualified at `at` unless said otherwise."""
    fields.setdefault("verdict", "qualified")
    fields.setdefault("verdict_at", at)
    fields.setdefault("amount", Decimal("700.00"))
    fields.setdefault("currency", "EUR")
    return kind(lead_id=lead_id(name), version=version, valid_from=at, **fields)


def quote(
    version: int, at: datetime, deal: UUID, *, name: str = "Q", status: str = "accepted", net: str = "880.00"
) -> QuoteState:
    return QuoteAccepted.model_validate(
        {
            "quote_id": entity_id("pricing", "quote", name),
            "version": version,
            "deal_id": deal,
            "status": status,
            "net_amount": Decimal(net),
            "currency": "EUR",
            "valid_from": at,
        }
    )


def decision(at: datetime, deal: str = "D", *, overrides: bool = True, name: str = "") -> GateDecision:
    """A person's word on a deal's gate."""
    return GateDecision(
        decision_id=entity_id("test", "decision", f"{deal} {at} {overrides} {name}"),
        deal_id=deal_id(deal),
        at=at,
        overrides=overrides,
        reason="the customer has called",
        actor="mgr",
    )


def handed(at: datetime, name: str = "L", *, state: str = "claimed", key: str = "") -> LeadEvidenceHanded:
    """What a lead's evidence says of its economic buyer, fresh for 120 days."""
    entry = {
        "entry_id": entity_id("test", "statement", f"{name} {at} {state} {key}"),
        "element": "meddpicc.economic_buyer",
        "state": state,
        "source": "call",
        "note": "the CFO signs",
        "author": "ann",
        "at": at,
    }
    return LeadEvidenceHanded.model_validate({"lead_id": lead_id(name), "entry": entry})


def user(at: datetime, name: str = "U", *, sequence: int = 0, mapping: int = 1, **fields: Any) -> CrmUserChanged:
    return CrmUserChanged(
        connection="crm",
        external_id=name,
        user_id=user_id(name),
        clock=RecordClock(crm_time=at, sequence=sequence, mapping_version=mapping),
        received_at=START,
        **fields,
    )


def received(data: EventData) -> Received[Any]:
    """The event as a handler gets it, with an id of its own."""
    return Received(
        data=data,
        id=new_id(),
        type=data.TYPE,
        key=new_id(),
        occurred_at=START,
        recorded_at=START,
        aggregate_version=1,
        topic=data.TOPIC.name,
        partition=0,
    )


INSTANTS = st.integers(0, 7).map(day)
DEALS = ("D0", "D1")
LEADS = ("L0", "L1")


@st.composite
def records(draw: st.DrawFn) -> CrmDealChanged:
    """Records on few instants, so that ties, re-mappings, deletes, undeletes and merges meet."""
    state = draw(st.sampled_from(("open", "open", "open", "won", "lost")))
    at, sequence = draw(INSTANTS), draw(st.integers(0, 2))
    return record(
        at,
        draw(st.sampled_from(DEALS)),
        sequence=sequence,
        unobserved_since=at - timedelta(hours=6 * sequence) if sequence else None,
        mapping=draw(st.integers(1, 2)),
        stage=draw(st.sampled_from(tuple(MAP))) if state == "open" else state.title(),
        state=state,
        category=draw(st.sampled_from((None, "pipeline", "commit", "omitted"))),
        amount=draw(st.sampled_from((None, Decimal("100.00"), Decimal("250.50")))),
        close_date=draw(st.sampled_from((None, START.date(), date(2026, 6, 30), date(2026, 9, 30)))),
        lead_id=draw(st.sampled_from((None, *map(lead_id, LEADS)))),
        next_step=draw(st.sampled_from((None, "call"))),
        next_step_known=draw(st.booleans()),
        last_activity_at=draw(st.sampled_from((None, day(-3), day(2)))),
        activity_known=draw(st.booleans()),
        changed_by=draw(st.sampled_from((None, *map(user_id, ("U0", "U1"))))),
        deleted=draw(st.sampled_from((False, False, False, True))),
        merged_into=draw(st.sampled_from((None, None, None, deal_id("M")))),
    )


@st.composite
def users(draw: st.DrawFn) -> CrmUserChanged:
    """Records of users who move between teams, leave and come back."""
    return user(
        draw(INSTANTS),
        draw(st.sampled_from(("U0", "U1"))),
        mapping=draw(st.integers(1, 2)),
        team_path=draw(st.sampled_from((None, "EMEA", "EMEA/North", "EMEA/South", "APAC/East"))),
        is_active=draw(st.booleans()),
        manager_id=draw(st.sampled_from((None, user_id("M")))),
        deleted=draw(st.sampled_from((False, False, True))),
    )


@st.composite
def lead_histories(draw: st.DrawFn) -> list[LeadState]:
    """Up to four versions of a lead; later versions may speak of earlier times and take verdicts back."""
    name = draw(st.sampled_from(LEADS))
    states = []
    for version in range(1, draw(st.integers(0, 4)) + 1):
        at = draw(INSTANTS)
        verdict = draw(st.sampled_from(("pending", "qualified", "qualified", "rejected")))
        states.append(
            lead(
                version,
                at,
                name,
                verdict=verdict,
                verdict_at=draw(st.sampled_from((None, at, draw(INSTANTS)))),
                amount=draw(st.sampled_from((None, Decimal("10.00"), Decimal("20.00")))),
                deleted=draw(st.sampled_from((False, False, False, True))),
                merged_into=draw(st.sampled_from((None, None, *map(lead_id, (*LEADS, "L2"))))),
                converted_deal_id=draw(
                    st.sampled_from((None, None, *map(deal_id, DEALS), provisional_deal_id(lead_id(name))))
                ),
            )
        )
    return states


@st.composite
def quote_histories(draw: st.DrawFn) -> list[QuoteState]:
    """Up to three versions of one quote on a deal, a provisional one included."""
    target = draw(st.sampled_from((*map(deal_id, DEALS), *(provisional_deal_id(lead_id(name)) for name in LEADS))))
    name = draw(st.sampled_from(("Q0", "Q1"))) + str(target)
    statuses = draw(st.lists(st.sampled_from(("draft", "accepted", "withdrawn")), max_size=3))
    return [
        quote(version, draw(INSTANTS), target, name=name, status=status, net=f"{version}00.00")
        for version, status in enumerate(statuses, start=1)
    ]


def decisions() -> st.SearchStrategy[GateDecision]:
    """Somebody overrides a gate, or withdraws that."""
    return st.builds(
        lambda at, deal, overrides: decision(at, deal, overrides=overrides),
        INSTANTS,
        st.sampled_from(DEALS),
        st.booleans(),
    )


def statements() -> st.SearchStrategy[LeadEvidenceHanded]:
    """Something is said of a lead's economic buyer, or taken back; of a lead that is only ever merged, too."""
    states = st.sampled_from(("claimed", "confirmed", "void"))
    return st.builds(
        lambda at, name, state: handed(at, name, state=state), INSTANTS, st.sampled_from((*LEADS, "L2")), states
    )


@st.composite
def histories(draw: st.DrawFn) -> list[Any]:
    """A set of inputs of the ledger: nothing in it twice, no two versions of one thing contradict each other."""
    crm: list[Any] = list(draw(st.lists(records(), min_size=3, max_size=10)))
    leads: dict[tuple[UUID, int], LeadState] = {}
    for states in draw(st.lists(lead_histories(), min_size=1, max_size=2)):
        leads |= {(state.lead_id, state.version): state for state in states}
    quotes: dict[tuple[UUID, int], QuoteState] = {}
    for states_of_quote in draw(st.lists(quote_histories(), max_size=2)):
        quotes |= {(state.quote_id, state.version): state for state in states_of_quote}
    gates = {found.decision_id: found for found in draw(st.lists(decisions(), max_size=3))}
    said = {found.entry.entry_id: found for found in draw(st.lists(statements(), max_size=3))}
    return [*crm, *leads.values(), *quotes.values(), *gates.values(), *said.values()]


@st.composite
def absorptions(draw: st.DrawFn) -> list[Any]:
    """One qualified lead with quotes on its provisional deal, and two opportunities that may turn out to name it."""
    name = LEADS[0]
    found: list[Any] = [lead(1, draw(INSTANTS), name)]
    if draw(st.booleans()):
        found.append(
            lead(2, draw(INSTANTS), name, converted_deal_id=draw(st.sampled_from((None, *map(deal_id, DEALS)))))
        )
    for number in range(draw(st.integers(1, 2))):
        statuses = draw(st.sampled_from((("accepted",), ("draft", "accepted"), ("accepted", "withdrawn"))))
        on = provisional_deal_id(lead_id(name))
        found += [
            quote(version, draw(INSTANTS), on, name=f"offer {number}", status=status, net=f"{number + 1}{version}0.00")
            for version, status in enumerate(statuses, start=1)
        ]
    if draw(st.booleans()):
        found.append(quote(1, draw(INSTANTS), deal_id(DEALS[0]), name="own"))
    slots = st.tuples(st.sampled_from(DEALS), INSTANTS, st.integers(1, 2))
    for deal, at, mapping in draw(st.lists(slots, min_size=2, max_size=6, unique=True)):
        named = draw(st.sampled_from((None, lead_id(name), lead_id(name))))
        found.append(
            record(at, deal, mapping=mapping, lead_id=named, deleted=draw(st.sampled_from((False,) * 5 + (True,))))
        )
    return found + draw(st.lists(decisions(), max_size=2, unique_by=lambda each: each.decision_id))


@st.composite
def buyers(draw: st.DrawFn) -> list[Any]:
    """One opportunity that names a lead, others that are merged into it or into one another, and what is said of all of them."""
    found: list[Any] = [record(day(number), "D0", lead_id=lead_id("L0")) for number in range(draw(st.integers(1, 3)))]
    for name in ("L1", "L2"):
        merges = draw(st.lists(st.sampled_from((None, lead_id("L0"), lead_id("L1"))), max_size=2))
        found += [
            lead(version, draw(INSTANTS), name, verdict="pending", deleted=into is not None, merged_into=into)
            for version, into in enumerate(merges, start=1)
        ]
    said = [handed(draw(INSTANTS), name) for name in ("L0", "L1", "L2") if draw(st.booleans())]
    said += draw(st.lists(statements(), max_size=1))
    return [*found, *{each.entry.entry_id: each for each in said}.values()]


@st.composite
def arrivals_of(draw: st.DrawFn, events: list[Any]) -> list[list[Any]]:
    """Some order of the events with some of them repeated, cut into batches."""
    repeated = draw(st.lists(st.sampled_from(events), max_size=4))
    order = draw(st.permutations([*events, *repeated]))
    batches: list[list[Any]] = [[]]
    for event in order:
        if batches[-1] and draw(st.booleans()):
            batches.append([])
        batches[-1].append(event)
    return batches
