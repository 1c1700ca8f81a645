from decimal import Decimal

from gateway.pages.projection.methods import method_of
from gateway.pages.projection.quarters import comparisons, held, picture, scored
from tests.support import outlooks


def test_a_range_holds_in_the_picture_when_it_held() -> None:
    for past in picture(outlooks.past()["periods"]).periods:
        came = Decimal(past.came)
        for each in past.ranges:
            top, bottom = Decimal(each.y), Decimal(each.y) + Decimal(each.height)
            assert each.hit == (top <= came <= bottom)
            assert top <= Decimal(each.said) <= bottom


def test_periods_run_from_the_oldest_to_the_newest_and_days_from_left_to_right() -> None:
    drawn = picture(outlooks.past()["periods"])
    assert [past.label for past in drawn.periods] == [label for label, *_ in reversed(outlooks.QUARTERS)]
    assert drawn.periods[0].words == ("Q2", "2025")
    edges = [Decimal(each.x) for past in drawn.periods for each in past.ranges]
    assert edges == sorted(edges)
    assert [each.day for each in drawn.periods[0].ranges] == [1, 31, 61]
    assert edges[0] > 110, "the amounts of the axis have their place"


def test_a_day_on_which_nothing_was_said_leaves_its_place_free() -> None:
    found = outlooks.past()
    whole = picture(found["periods"]).periods[-1].ranges
    found["periods"][0]["sayings"] = found["periods"][0]["sayings"][1:]
    assert picture(found["periods"]).periods[-1].ranges == whole[1:]


def test_nothing_past_is_an_empty_picture() -> None:
    assert picture([]).periods == []
    assert held([]) == []


def test_hits_are_counted_by_day_of_the_period() -> None:
    assert [(each.day, each.hits, each.of) for each in held(outlooks.past()["periods"])] == [
        (1, 4, 6), (31, 6, 6), (61, 6, 6),
    ]  # fmt: skip


def test_who_was_closer_than_the_projection_is_said_by_name() -> None:
    told = comparisons(outlooks.past()["methods"])
    assert [each.day for each in told] == [1, 31, 61]
    assert [[method.label for method, _ in each.closer] for each in told] == [[], ["Pacing"], []]
    assert not any(each.early for each in told)


def test_of_few_periods_it_is_said_that_it_is_too_early() -> None:
    methods = [each | {"periods": 5} for each in outlooks.past()["methods"]]
    assert all(each.early for each in comparisons(methods))


def test_where_nothing_came_there_is_no_comparison() -> None:
    methods = [each | {"wape": None, "bias": None} for each in outlooks.past()["methods"]]
    assert comparisons(methods) == []
    assert not any(score.closest for row in scored(methods) for score in row.scores.values())


def test_the_projection_stands_first_and_the_closest_of_each_day_is_marked() -> None:
    rows = scored(list(reversed(outlooks.past()["methods"])))
    assert rows[0].method == method_of("foretell")
    closest = {(row.name, day) for row in rows for day, score in row.scores.items() if score.closest}
    assert closest == {("foretell", 1), ("same_day_pacing", 31), ("foretell", 61)}
