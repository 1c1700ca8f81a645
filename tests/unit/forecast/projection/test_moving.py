"""Why a projection moved: terms that add, and one change is one term."""

from dataclasses import fields, replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.forecast.projection import engine, moving
from services.forecast.projection.engine import Model
from services.forecast.projection.evidence import Factors
from services.forecast.projection.lessons import HORIZONS
from services.forecast.projection.moving import LED, TERMS, Look, Moved
from services.forecast.projection.steps import GONE, LOST, OPEN, WON, Standing, Steps
from tests.calibration.worlds import CALENDAR, START, World, steps_of

TODAY = START + 400
START_OF, END = TODAY - 20, TODAY + 70
FACTORS = Factors(np.array([1.0, 0.6, 1.7, 0.8]), np.array([1.0, 0.9, 0.5]))
"""What close dates and pushes tell in these tests."""


@cache
def company() -> Steps:
    found = steps_of(World(deals_a_day=1.0), 480, seed=5)
    rng = np.random.default_rng(2)
    date = np.where(rng.random(len(found)) < 0.3, np.nan, np.round(found.at + rng.integers(-20, 120, len(found))))
    return replace(found, close_date=date, pushes=rng.integers(0, 5, len(found)).astype(np.int32))


def learnt(steps: Steps, today: int) -> Model:
    return engine.learn(steps, today, CALENDAR)


@cache
def known() -> Model:
    found = learnt(company(), TODAY)
    return replace(found, lessons=replace(found.lessons, _factors=dict.fromkeys(HORIZONS, FACTORS)))


def look(model: Model, part: Any = None, *, start: int = START_OF, end: int = END) -> Look:
    """Deals are numbered as in the steps; what was won in the period counts in it."""
    deals = int(model.evenings.deal.max()) + 1
    part = None if part is None else part[:deals]
    theirs = np.ones(deals, dtype=bool) if part is None else part
    last = np.append(model.evenings.deal[1:] != model.evenings.deal[:-1], True)
    is_won = np.zeros(deals, dtype=bool)
    is_won[model.evenings.deal[last & (model.evenings.state == WON)]] = True
    counts = (model.wins.day >= start) & (model.wins.day < end) & (theirs & is_won)[model.wins.deal]
    return Look(
        model,
        np.arange(deals),
        None if part is None else model.part(part),
        model.wins.deal[counts].astype(np.int64),
        model.wins.amount[counts],
    )


def adds_up(moved: Moved) -> None:
    for terms, then, now in (
        (moved.worth, moved.then.adds, moved.now.adds),
        (moved.chance, moved.then.chance, moved.now.chance),
    ):
        assert set(terms) == set(TERMS)
        assert then + sum(terms.values()) == pytest.approx(now, abs=1e-6)


@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_terms_add_for_any_two_states(data: Any) -> None:
    """Whatever is learnt, whoever is asked for, whichever period it is: from then to now nothing is left over."""
    steps = company()
    days = data.draw(st.integers(0, 60))
    begin = data.draw(st.integers(-30, 90))
    first = learnt(steps, TODAY)
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    later = (steps.at >= TODAY) & (rng.random(len(steps)) < 0.3)
    changed = replace(
        steps,
        state=np.where(later, rng.choice([OPEN, WON, LOST, GONE], len(steps)), steps.state).astype(np.int8),
        segment=np.where(later, rng.integers(0, 2, len(steps)), steps.segment).astype(np.int32),
        segments=data.draw(st.permutations(steps.segments).map(tuple)),
        stages=("another", *steps.stages[1:]) if data.draw(st.booleans()) else steps.stages,
    )
    second = learnt(changed, TODAY + days)
    deals = int(steps.deal.max()) + 1
    parts = [None if data.draw(st.booleans()) else rng.random(deals) < 0.7 for _ in range(2)]
    start = TODAY + begin
    end = start + data.draw(st.integers(7, 91))
    end = max(end, TODAY + 1)
    looks = [look(each, part, start=start, end=end) for each, part in zip((first, second), parts, strict=True)]
    moved = moving.explain(looks[0], looks[1], start, end)

    adds_up(moved)
    for model, side, asked in ((first, moved.then, looks[0]), (second, moved.now, looks[1])):
        outlook = model.outlook(end, start=start, part=asked.part) if model.today < end else None
        expected = outlook.deals.chance @ outlook.deals.mean if outlook else 0.0
        assert side.adds.sum() == pytest.approx(expected + asked.brought.sum()), "what the projection says"
    new = [each.outlook(end, start=start, part=asked.part).new[0] if each.today < end else 0.0
           for each, asked in zip((first, second), looks, strict=True)]  # fmt: skip
    assert new[0] + sum(moved.new.values()) == pytest.approx(new[1])


ONE: dict[str, Any] = {
    "stage": lambda deals, at: {"stage": (deals.stage[at] + 1) % 3},
    "segment": lambda deals, at: {"segment": 1 - deals.segment[at]},
    "close_date": lambda _, at: {"close_date": np.nan if at % 2 else TODAY + 30.0},
    "pushes": lambda deals, at: {"pushes": deals.pushes[at] + 2},
    "amount": lambda deals, at: {"amount": deals.amount[at] * 1.5 + 1},
}


@settings(max_examples=40, deadline=None)
@given(days=st.integers(0, 40), place=st.integers(0, 40), term=st.sampled_from(sorted(ONE)))
def test_a_deal_of_which_one_thing_changed_moves_by_that_term_and_by_time(days: int, place: int, term: str) -> None:
    model = known()
    place %= len(model.standing)
    here = replace(model.standing, age=model.standing.age + days)
    there = Standing(*(getattr(here, each.name).copy() for each in fields(Standing)))
    for name, value in ONE[term](here, place).items():
        getattr(there, name)[place] = value
    now = replace(model, today=model.today + days, standing=there)
    if term == "stage":
        there.age[place] = 0
    moved = moving.explain(look(model), look(now), START_OF, END)

    adds_up(moved)
    its = int(np.flatnonzero(moved.deal == here.deal[place])[0])
    for name in set(TERMS) - {"time", term}:
        assert not moved.worth[name].any(), f"{name} moved {moved.worth[name][its]}"
        assert not moved.chance[name].any()
    others = np.arange(len(moved.deal)) != its
    assert not moved.worth[term][others].any()
    assert bool(days) == bool(moved.worth["time"][others].any())
    if term in ("stage", "amount"):
        assert moved.worth[term][its]
    assert (term == "amount") <= (not moved.chance[term][its]), "an amount changes no chance"
    if not days:
        assert moved.new == {"new_time": 0.0, "new_learnt": 0.0}


def ended(model: Model, place: int, state: int, **wins: Any) -> Model:
    """The model with one open deal ended so, and nothing else changed."""
    deal = model.standing.deal[place]
    last = int(np.flatnonzero(model.evenings.deal == deal)[-1])
    states = model.evenings.state.copy()
    states[last] = state
    kept = np.arange(len(model.standing)) != place
    return replace(model, standing=model.standing.where(kept), evenings=replace(model.evenings, state=states), **wins)


@pytest.mark.parametrize(
    ("state", "term"), [(WON, "won"), (LOST, "lost"), (GONE, "removed")], ids=["won", "lost", "removed"]
)
def test_a_deal_that_ended_moves_by_what_was_expected_of_it(state: int, term: str) -> None:
    model, place, brought = known(), 7, 12_345.67
    deal = int(model.standing.deal[place])
    then = look(model)
    now = look(ended(model, place, state))
    if state == WON:
        now = replace(now, won=np.append(then.won, deal), brought=np.append(then.brought, brought))
    else:
        now = replace(now, won=then.won, brought=then.brought)
    moved = moving.explain(then, now, START_OF, END)
    outlook = model.outlook(END, start=START_OF)
    chance, expected = outlook.deals.chance[place], outlook.deals.chance[place] * outlook.deals.mean[place]
    its = int(np.flatnonzero(moved.deal == deal)[0])

    assert moved.worth[term][its] == pytest.approx((brought if state == WON else 0) - expected)
    assert moved.chance[term][its] == pytest.approx((1 if state == WON else 0) - chance)
    assert sum(abs(each).sum() for each in moved.worth.values()) == pytest.approx(abs(moved.worth[term][its]))


def test_the_way_back_is_told_too() -> None:
    """Reversed, reopened, created, moved in and out: each deal by one term, all it adds or takes away."""
    model, place = known(), 7
    deal = int(model.standing.deal[place])
    expected = model.outlook(END, start=START_OF).deals
    adds = float(expected.chance[place] * expected.mean[place])
    then = look(model)
    won = look(ended(model, place, WON))
    counted = replace(won, won=np.append(then.won, deal), brought=np.append(then.brought, 500.0))
    elsewhere = replace(won, won=then.won, brought=then.brought)
    lost = replace(look(ended(model, place, LOST)), won=then.won, brought=then.brought)
    unknown = replace(lost, model=replace(lost.model, evenings=_without(lost.model, deal)))
    theirs = np.arange(len(then.deal)) != deal
    without = replace(look(model, theirs), won=then.won, brought=then.brought)
    cases = {
        "reversed": (counted, then, adds - 500),
        "corrected": (counted, replace(counted, brought=np.append(then.brought, 450.0)), -50),
        "elsewhere": (then, elsewhere, -adds),
        "reopened": (lost, then, adds),
        "created": (unknown, then, adds),
        "moved_in": (without, then, adds),
        "moved_out": (then, without, -adds),
    }
    for term, (before, after, amount) in cases.items():
        moved = moving.explain(before, after, START_OF, END)
        adds_up(moved)
        found = {name: float(each.sum()) for name, each in moved.worth.items() if each.any()}
        assert found == {term: pytest.approx(amount)}, term


def test_who_omits_a_deal_is_told_apart_from_a_stage() -> None:
    """The stage of omitted deals is known then; a deal that goes there moved because of that person."""
    steps = company()
    names = ("p / Discover", "p / Propose", "p / omitted")
    named = replace(steps, stages=names, close_date=np.full(len(steps), np.nan), pushes=np.zeros_like(steps.pushes))
    model = learnt(named, TODAY)
    there = replace(model.standing, stage=model.standing.stage.copy(), age=model.standing.age.copy())
    place = int(np.flatnonzero(there.stage == 1)[0])
    there.stage[place], there.age[place] = 2, 0
    moved = moving.explain(look(model), look(replace(model, standing=there)), START_OF, END)
    assert [name for name in LED if moved.worth[name].any()] == ["omitted"]


def test_names_that_were_not_known_then_are_learnt() -> None:
    model = known()
    renamed = replace(model.evenings, stages=("Else", *model.evenings.stages[1:]))
    faster = replace(model.lessons, hazards=replace(model.hazards, rates=model.hazards.rates * 1.2))
    now = replace(model, evenings=renamed, lessons=faster)
    there = replace(model.standing, age=model.standing.age.copy())
    first = there.stage == 0
    there.age[first] = 0
    moved = moving.explain(look(model), look(replace(now, standing=there)), START_OF, END)
    assert [name for name in LED if moved.worth[name].any()] == ["learnt"]


def _without(model: Model, deal: int) -> Any:
    return model.evenings.take(model.evenings.deal != deal)
