"""What falls due without a deal: that nothing is expected twice, and what is learnt from companies whose rate is known."""

from dataclasses import replace
from datetime import date
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.forecast.history.columns import day_number
from services.forecast.projection import bookkeeping, engine, renewals
from services.forecast.projection.book import MEAN, SHARED, VARIANCE
from services.forecast.projection.contracts import LATE, NEVER, NO_CONTRACTS, Contracts, Sold, contracts, later
from services.forecast.projection.settings import DEFAULT
from services.forecast.projection.steps import GONE, LOST, OPEN, WON
from tests.calibration.worlds import CALENDAR, START, World, steps_of

Row = dict[str, Any]
DAY = day_number(date(2025, 3, 31))
YEAR = 365


def contract(day: int = DAY, amount: float = 1200.0, **other: Any) -> Row:
    return {"day": day, "amount": amount, "state": WON, "per": 12, "term": 12, "renews": False, "account": 1} | other


def renewal(day: int = DAY + YEAR, amount: float = 1200.0, state: int = OPEN, **other: Any) -> Row:
    return contract(day, amount, state=state, renews=True, term=0) | other


def sold(rows: list[Row]) -> Sold:
    def of(name: str, kind: Any, usual: Any = None) -> Any:
        return np.array([row.get(name, usual) for row in rows], dtype=kind)

    return Sold(
        names=[None, *(str(row.get("name", at)) for at, row in enumerate(rows))],
        code=np.arange(1, len(rows) + 1, dtype=np.int32),
        account=of("account", np.int32),
        state=of("state", np.int8),
        renews=of("renews", bool),
        recurs=of("recurs", bool, True),
        day=of("day", float),
        created=np.array([row.get("created", row["day"] - 60) for row in rows], dtype=float),
        amount=of("amount", float),
        per=of("per", np.int32),
        term=of("term", np.int32),
    )


def found(*rows: Row) -> Contracts:
    return contracts(sold(list(rows)))


def test_a_contract_ends_so_many_months_later_on_the_same_day_or_the_months_last() -> None:
    days = np.array([day_number(each) for each in (date(2024, 1, 31), date(2024, 2, 29), date(2025, 3, 31))])
    ends = [day_number(each) for each in (date(2024, 2, 29), date(2025, 2, 28), date(2028, 3, 31))]
    assert later(days, np.array([1, 12, 36], dtype=np.int32)).tolist() == ends


@pytest.mark.parametrize("state", [OPEN, WON, LOST])
def test_a_renewal_of_the_account_decides_the_contract_whatever_became_of_it(state: int) -> None:
    """Also for less, a contraction: nothing is left to be due; a removed one, or one of another account, decides nothing."""
    one = found(contract(), renewal(amount=800.0, state=state))
    assert (one.left[0], one.covering.tolist()) == (0.0, [False, True])
    assert one.kept[0] == pytest.approx(2 / 3 if state == WON else 0)
    for other in (renewal(state=GONE), renewal(account=2), renewal(account=0)):
        assert found(contract(), other).left.tolist() == [1.0]


def test_early_late_and_much_too_early() -> None:
    early = found(contract(), renewal(DAY + 300, state=WON, term=12))
    assert early.end.tolist() == [DAY + YEAR, DAY + 2 * YEAR], "it goes on from where it would have ended"
    assert found(contract(), renewal(DAY + YEAR + LATE, state=WON)).left.tolist() == [0.0]
    assert found(contract(), renewal(DAY + YEAR + LATE + 1, state=WON)).left.tolist() == [1.0]
    assert found(contract(), renewal(DAY + 30, state=LOST)).left.tolist() == [1.0]
    assert found(contract(), renewal(DAY - 30, state=OPEN, created=DAY - 60)).left.tolist() == [0.0], "an overdue date"


def test_several_contracts_and_a_renewal_of_more_than_one() -> None:
    two = found(contract(), contract(amount=600.0, per=12), renewal(amount=1500.0))
    assert two.left.tolist() == [0.0, 0.5]
    assert found(contract(), contract(amount=600.0), renewal(amount=np.nan)).left.tolist() == [0.0, 1.0]
    years = found(contract(amount=7200.0, per=24, term=24), renewal(DAY + 730, amount=3600.0, state=WON, per=12))
    assert (years.left[0], years.kept[0]) == (0.0, 1.0), "two years at once, then by the year: the same a month"
    assert np.isnan(found(contract(), renewal(state=WON, amount=np.nan)).kept[0])


def test_what_nobody_can_say_of_is_unknown_and_not_due() -> None:
    lacking = [contract(account=0), contract(term=0), contract(amount=np.nan), contract(amount=-5.0), contract(per=0)]
    told = found(*lacking, contract(recurs=False), contract(state=OPEN))
    assert (len(told), told.unknown.tolist()) == (0, [True] * 5 + [False] * 2)


ROWS = st.lists(
    st.builds(
        lambda kind, day, amount, state, created: (
            contract(DAY + day // 8, amount)
            if kind
            else renewal(DAY + YEAR + day, amount, state, created=DAY + 60 + created)
        ),
        st.booleans(),
        st.integers(-80, 80),
        st.sampled_from([600.0, 1200.0, 1200.0, 2400.5, 55.25]),
        st.sampled_from([OPEN, WON, LOST]),
        st.integers(0, 200),
    ),
    max_size=9,
)


@settings(deadline=None)
@given(rows=ROWS, seed=st.integers(0, 2**32))
def test_nothing_is_counted_twice_in_whatever_order_it_became_known(rows: list[Row], seed: int) -> None:
    """What is still due and what renewals ask for, or got, or lost, is together no more than what was sold, unless renewals alone are."""
    named = [row | {"name": f"{at:03}"} for at, row in enumerate(rows)]
    told = found(*named) if named else NO_CONTRACTS
    whole = sum(row["amount"] for row in rows if not row["renews"])
    asked = sum(row["amount"] for row in rows if row["renews"])
    left = float(told.amount @ told.left)
    assert left <= max(whole - asked, 0.0) + 1e-6
    assert ((told.left >= 0) & (told.left <= 1) & (told.kept >= 0)).all()
    renewing = [row for row in rows if row["renews"]]
    assert (told.spoken < NEVER).sum() >= min(len(renewing), len(told)), "each decides one for which nobody spoke"

    shuffled = Random(seed).sample(named, len(named))  # noqa: S311
    again = found(*shuffled) if named else NO_CONTRACTS

    def by_name(each: Contracts, given: list[Row]) -> dict[str, Any]:
        return {
            given[number]["name"]: tuple(float(getattr(each, name)[at]) for name in ("end", "left", "kept", "spoken"))
            for at, number in enumerate(each.deal.tolist())
        }

    assert by_name(again, shuffled) == by_name(told, named)


def company(seed: int, rate: float, *, today: int) -> tuple[Contracts, float]:
    """Contracts of a year, won for three years: of each a deal is opened 75 days before its end, or nobody asks, and `rate` of them
    renew for 90 to 110 %. What is known on `today`, and what those that end in the next 91 days come to renew.
    """
    rng = np.random.default_rng(seed)
    rows: list[Row] = []
    came = 0.0
    for number in range(900):
        day = today - 3 * YEAR + int(rng.integers(0, 3 * YEAR))
        amount = float(np.round(rng.lognormal(9.0, 0.5), 2))
        rows.append(contract(day, amount, account=number + 1))
        closed, got = day + YEAR + int(rng.integers(-20, 20)), amount * float(rng.uniform(0.9, 1.1))
        opened = day + YEAR - 75
        renews = rng.random() < rate
        if opened < today:
            state = OPEN if closed >= today else WON if renews else LOST
            rows.append(renewal(closed, got, state, account=number + 1, created=opened))
        elif day + YEAR < today + 91 and renews:
            came += got
    return found(*rows), came


def test_the_rate_that_is_learnt_covers_the_true_one_and_the_band_holds_four_times_of_five() -> None:
    today, rate, held, covered, off = DAY, 0.7, 0, 0, []
    worlds = 40
    for seed in range(worlds):
        known, came = company(seed, rate, today=today)
        learnt = renewals.learn(known, today, DEFAULT.half_life)
        low, high = learnt.range
        covered += low <= rate <= high
        due = renewals.due(known, learnt, today, today, today + 91)
        variance = due.deals.moments()[1] + due.spread
        band = due.mean + np.array([-1.2816, 1.2816]) * np.sqrt(variance)
        held += band[0] <= came <= band[1]
        off.append(due.mean / came)
    assert 0.65 <= covered / worlds <= 0.97
    assert 0.65 <= held / worlds <= 0.97
    assert np.mean(off) == pytest.approx(1, abs=0.05)


def test_near_its_end_a_contract_for_which_nobody_asks_is_worth_less() -> None:
    """Here a deal is opened for all that renew, 75 days before: who has none 20 days before never renews."""
    rows = []
    for number in range(200):
        day = DAY - 700 + number
        rows.append(contract(day, account=number + 1))
        if number % 10 < 7:
            rows.append(renewal(day + YEAR, state=WON, account=number + 1, created=day + YEAR - 75))
    learnt = renewals.learn(found(*rows), DAY, DEFAULT.half_life)
    assert learnt.overall == pytest.approx(0.7, abs=0.05)
    assert max(learnt.rate[:2]) < 0.15
    assert learnt.rate[2] == pytest.approx(learnt.rate[3], abs=0.01)


def test_without_history_the_rate_is_assumed_and_wide_and_nothing_is_due() -> None:
    learnt = renewals.UNTAUGHT
    assert (learnt.overall, learnt.contracts) == (renewals.RATE, 0)
    assert learnt.range[1] - learnt.range[0] > 0.4
    assert renewals.NOTHING_DUE.mean == 0


def test_due_contracts_are_a_part_of_the_projection_and_their_renewals_are_not_expected_as_new() -> None:
    """Means add over parts and days, the sum is exact, and without contracts everything is as it was to the last bit."""
    steps, today = steps_of(World(deals_a_day=2.0), 400, seed=5), START + 380
    plain = engine.learn(steps, today, CALENDAR)
    nothing = replace(NO_CONTRACTS, covering=np.zeros(int(steps.deal.max()) + 1, bool), unknown=np.ones(1, bool))
    same = engine.learn(steps, today, CALENDAR, sold=nothing)
    shares = np.array([0.1, 0.5, 0.9])
    said, again = (each.outlook(today + 60).landing(5.0).quantile(shares).tobytes() for each in (plain, same))
    assert said == again
    assert plain.arrivals.rate.tobytes() == same.arrivals.rate.tobytes()

    won = plain.wins.deal[:60]
    covering = np.zeros(int(steps.deal.max()) + 1, dtype=bool)
    covering[plain.births.deal[plain.births.day > today - 30][::2]] = True
    known = Contracts(
        deal=np.sort(won).astype(np.int64),
        end=today + np.arange(60) * 2,
        amount=np.full(60, 500.0),
        left=np.tile([1.0, 0.5, 0.0], 20),
        kept=np.zeros(60),
        spoken=np.full(60, NEVER),
        covering=covering,
        unknown=np.zeros_like(covering),
    )
    model = engine.learn(steps, today, CALENDAR, sold=known)
    whole = model.outlook(today + 60)
    assert whole.due.mean == pytest.approx(renewals.RATE * 500 * 15), (
        "30 end in these days; on average half is left of each"
    )
    assert whole.to_come == pytest.approx(whole.open + whole.new[0] + whole.due.mean)
    assert whole.landing(5.0).mean == pytest.approx(5.0 + whole.to_come)
    assert whole.landing().deviation > plain.outlook(today + 60).landing().deviation * 0.8
    assert model.arrivals.rate.sum() < plain.arrivals.rate.sum()
    numbers = np.arange(len(covering))
    parts = [model.outlook(today + 60, part=model.part(numbers % 3 == which)) for which in range(3)]
    assert sum(each.due.mean for each in parts) == pytest.approx(whole.due.mean)
    assert sum(each.new[0] for each in parts) == pytest.approx(whole.new[0])
    spans = [model.due(end, start=start).mean for start, end in ((today, today + 31), (today + 31, today + 60))]
    assert sum(spans) == pytest.approx(whole.due.mean)
    edges = [today, today + 31, today + 60]
    table = bookkeeping.falling_due(model, edges, np.append(np.arange(60) % 2, -1)[:60], 3)
    assert table[2, MEAN].tolist() == pytest.approx(spans)
    assert table[:2, MEAN].sum(axis=0).tolist() == pytest.approx(spans)
    first = model.due(today + 31)
    assert table[2, VARIANCE, 0] == pytest.approx(first.deals.moments()[1] + first.spread)
    assert table[2, SHARED, 0] == pytest.approx(first.deals.response)
