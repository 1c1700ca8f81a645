"""The longest way through a plan: against networkx, and what no tick may do to it."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from uuid import UUID

import networkx as nx
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.deals.closeplans import path
from services.deals.closeplans.durations import PRIOR_TASKS, Duration, Finished, learn
from services.deals.closeplans.plan import Entry, Plan, Task, fold, outlook

TODAY = date(2026, 11, 23)
HOLIDAYS = frozenset({date(2026, 12, 25)})


def task_id(number: int) -> UUID:
    return UUID(int=number + 1)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Plans without cycles, of tasks in a shuffled order, some of them done at some time."""
    count = draw(st.integers(1, 12))
    ids = [task_id(number) for number in range(count)]
    tasks = {}
    for number, each in enumerate(ids):
        before = draw(st.lists(st.sampled_from(ids[:number]), unique=True, max_size=4)) if number else []
        days = draw(st.floats(0.5, 40) | st.just(0.0))
        tasks[each] = Task(each, f"Task {number}", "seller", days, tuple(before), since=TODAY - timedelta(days=30))
    done = draw(st.dictionaries(st.sampled_from(ids), st.integers(0, 30), max_size=count))
    shuffled = draw(st.permutations(ids))
    return Plan(
        {each: tasks[each] for each in shuffled}, {each: TODAY - timedelta(days=ago) for each, ago in done.items()}
    )


def graph(plan: Plan, lengths: dict[UUID, float]) -> "nx.DiGraph[object]":
    """The tasks' days as weights of what leads out of each to the next ones and to an end."""
    made: nx.DiGraph[object] = nx.DiGraph()
    for each, length in lengths.items():
        made.add_edge(each, "end", weight=length)
        for one in plan.tasks[each].after:
            if one in lengths:
                made.add_edge(one, each, weight=lengths[one])
    return made


@given(plans())
def test_the_longest_way_is_that_of_networkx(plan: Plan) -> None:
    lengths = {each: task.days for each, task in plan.tasks.items() if each not in plan.done}
    if not lengths:
        assert path.critical(plan.after, lengths) == []
        return
    longest = nx.dag_longest_path_length(graph(plan, lengths))
    assert max(path.finishes(plan.after, lengths).values()) == pytest.approx(longest)
    way = path.critical(plan.after, lengths)
    assert sum(lengths[each] for each in way) == pytest.approx(longest)
    assert all(one in plan.tasks[other].after for one, other in pairwise(way))


@given(plans())
def test_with_durations_that_are_known_both_quantiles_are_the_longest_way(plan: Plan) -> None:
    sure = {each: Duration(task.days) for each, task in plan.tasks.items()}
    begun_today = Plan(
        {each: Task(each, "", "seller", task.days, task.after, since=TODAY) for each, task in plan.tasks.items()}, {}
    )
    found = outlook(begun_today, sure, today=TODAY, holidays=HOLIDAYS)
    longest = nx.dag_longest_path_length(graph(plan, {each: task.days for each, task in plan.tasks.items()}))
    assert found.days_p50 == pytest.approx(longest)
    assert found.days_p80 == pytest.approx(longest)


@given(plans(), st.data())
def test_a_tick_never_makes_the_rest_longer(plan: Plan, data: st.DataObject) -> None:
    """Whatever is ticked, on whatever day, before or after what it waits for."""
    left = [each for each in plan.tasks if each not in plan.done]
    if not left:
        return
    ticked = data.draw(st.sampled_from(left))
    on = TODAY - timedelta(days=data.draw(st.integers(0, 40)))
    durations = {each: learn(task.days, Finished()) for each, task in plan.tasks.items()}
    before = outlook(plan, durations, today=TODAY, holidays=HOLIDAYS)
    after = outlook(Plan(plan.tasks, {**plan.done, ticked: on}), durations, today=TODAY, holidays=HOLIDAYS)
    assert after.days_p50 <= before.days_p50
    assert after.days_p80 <= before.days_p80
    assert before.days_p50 <= before.days_p80
    assert sum(each.ends - each.begins for one, each in after.tasks.items() if one in after.path) <= 1e-9 + sum(
        each.ends - each.begins for one, each in before.tasks.items() if one in before.path
    )


@given(st.integers(1, 8), st.data())
def test_a_cycle_is_refused_with_the_tasks_on_it(length: int, data: st.DataObject) -> None:
    """Each on it waits for the one before, the first for the last, and tasks that only hang on it are not named."""
    after = {task_id(number): [task_id((number - 1) % length)] for number in range(length)}
    after |= {task_id(50): [task_id(0)], task_id(51): []}
    shuffled = {each: after[each] for each in data.draw(st.permutations(list(after)))}
    with pytest.raises(path.Cycle) as refused:
        path.ordered(shuffled)
    on = refused.value.tasks
    assert set(on) == {task_id(number) for number in range(length)}
    assert all(on[at - 1] in after[each] for at, each in enumerate(on))


ticks = st.lists(
    st.builds(
        lambda number, task, hour, kind: Entry(
            UUID(int=1000 + number), number, kind, datetime(2026, 11, 20, hour, tzinfo=UTC), task_id=task_id(task),
            on=date(2026, 11, 20) if kind == "ticked" else None,
        ),
        st.integers(1, 60), st.integers(0, 3), st.integers(0, 4), st.sampled_from(["ticked", "unticked"]),
    ),
    max_size=12, unique_by=lambda entry: entry.entry_id,
)  # fmt: skip


@given(ticks, st.data())
def test_any_order_and_repetition_of_ticks_gives_the_same_plan(said: list[Entry], data: st.DataObject) -> None:
    """In the order of arrival an entry gets its version; which one stands does not depend on it."""
    tasks = tuple(Task(task_id(number), "", "buyer", 2.0, since=TODAY) for number in range(4))
    begun = Entry(UUID(int=999), 0, "begun", datetime(2026, 11, 1, tzinfo=UTC), tasks)
    arrived = data.draw(st.permutations(said))
    renumbered = [
        Entry(one.entry_id, at, one.kind, one.said_at, task_id=one.task_id, on=one.on)
        for at, one in enumerate(arrived, 1)
    ]
    again = data.draw(st.lists(st.sampled_from(renumbered), max_size=6)) if renumbered else []
    assert fold([begun, *renumbered, *again]).done == fold([begun, *said]).done


def test_who_waited_for_a_removed_task_waits_for_what_it_waited_for() -> None:
    first, second, third = (Task(task_id(at), "", "seller", 1.0, (task_id(at - 1),) if at else ()) for at in range(3))
    begun = Entry(UUID(int=1), 1, "begun", datetime(2026, 11, 1, tzinfo=UTC), (first, second, third))
    removed = Entry(UUID(int=2), 2, "removed", datetime(2026, 11, 2, tzinfo=UTC), task_id=second.task_id)
    assert fold([removed, begun]).after == {first.task_id: (), third.task_id: (first.task_id,)}


@given(st.floats(0.5, 60), st.lists(st.floats(0.5, 60), min_size=1, max_size=40))
def test_a_duration_lies_between_the_template_and_what_was_seen_and_leans_on_it_with_few(
    default: float, seen: list[float]
) -> None:
    logs = np.log(seen)
    learnt = learn(default, Finished(len(seen), float(logs.sum()), float((logs**2).sum())))
    mean = float(np.exp(logs.mean()))
    assert min(default, mean) - 1e-9 <= learnt.median <= max(default, mean) + 1e-9
    assert learnt.n == len(seen)
    assert learnt.low < learnt.median < learnt.high
    weight = PRIOR_TASKS / (PRIOR_TASKS + len(seen))
    assert np.log(learnt.median) == pytest.approx(weight * np.log(default) + (1 - weight) * logs.mean())


def test_more_of_the_same_make_the_interval_narrower() -> None:
    widths = []
    for n in (0, 5, 50):
        logs = [np.log(5) + 0.3 * (-1) ** at for at in range(n)]
        found = learn(5, Finished(n, float(sum(logs)), float(sum(each**2 for each in logs))))
        widths.append(found.high / found.low)
    assert widths[0] > widths[1] > widths[2]


def test_days_are_working_days_without_holidays() -> None:
    one = Task(task_id(0), "", "seller", 3.0, since=date(2026, 12, 23))
    found = outlook(
        Plan({one.task_id: one}, {}), {one.task_id: Duration(3.0)}, today=date(2026, 12, 23), holidays=HOLIDAYS
    )
    assert found.p50_on == date(2026, 12, 29), "Thursday, not Christmas, not the weekend, Monday, Tuesday"


@given(st.floats(0.5, 40), st.floats(0, 60))
@example(0.5, 10.0)
def test_what_is_long_overdue_is_never_expected_to_take_longer_than_if_it_were_begun_now(
    days: float, elapsed: float
) -> None:
    duration, chances = learn(days, Finished()), np.linspace(0.01, 0.99, 50)
    left, fresh = (duration.remaining(chances, elapsed=each) for each in (elapsed, 0.0))
    assert (left <= fresh + 1e-9).all()
    assert (left >= 0).all()
