"""Timelines of deals as states, and as columns."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

import numpy as np
from hypothesis import strategies as st

from libs.common.calendar import FiscalCalendar
from libs.common.events.deals import DealChanged, DealState
from services.forecast.history.columns import (
    ARRAYS,
    DAYS,
    NO_AMOUNT,
    NO_DAY,
    NO_TIME,
    TIMES,
    WORDS,
    Columns,
    day_number,
    empty,
    merged,
    micros,
    type_of,
)
from services.forecast.periods.counting import Books, Decision, States
from services.forecast.periods.states import Change, stretches
from services.forecast.rates.conversion import Rates, YearRates

AT = datetime(2026, 11, 2, tzinfo=UTC)
AT_FIRST = datetime(1970, 1, 1, tzinfo=UTC)
RATES = Rates(
    "EUR",
    {"EUR": Decimal(1), "USD": Decimal(1) / Decimal("1.0837"), "JPY": Decimal("0.0061"), "KWD": Decimal("3.01")},
    (YearRates(date(2026, 1, 1), date(2027, 1, 1), {"USD": Decimal("0.905")}),),
)

CALENDAR = FiscalCalendar()

Recorded = tuple[DealState, datetime]
"""An entry of a timeline and when it was recorded."""

CHANGES = st.fixed_dictionaries(
    {
        "state": st.sampled_from(["open", "open", "won", "lost"]),
        "category": st.sampled_from([None, "pipeline", "best_case", "most_likely", "commit", "omitted"]),
        "gate": st.sampled_from(["not_applicable", "waiting", "passed", "overridden"]),
        "amount": st.none() | st.decimals(Decimal(-5), Decimal(10**9), places=3),
        "currency": st.sampled_from([None, "EUR", "USD", "JPY", "KWD", "XAU"]),
        "stage_probability": st.none() | st.decimals(0, 1, places=4),
        "close_date": st.none() | st.dates(date(2026, 8, 15), date(2027, 2, 15)),
        "closed_on": st.none() | st.dates(date(2026, 8, 15), date(2026, 12, 31)),
        "close_date_provisional": st.booleans(),
        "owner_id": st.sampled_from([None, UUID(int=101), UUID(int=102), UUID(int=103)]),
        "region": st.sampled_from([None, "EMEA", "APAC"]),
        "deal_type": st.sampled_from(["new", "renewal"]),
        "removed": st.sampled_from([False, False, False, True]),
        "absorbed_into": st.sampled_from([None, None, None, UUID(int=9)]),
    }
)


@st.composite
def timelines(draw: st.DrawFn, *, deals: int = 4, versions: int = 5) -> list[Recorded]:
    """Entries of some deals. Valid times and recording times go their own ways, as corrections make them."""
    found: list[Recorded] = []
    for number in range(1, draw(st.integers(1, deals)) + 1):
        recorded = AT
        for version in range(1, draw(st.integers(1, versions)) + 1):
            recorded += timedelta(hours=draw(st.integers(0, 40)))
            valid = AT + timedelta(hours=draw(st.integers(0, 120)))
            found.append((state(number, version, valid_from=valid, **draw(CHANGES)), recorded))
    return found


WON, LOST = {"state": "won", "category": None}, {"state": "lost", "category": None, "closed_on": date(2026, 11, 4)}
EVENTS: list[dict[str, Any]] = [
    *({"amount": Decimal(amount)} for amount in ("70.01", "250", "99.995")),
    *(
        {"close_date": day}
        for day in (date(2026, 11, 20), date(2026, 12, 9), date(2027, 1, 20), date(2026, 9, 1), None)
    ),
    *({"category": category} for category in ("omitted", "best_case")),
    *({"gate": gate} for gate in ("waiting", "passed")),
    *(WON | {"closed_on": day} for day in (date(2026, 11, 3), date(2026, 11, 5), date(2027, 1, 3))),
    LOST,
    {"state": "open", "category": "commit", "closed_on": None},
    {"removed": True},
    {"removed": False},
    *({"owner_id": UUID(int=owner)} for owner in (101, 102, 103)),
    *({"region": region} for region in ("EMEA", "APAC", None)),
    {"currency": "USD"},
]
"""What happens to a deal, one thing at a time."""


def lives(chance: Random, *, deals: int = 5, events: int = 6) -> list[Recorded]:
    """Deals to which one thing happens after the other, some of it told late and in the past."""
    found: list[Recorded] = []
    for number in range(1, chance.randint(1, deals) + 1):
        at = AT + timedelta(hours=chance.randint(-60, 40))
        fields: dict[str, Any] = {"owner_id": UUID(int=101), "region": "EMEA"}
        for version in range(1, chance.randint(1, events) + 1):
            told = at + timedelta(hours=chance.choice([0, 0, 0, 30]))
            found.append((state(number, version, valid_from=at, **fields), told))
            at += timedelta(hours=chance.choice([1, 20, 50, 0, -5]))
            fields = fields | chance.choice(EVENTS)
    return found


def booked_of(entry: Recorded) -> date | None:
    deal = entry[0]
    is_won = deal.state == "won" and not deal.removed and deal.absorbed_into is None
    return (deal.closed_on or deal.close_date) if is_won else None


def closing(entries: Sequence[Recorded]) -> tuple[date, datetime] | None:
    """On which day a deal of these entries is booked at the end, and when that became known; None if it is not won."""
    ordered = sorted(entries, key=lambda each: (each[0].valid_from, each[0].version))
    held = {each[0].valid_from: each for each in ordered}
    booked = booked_of(ordered[-1])
    if booked is None:
        return None
    otherwise = [at for at, each in held.items() if booked_of(each) != booked]
    since = max(otherwise, default=datetime.min.replace(tzinfo=AT.tzinfo))
    known = min(at for deal, at in ordered if booked_of((deal, at)) == booked and deal.valid_from > since)
    return booked, known


def seen(entries: Sequence[Recorded], deal: UUID, as_of: datetime, known_at: datetime) -> list[Recorded]:
    return [(each, at) for each, at in entries if each.deal_id == deal and each.valid_from <= as_of and at <= known_at]


def books_of(chance: Random, entries: Sequence[Recorded], as_of: datetime, known_at: datetime) -> Books:
    """Some closings and reopenings of months, and decisions about closings as they are known, and as they never were."""
    ledger = []
    for _ in range(chance.randint(0, 4)):
        month = CALENDAR.parse(chance.choice(["2026-09", "2026-10", "2026-11", "2026-12", "2027-01"]))
        at = AT + timedelta(hours=chance.randint(-30, 120), seconds=1)
        ledger.append(
            Change(month.key, month.start, month.end, chance.choice(["closed", "closed", "reopened"]), at, "fin", "r")
        )
    decisions = {}
    for deal in sorted({each.deal_id for each, _ in entries}):
        found = closing(own) if (own := seen(entries, deal, as_of, known_at)) else None
        if found and chance.random() < 0.7:
            known = found[1] + timedelta(hours=chance.choice([0, 0, 0, 1]))
            counted = chance.choice([found[0], date(2026, 12, 1), date(2027, 2, 1)])
            decisions[deal] = [Decision(known, found[0], counted, known_at, "fin", "r")]
    return Books(States(CALENDAR, "Europe/Berlin", stretches(sorted(ledger, key=lambda each: each.at))), decisions)


def state(number: int, version: int = 1, **fields: Any) -> DealState:
    given: dict[str, Any] = {
        "deal_id": UUID(int=number),
        "version": version,
        "valid_from": AT,
        "stage_entered_at": AT,
        "created_at": AT,
        "amount": Decimal(100),
        "currency": "EUR",
        "stage_probability": Decimal("0.5"),
        "close_date": date(2026, 12, 1),
        "category": "commit",
    }
    return DealChanged(**(given | fields))


def columns_of(entries: Sequence[Recorded], known: Columns | None = None) -> Columns:
    """The columns of these entries, added to `known`."""
    known = known or empty()
    return merged(known, {name: _array(known, name, entries) for name in ARRAYS})


def _array(known: Columns, name: str, entries: Sequence[Recorded]) -> Any:
    values = [_value(name, state, recorded) for state, recorded in entries]
    return known.words[name].encode(values) if name in WORDS else np.array(values, dtype=type_of(name))


def _time(at: datetime | None) -> int:
    return NO_TIME if at is None else micros(at)


_MADE: dict[str, Callable[[DealState], Any]] = {
    "gone": lambda state: state.removed or state.absorbed_into is not None,
    "lacks_next_step": lambda state: state.next_step_known and state.next_step is None,
    "quiet_since": lambda state: (
        micros(max(state.last_activity_at or AT_FIRST, state.created_at)) if state.activity_known else NO_TIME
    ),
    "economic_buyer_until": lambda state: _time(state.economic_buyer_until),
    "threads_known": lambda state: state.threads_until is not None,
    "second_thread_until": lambda state: _time((*(state.threads_until or ()), None, None)[1]),
    "amount": lambda state: NO_AMOUNT if state.amount is None else int(state.amount * 10**4),
    "term": lambda state: state.term_months or 0,
}


def _value(name: str, state: DealState, recorded: datetime) -> Any:
    if name == "recorded_at":
        return micros(recorded)
    if name in _MADE:
        return _MADE[name](state)
    renamed = {"deal": "deal_id", "owner": "owner_id", "account": "account_id", "probability": "stage_probability"}
    value = getattr(state, renamed.get(name, name))
    if name in WORDS:
        return None if value is None else str(value)
    if name in TIMES:
        return micros(value)
    return (NO_DAY if value is None else day_number(value)) if name in DAYS else value
