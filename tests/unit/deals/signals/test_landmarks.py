"""Weekly landmarks: only what was known then counts, and outcomes are those of the 90 days after."""

import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.ids import entity_id
from libs.common.signals import KEYS
from services.deals.signals.definitions import judged
from services.deals.signals.facts import Deal, Entry, Facts, Pair, PlanTold, Promise, Usual, View
from services.deals.signals.landmarks import HORIZON, landmarks, observed, usual_now

ZONE = ZoneInfo("Europe/Berlin")
START = datetime(2025, 1, 6, 9, tzinfo=UTC)
UNTIL = START + timedelta(days=400)
DAY = timedelta(days=1)
ANN, BEN = (entity_id("test", "user", name) for name in ("ann", "ben"))


def facts(**known: Any) -> Facts:
    given: dict[str, Any] = {"state": "open", "pipeline": "default", "stage": "Propose", "stage_entered_at": START}
    given |= {"created_at": START, "amount": Decimal(1000), "currency": "EUR", "owner_id": ANN}
    return Facts(**given | known)


def deal(name: str, *told: tuple[float, Facts], known_after: float = 0, **beside: Any) -> Deal:
    """Entries by day after the start; each is known `known_after` days later."""
    entries = [
        Entry(START + day * DAY, number, START + (day + known_after) * DAY, each)
        for number, (day, each) in enumerate(told, start=1)
    ]
    return Deal(entity_id("test", "deal", name), entries, **beside)


def rows(*deals: Deal, until: datetime = UNTIL) -> Any:
    return observed(list(deals), {}, until=until, zone=ZONE)


def test_a_deal_is_looked_at_every_week_while_it_is_open_and_its_outcome_is_that_of_ninety_days_on() -> None:
    won = rows(deal("D", (0, facts()), (100, facts(state="won"))))
    assert len(won.won) == 14, "mondays from day 7 to day 98, before it was won on day 100"
    since = [START + timedelta(days=7 * week - 9 / 24) for week in range(1, 15)]
    assert won.won.tolist() == [int(at + HORIZON >= START + 100 * DAY) for at in since]
    reopened = rows(deal("D", (0, facts()), (100, facts(state="won")), (101, facts())))
    assert not reopened.won.any(), "won and reopened is not won"


def test_landmarks_whose_ninety_days_are_not_over_are_left_out() -> None:
    young = rows(deal("D", (0, facts())), until=START + 89 * DAY)
    assert (len(young.won), young.newest_landmark) == (0, None)
    assert rows(deal("D", (0, facts())), until=START + 98 * DAY).newest_landmark == date(2025, 1, 13)
    assert max(landmarks([deal("D", (0, facts()))], UNTIL)) + HORIZON <= UNTIL


def test_what_is_told_later_of_an_earlier_time_is_not_known_at_a_landmark() -> None:
    late = deal("D", (0, facts(pushes=3)), known_after=50)
    assert len(rows(late).won) == len(rows(deal("D", (0, facts(pushes=3)))).won) - 7


@given(st.integers(0, 10_000), st.integers(20, 120))
def test_noise_in_what_came_later_changes_no_sign_at_a_landmark(seed: int, cut: int) -> None:
    """Everything after the last landmark that is looked at is replaced by noise: no stratum and no sign is another."""
    rng = random.Random(seed)  # noqa: S311
    at = START + cut * DAY
    known = [history(rng, number, until=cut) for number in range(12)]
    other = random.Random(1)  # noqa: S311
    plain = rows(*(with_future(each, other, at) for each in known), until=at + HORIZON)
    noisy = rows(*(with_future(each, rng, at) for each in known), until=at + HORIZON)
    kept = min(len(plain.won), len(noisy.won))
    # Deals that the noise removes are left out of rows, not changed in them: here none is removed.
    assert kept == len(plain.won) == len(noisy.won)
    assert np.array_equal(plain.stratum, noisy.stratum)
    for key in KEYS:
        assert np.array_equal(plain.has[key], noisy.has[key]), key


def history(rng: random.Random, number: int, *, until: int) -> Deal:
    days = sorted(rng.sample(range(until), min(6, until)))
    told = [(day, noise(rng, START + day * DAY)) for day in days]
    promise = entity_id("test", "promise", str(number))
    made = START + days[0] * DAY
    promises = [Promise(promise, promise, "made", made, (made + 20 * DAY).date(), made)]
    plans = [PlanTold(1, made, (made + rng.randrange(90) * DAY).date())]
    return deal(f"D{number}", *told, promises=promises, plans=plans)


def with_future(known: Deal, rng: random.Random, at: datetime) -> Deal:
    """The same deal with noise that was told after `at`, of times before and after it."""
    entries, number = list(known.entries), len(known.entries)
    for _ in range(5):
        number += 1
        told, of = at + rng.uniform(0.01, 80) * DAY, START + rng.uniform(0, 200) * DAY
        entries.append(Entry(of, number, told, noise(rng, of, closed=True)))
    told = at + DAY
    promises = list(known.promises)
    if rng.random() < 0.5:
        later = (replace(each, kind="kept", at=each.at + DAY, known_from=told) for each in known.promises)
        promises += [replace(each, entry_id=UUID(int=9)) for each in later]
    plans = [*known.plans, PlanTold(2, told, rng.choice((None, date(2025, 2, 1))))]
    return Deal(known.deal_id, sorted(entries, key=lambda each: (each.valid_from, each.version)), promises, plans)


def noise(rng: random.Random, at: datetime, *, closed: bool = False) -> Facts:
    return facts(
        state=rng.choice(("won", "lost", "open")) if closed else "open",
        stage=rng.choice(("Qualify", "Propose", "Negotiate")),
        stage_entered_at=at,
        stage_probability=rng.choice((None, Decimal("0.1"), Decimal("0.9"))),
        amount=rng.choice((None, Decimal(10), Decimal(1000), Decimal(9000))),
        close_date=rng.choice((None, (at + rng.randrange(60) * DAY).date())),
        owner_id=rng.choice((None, ANN, BEN)),
        has_next_step=rng.choice((None, True, False)),
        activity_known=rng.random() < 0.5,
        economic_buyer_until=rng.choice((None, at + 30 * DAY)),
        threads_until=rng.choice((None, (), (at + 30 * DAY,))),
        pushes=rng.randrange(5),
    )


NOW = START + 60 * DAY


def sign(
    key: str, now: Facts | None = None, *, before: Facts | None = None, usual: Usual | None = None, **beside: Any
) -> bool | None:
    view = View(
        at=NOW,
        day=NOW.date(),
        facts=now or facts(),
        before=before,
        usual=usual or Usual(median={"EUR": Decimal(500)}),
        **beside,
    )
    return judged(view, ZONE)[key]


@pytest.mark.parametrize(
    ("key", "is_there", "is_not", "unknown"),
    [
        ("no_activity_14d", {"last_activity_at": NOW - 15 * DAY, "activity_known": True}, {"last_activity_at": NOW - 14 * DAY, "activity_known": True}, {}),
        ("no_next_step", {"has_next_step": False}, {"has_next_step": True}, {}),
        ("overdue", {"close_date": (NOW - DAY).date()}, {"close_date": NOW.date()}, {"close_date": None}),
        ("single_threaded", {"threads_until": (NOW,)}, {"threads_until": (NOW, NOW)}, {"threads_until": (), "amount": Decimal(500)}),
        ("three_pushes", {"pushes": 3}, {"pushes": 2}, None),
    ],
)  # fmt: skip
def test_a_signal_is_there_is_not_or_is_unknown(key: str, is_there: Any, is_not: Any, unknown: Any) -> None:
    assert (sign(key, facts(**is_there)), sign(key, facts(**is_not))) == (True, False)
    assert unknown is None or sign(key, facts(**unknown)) is None


def test_a_cut_of_a_tenth_and_another_owner_are_signs_for_thirty_days() -> None:
    before = facts(amount=Decimal(1000))
    assert sign("amount_cut", facts(amount=Decimal(900)), before=before) is True
    assert sign("amount_cut", facts(amount=Decimal("900.01")), before=before) is False
    assert sign("amount_cut", facts(amount=Decimal(1), currency="USD"), before=before) is None
    assert sign("owner_changed", facts(owner_id=BEN), before=before) is True
    changed = deal("D", (0, facts()), (10, facts(owner_id=BEN)))
    assert changed.before(START + 39 * DAY) == changed.entries[0].facts
    assert changed.before(START + 41 * DAY) == changed.entries[1].facts
    assert changed.before(START + 5 * DAY) == changed.entries[0].facts, "a younger deal is held against its first day"


def test_plans_promises_and_executives_are_judged_only_where_there_are_any() -> None:
    due = facts(close_date=NOW.date())
    assert sign("close_plan_late", due, plan_ends=(NOW + DAY).date()) is True
    assert sign("close_plan_late", due, plan_ends=NOW.date()) is False
    assert sign("close_plan_late", due) is None
    assert (sign("commitments_overdue", promise_overdue=True), sign("commitments_overdue")) == (True, None)
    pair = Pair(((START, START, 20, False),), ((START + 40 * DAY, START + 45 * DAY),))
    assert pair.lapsed(START + 31 * DAY) is True
    assert pair.lapsed(START + 44 * DAY) is True, "they spoke, but nobody had told yet"
    assert pair.lapsed(START + 46 * DAY) is False
    assert Pair(((START, START, 20, True),)).lapsed(NOW) is None, "ended"


def test_stalled_is_beyond_three_of_four_visits_of_won_deals() -> None:
    won = [deal(f"W{days}", (0, facts()), (days, facts(state="won"))) for days in range(1, 13)]
    usual = usual_now(won, now=UNTIL)
    assert usual.stalled_days == {("default", "Propose", None): pytest.approx(9.25)}
    assert usual_now(won, now=START + 5 * DAY).stalled_days == {}, "too few were won by then"
    assert sign("stalled", facts(stage_entered_at=NOW - 10 * DAY), usual=usual) is True
    assert sign("stalled", facts(stage_entered_at=NOW - 9 * DAY), usual=usual) is False


def test_the_later_half_of_a_pipeline_is_known_by_probabilities_or_by_the_way_deals_take() -> None:
    stages = ("Qualify", "Propose", "Negotiate", "Sign")
    walked = deal("D", *((day, facts(stage=stage)) for day, stage in enumerate(stages)))
    assert usual_now([walked], now=UNTIL).later == {("default", "Negotiate"), ("default", "Sign")}
    told = [deal(s, (0, facts(stage=s, stage_probability=Decimal(4 - n) / 10))) for n, s in enumerate(stages)]
    assert usual_now(told, now=UNTIL).later == {("default", "Qualify"), ("default", "Propose")}
    usual = Usual(later=frozenset({("default", "Propose")}), buyers_are_told=True)
    assert sign("no_economic_buyer", usual=usual) is True
    assert sign("no_economic_buyer", facts(economic_buyer_until=NOW), usual=usual) is False
    assert sign("no_economic_buyer", facts(stage="Qualify"), usual=usual) is None
