"""What holds of every metric whatever the company; and four of them against a slow reckoning, deal by deal."""

from collections import defaultdict
from datetime import date, datetime, time, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.common.calendar import Period
from libs.common.events.deals import DealState
from services.forecast.metrics.contracts import CONTRACTS
from services.forecast.metrics.formulas import covering, figures, staging
from services.forecast.metrics.formulas.figures import Figure
from services.forecast.metrics.formulas.scene import Scene
from tests.unit.forecast.given import Recorded
from tests.unit.forecast.metrics.given import life, lost, on, parts, scene, whole, won

STAGES = (("first", "0.1"), ("second", "0.4"), ("third", "0.8"))
PAST = ("past_won", "past_not_won", "past_created_and_closed", "past_pulled_in")
PERIODS = ("2026Q4", "2026-11", "2026Q3", "FY2026", "2027Q1")


def company(chance: Random, size: int = 60) -> list[list[Recorded]]:
    """Deals with up to seven entries of the second half of a year."""
    return [_life(chance, number) for number in range(1, chance.randint(0, size) + 1)]


def _life(chance: Random, number: int) -> list[Recorded]:
    at = on(7, 1) + timedelta(hours=chance.randint(0, 3600))
    entries = [(at, _change(chance, at.date(), first=True))]
    for _ in range(chance.randint(0, 6)):
        at += timedelta(hours=chance.choice([1, 30, 200, 700]))
        entries.append((at, _change(chance, at.date())))
    always: dict[str, Any] = {
        "region": chance.choice(["EMEA", "APAC", None]),
        "segment": chance.choice(["large", None]),
        "pipeline": chance.choice(["default", "default", "partners"]),
    }
    return life(number, *entries, **always)


def _change(chance: Random, day: date, *, first: bool = False) -> dict[str, Any]:
    stage, probability = chance.choice(STAGES)
    moves: list[dict[str, Any]] = [
        {"stage": stage, "stage_probability": probability, "state": "open", "category": "commit", "closed_on": None},
        {"close_date": chance.choice([None, day + timedelta(days=chance.randint(-40, 90))])},
        {"amount": chance.choice([None, chance.randint(-100, 10_000)])},
        {"category": chance.choice(["omitted", "pipeline"])},
        {"gate": chance.choice(["waiting", "passed"])},
        {"removed": True},
        {"removed": False},
    ]
    if not first:
        moves += [won(day), won(day), lost(day), lost(day - timedelta(days=20))]
    return moves[0] if first else chance.choice(moves)


def anything(seed: int, *, size: int = 60) -> Scene:
    chance = Random(seed)  # noqa: S311
    return scene(
        company(chance, size),
        period=chance.choice(PERIODS),
        as_of=on(9, 1) + timedelta(hours=chance.randint(0, 4000)),
        target=chance.choice([None, 0, 1_000_00, 10**9]),
        zone=chance.choice(["UTC", "Europe/Berlin", "America/Los_Angeles"]),
    )


SCENES = st.builds(anything, st.integers(0, 2**32))
NAMES = sorted(CONTRACTS)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=15, deadline=None)
@given(SCENES)
def test_parts_add_to_the_total(name: str, at: Scene) -> None:
    total = whole(name, at)
    for by in ("region", "segment", "state", *(["slot"] if CONTRACTS[name].find_by_slot is None else [])):
        cut = parts(name, at, by).values()
        assert sum(each.n for each in cut) == total.n or CONTRACTS[name].takes_target
        assert sum(each.unknown for each in cut) == total.unknown
        for side in ("numerator", "denominator"):
            if getattr(total, side) is not None and cut:
                assert sum(getattr(each, side) or 0 for each in cut) == pytest.approx(getattr(total, side))


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=15, deadline=None)
@given(SCENES)
def test_shares_are_in_nought_to_one_and_what_is_unknown_says_why(name: str, at: Scene) -> None:
    for figure in (whole(name, at), *parts(name, at, "region").values()):
        if figure.value is None:
            assert figure.reason
        elif CONTRACTS[name].unit in ("share", "index"):
            assert 0 <= figure.value <= 1
        for share in (each.value for each in figure.factors if each.unit == "share"):
            assert share is None or 0 <= share <= 1
        if figure.interval:
            low, high = figure.interval
            assert 0 <= low <= (figure.value or 0) + 1e-12
            assert (figure.value or 0) - 1e-12 <= high <= 1


@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_the_interval_holds_the_share_and_narrows_with_more_deals(wins: int, losses: int) -> None:
    n = wins + losses
    found = figures.wilson(wins / n, n) if n else figures.wilson(0.0, 0)
    assert (found is None) == (n == 0)
    if found:
        more = figures.wilson(wins / n, 4 * n)
        assert more is not None
        assert more[1] - more[0] < found[1] - found[0]


def told(lives: list[list[Recorded]], at: Scene) -> list[list[DealState]]:
    """The entries of each deal that stands at `as_of`, in order."""
    found = []
    for entries in lives:
        seen = [state for state, recorded in entries if state.valid_from <= at.as_of and recorded <= at.as_of]
        if seen and not seen[-1].removed:
            found.append(seen)
    return found


def both(seed: int) -> tuple[list[list[DealState]], Scene]:
    chance = Random(seed)  # noqa: S311
    lives = company(chance)
    at = scene(lives, period=chance.choice(PERIODS), as_of=on(9, 1) + timedelta(hours=chance.randint(0, 4000)))
    return told(lives, at), at


def in_period(at: Scene, day: date | None) -> bool:
    return in_days_of(at.period, day)


def in_days_of(period: Period, day: date | None) -> bool:
    return day is not None and period.start <= day < period.end


def sides(figure: Figure) -> tuple[float | None, float | None]:
    return figure.numerator, figure.denominator


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_win_rate_is_what_counting_deal_by_deal_gives(seed: int) -> None:
    deals, at = both(seed)
    closed = [deal[-1] for deal in deals if deal[-1].state != "open" and in_period(at, deal[-1].closed_on)]
    wins = [deal for deal in closed if deal.state == "won"]
    found = whole("win_rate_count", at)
    assert sides(found) == (len(wins), len(closed))
    assert found.value == (len(wins) / len(closed) if len(closed) >= 20 else None)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_stage_conversion_is_what_following_deal_by_deal_gives(seed: int) -> None:
    deals, at = both(seed)
    known = staging.stages(at)
    order: dict[str, list[str]] = defaultdict(list)
    for key in sorted(known.keys, key=lambda key: known.place[known.keys.index(key)]):
        order[key.partition("/")[0]].append(key.partition("/")[2])
    expected: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for deal in deals:
        stages = order[deal[0].pipeline]
        reached: dict[int, Any] = {}
        open_entries = [state for state in deal if state.state == "open" and not state.removed]
        for state in open_entries:
            for place in range(stages.index(state.stage) + 1):
                reached.setdefault(place, state.stage_entered_at)
        if deal[-1].state == "won" and open_entries:
            last = max(
                at for at, state in enumerate([None, *deal]) if state is None or state.state != "won" or state.removed
            )
            for place in range(len(stages) + 1):
                reached.setdefault(place, deal[last].valid_from)
        for place, stage in enumerate(stages):
            if place in reached and in_period(at, reached[place].astimezone(at.zone).date()):
                expected[f"{deal[0].pipeline}/{stage}"][1] += 1
                expected[f"{deal[0].pipeline}/{stage}"][0] += place + 1 in reached
    found = parts("stage_conversion", at, "slot")
    assert {key: list(sides(figure)) for key, figure in found.items()} == dict(expected)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_time_in_stage_is_what_watching_deal_by_deal_gives(seed: int) -> None:
    deals, at = both(seed)
    expected: dict[str, list[float]] = defaultdict(list)
    for deal in deals:
        stay: DealState | None = None
        for state in (state for state in deal if not state.removed):
            if stay and (state.state != "open" or state.stage != stay.stage):
                if in_period(at, state.valid_from.astimezone(at.zone).date()):
                    spent = (state.valid_from - stay.stage_entered_at) / timedelta(days=1)
                    expected[f"{stay.pipeline}/{stay.stage}"].append(spent)
                stay = None
            if state.state == "open" and stay is None:
                stay = state
    found = parts("time_in_stage", at, "slot")
    assert {key: figure.n for key, figure in found.items()} == {key: len(each) for key, each in expected.items()}
    assert all(
        figure.value == pytest.approx(sum(expected[key]) / len(expected[key])) for key, figure in found.items() if key
    )


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_push_rate_is_what_comparing_entry_by_entry_gives(seed: int) -> None:
    deals, at = both(seed)
    pushed = opened = 0
    for deal in deals:
        stood = [state for state in deal if not state.removed]
        was_open = was_pushed = False
        for index, state in enumerate(stood):
            since = state.valid_from.astimezone(at.zone).date()
            until = stood[index + 1].valid_from if index + 1 < len(stood) else None
            begin = on(1, 1).replace(tzinfo=at.zone, hour=0, year=at.period.start.year, month=at.period.start.month)
            was_open |= state.state == "open" and since < at.period.end and (until is None or until > begin)
            before = stood[index - 1] if index else None
            if before and before.state == state.state == "open" and before.close_date and state.close_date:
                was_pushed |= state.close_date > before.close_date and in_period(at, since)
        opened += was_open
        pushed += was_open and was_pushed
    if at.has_begun:
        assert sides(whole("push_rate", at)) == (pushed, opened)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_what_past_periods_became_is_what_looking_back_deal_by_deal_gives(seed: int) -> None:
    deals, at = both(seed)
    expected: dict[tuple[str, str], int] = defaultdict(int)
    for period in at.past_periods:
        day = min(period.start + timedelta(days=covering.day_of_period(at)), period.end - timedelta(days=1))
        instant = datetime.combine(day, time(), at.zone)
        for deal in deals:
            seen = [state for state in deal if state.valid_from <= instant]
            then, now = seen[-1] if seen else None, deal[-1]
            was_open = then is not None and not then.removed and then.state == "open"
            was_open &= then is not None and then.gate != "waiting" and then.category != "omitted"
            was_due = was_open and then is not None and in_days_of(period, then.close_date)
            is_won = now.state == "won" and in_days_of(period, now.closed_on)
            if was_due:
                expected["past_won" if is_won else "past_not_won", period.key] += 1
            elif is_won and then is None:
                expected["past_created_and_closed", period.key] += 1
            elif is_won and was_open:
                expected["past_pulled_in", period.key] += 1
    items = CONTRACTS["required_open"].find(at)
    found: dict[tuple[str, str], int] = defaultdict(int)
    for role, slot in zip(items.role.tolist(), items.slot.tolist(), strict=True):
        if items.roles[role].name in PAST:
            found[items.roles[role].name, items.slots[slot]] += 1
    assert found == expected


def test_the_companies_reach_every_role() -> None:
    """A property over companies in which nothing happens says nothing."""
    missing = {(name, role.name) for name in NAMES for role in CONTRACTS[name].find(anything(1)).roles}
    missing -= {("win_rate_count", "lost_in_clean_up"), ("win_rate_value", "lost_in_clean_up")}
    missing -= {("velocity", "lost_in_clean_up"), ("clean_ups", "cleaned_up")}
    missing -= {("clean_ups", "cleaned_up_by_owner")}  # these are of the golden companies
    for seed in range(400):
        at = anything(seed, size=200)
        for name in {name for name, _ in missing}:
            items = CONTRACTS[name].find(at)
            missing -= {(name, items.roles[role].name) for role in set(items.role.tolist())}
        if not missing:
            return
    assert missing == set()
