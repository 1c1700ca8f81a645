from datetime import date
from decimal import Decimal

from gateway.pages.projection.fan import Fan, fan
from tests.support import outlooks

WHOLE = {"start": outlooks.START, "end": outlooks.END}
Place = tuple[Decimal, Decimal]


def drawn(**changes: object) -> Fan:
    found = fan(outlooks.projection(**changes)["fan"], **WHOLE)
    assert found is not None
    return found


def places(points: str) -> list[Place]:
    return [(Decimal(x), Decimal(y)) for x, y in (each.split(",") for each in points.split())]


def test_what_is_closed_leads_from_nothing_to_where_the_band_opens() -> None:
    picture = drawn()
    closed, middle, band = places(picture.closed), places(picture.middle), places(picture.band)
    assert closed[0] == (Decimal("0.00"), Decimal("1000.00"))
    assert closed[-1] == middle[0] == band[0] == band[-1]
    assert closed == sorted(closed, key=lambda place: place[0])
    assert middle[-1][0] == Decimal("1000.00")


def test_the_middle_lies_within_the_band_on_every_day() -> None:
    picture = drawn()
    middle, band = places(picture.middle), places(picture.band)
    upper, lower = band[: len(middle)], list(reversed(band[len(middle) :]))
    for high, inside, low in zip(upper, middle, lower, strict=True):
        assert high[0] == inside[0] == low[0]
        assert high[1] <= inside[1] <= low[1]


def test_a_period_that_is_over_has_no_band_and_one_to_come_begins_with_nothing() -> None:
    points = outlooks.projection()["fan"]
    over = drawn(fan=[each for each in points if each["closed"]])
    assert (over.band, over.middle, over.today) == ("", "", None)
    coming = drawn(fan=[each for each in points if each["closed"] is None])
    assert (coming.closed, coming.today) == ("", None)
    assert places(coming.middle)[0] == (Decimal("0.00"), Decimal("1000.00"))
    assert fan([], **WHOLE) is None


def test_the_last_known_evening_is_marked_and_so_are_the_firsts_of_months() -> None:
    picture = drawn()
    assert picture.today is not None
    assert picture.today.value == date(2026, 11, 18)
    assert [each.value for each in picture.dates] == [date(2026, 10, 1), date(2026, 11, 1), date(2026, 12, 1)]
    assert picture.dates[0].at == "0.00"


def test_a_period_of_whole_weeks_tells_of_months_where_they_begin_and_have_room() -> None:
    picture = fan(outlooks.projection()["fan"], start=date(2026, 9, 27), end=date(2027, 1, 2))
    assert picture is not None
    assert [each.value for each in picture.dates] == [date(2026, 10, 1), date(2026, 11, 1), date(2026, 12, 1)]
    assert Decimal(picture.dates[0].at) > 0


def test_a_target_far_above_is_still_in_the_picture() -> None:
    picture = fan(outlooks.projection()["fan"], **WHOLE, target=Decimal(30_000_000))
    assert picture is not None
    assert picture.target is not None
    assert Decimal(0) <= Decimal(picture.target.at) < min(y for _, y in places(picture.band))
