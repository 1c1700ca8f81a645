"""How right what was said is called: by hand on few cases, and by promises that are kept by construction."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pytest
from scipy.special import ndtri

from services.forecast.record.commits import Kept, corrected
from services.forecast.record.judging import OURS, Case, Judged, Method, judge

SHARES = (np.arange(40) + 0.5) / 40


def case(
    number: int, *, came: float, said: float = 100.0, closed: float = 20.0, width: float = 10.0, **others: float
) -> Case:
    """A lock of the quarter `number`; ours is normal around `said`."""
    due = datetime(2020, 1, 6, 12, tzinfo=UTC) + timedelta(days=91 * number)
    ends = [said + width * float(ndtri(share)) for share in (0.1, 0.9)]
    return Case(
        due_at=due,
        closed_at=due + timedelta(days=97),
        period=date(2020, 1, 1) + timedelta(days=91 * number),
        closed=closed,
        came=came,
        said={OURS: said, **others},
        quantiles=said + width * ndtri(SHARES),
        shares=SHARES,
        band_80=(ends[0], ends[1]),
        band_95=None,
        expected_wins=25.0,
        size_cv=0.75,
    )


def method(found: Judged, name: str) -> Method:
    return next(each for each in found.methods if each.name == name)


def test_errors_are_shares_of_what_came_and_of_what_was_still_to_come() -> None:
    cases = [case(number, came=came) for number, came in enumerate((90, 110, 120, 80, 100, 100))]
    ours = judge(cases).methods[0]
    assert (ours.name, ours.n, ours.periods, ours.absolute_error) == (OURS, 6, 6, 60.0)
    assert ours.wape == pytest.approx(60 / 600)
    assert ours.wape_remaining == pytest.approx(60 / 480)
    assert ours.bias == pytest.approx(0)
    assert ours.cover_80 is not None
    assert ours.cover_80.share == pytest.approx(4 / 6)


def test_below_six_periods_nothing_is_called_right_or_wrong() -> None:
    cases = [case(number % 5, came=90, commit=95) for number in range(60)]
    found = judge(cases)
    assert found.too_early == "too early: 5 of at least 6 closed periods have been locked"
    for each in found.methods:
        assert (each.wape, each.bias, each.crps, each.closer, each.compared) == (None, None, None, None, None)
    assert found.floor is None
    assert method(found, "commit").absolute_error == 300.0
    ours = found.methods[0].cover_80
    assert ours is not None
    assert (ours.n, ours.distinct) == (60, 5), "how often ranges held is told with how little that says"


def test_a_method_is_compared_on_the_locks_at_which_it_said_something() -> None:
    with_it = [case(number, came=100, said=110, closer=101, farther=150) for number in range(8)]
    without = [case(number, came=100, said=300) for number in range(8, 16)]
    found = judge([*with_it, *without])
    assert method(found, "closer").ours == pytest.approx(0.1)
    assert (method(found, "closer").n, found.methods[0].n) == (8, 16)
    assert (method(found, "closer").closer, method(found, "farther").closer) == ("other", "foretell")


def test_nobody_is_called_closer_by_the_luck_of_one_quarter() -> None:
    rng = np.random.default_rng(3)
    cases = [case(number, came=100, said=100 + rng.normal(0, 9), other=100 + rng.normal(0, 9)) for number in range(12)]
    assert method(judge(cases), "other").closer == "unclear"
    assert method(judge(cases[:6] * 40), "other").closer == "unclear", "more locks of the same quarters say no more"


def test_promises_of_a_true_distribution_are_kept_and_of_one_too_narrow_broken() -> None:
    rng = np.random.default_rng(5)
    outcomes = 100 + 10 * rng.standard_normal(400)
    kept = judge([case(number, came=float(came)) for number, came in enumerate(outcomes)])
    assert all(covered.low <= level <= covered.high for level, covered in kept.levels)
    assert kept.methods[0].cover_80 is not None
    assert kept.methods[0].cover_80.share == pytest.approx(0.8, abs=0.05)
    narrow = judge([case(number, came=float(came), width=3.0) for number, came in enumerate(outcomes)])
    assert not all(covered.low <= level <= covered.high for level, covered in narrow.levels)
    assert (narrow.methods[0].crps or 0) > (kept.methods[0].crps or 0)


def test_the_noise_floor_is_that_of_what_was_still_to_come() -> None:
    """25 wins of cv 0.75: 0.8 x sqrt(1.5625 / 25) = 0.2 of the 80 to come."""
    found = judge([case(number, came=100) for number in range(6)])
    assert found.floor == pytest.approx(0.2 * 80 / 100)
    assert found.floor_remaining == pytest.approx(0.2 * 80 / 80)
    unknown = judge([replace(case(number, came=100), size_cv=None) for number in range(6)])
    assert unknown.floor is None


def test_a_point_gets_its_spread_from_periods_that_were_closed_by_then_only() -> None:
    cases = [case(number, came=100, point=100 + 30 * (-1) ** number) for number in range(20)]
    wide = method(judge(cases), "point").cover_80
    changed = [*cases[:-1], replace(cases[-1], came=100.0)]
    assert wide == method(judge(changed), "point").cover_80
    early = [replace(each, closed_at=each.due_at + timedelta(days=9999)) for each in cases]
    assert method(judge(early), "point").crps != method(judge(cases), "point").crps


def row(kind: str, node: UUID, parent: UUID | None, closed: int, crm: int) -> dict[str, Any]:
    return {
        "node_kind": kind,
        "node_id": node,
        "parent_id": parent,
        "closed_won": Decimal(closed),
        "crm": Decimal(crm),
    }


def people() -> tuple[Sequence[dict[str, Any]], UUID, UUID, UUID]:
    root, team, ann, bob = (uuid4() for _ in range(4))
    rows = [
        row("unit", root, None, 30, 130),
        row("unit", team, root, 30, 130),
        row("person", ann, team, 10, 60),
        row("person", bob, team, 20, 70),
    ]
    return rows, root, ann, bob


def test_commit_is_corrected_by_what_came_of_each_persons_and_adds_up() -> None:
    rows, root, ann, bob = people()
    past = {ann: Kept(4, Decimal(400), Decimal(400)), bob: Kept(4, Decimal(400), Decimal(0))}
    said = corrected(rows, past)
    # Everybody's share is a half, a usual period is 100: ann (400 + 100) / 600, bob (0 + 100) / 600.
    assert said[ann] == Decimal("51.67")
    assert said[bob] == Decimal("28.33")
    assert said[root] == said[ann] + said[bob] == said[rows[1]["node_id"]]


def test_commit_is_not_corrected_before_any_was_judged() -> None:
    rows, *_ = people()
    assert set(corrected(rows, {}).values()) == {None}
