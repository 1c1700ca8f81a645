"""Shares of deals as columns: whole to the cent, by the right statement, and the same as deal by deal."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from libs.common import money
from libs.common.events.splits import SplitEntry, SplitShare
from services.forecast.credit.columns import WHOLE, Splits, Told
from services.forecast.credit.share import booked_until, counting, parts

ZONE = ZoneInfo("Europe/Berlin")
NO_DAY = -(2**31)
BEGIN = datetime(2024, 11, 1, tzinfo=UTC)


def micros(instant: datetime) -> int:
    return (instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


@st.composite
def shares(draw: st.DrawFn) -> tuple[tuple[int, int], ...]:
    """People and millionths that make a whole, or nobody's; the greatest first, as statements are read."""
    several = draw(st.lists(st.integers(1, WHOLE), max_size=5))
    if not several:
        return ()
    cuts = sorted({*(each % WHOLE for each in several), 0})
    sizes = [end - start for start, end in zip(cuts, [*cuts[1:], WHOLE], strict=True)]
    people = draw(st.permutations(range(1, len(sizes) + 1)))
    return tuple(sorted(zip(people, sizes, strict=True), key=lambda each: (-each[1], each[0])))


@dataclass(frozen=True)
class Said:
    deal: int
    version: int
    recorded: int
    entries: tuple[tuple[int, tuple[tuple[int, int], ...]], ...]


@st.composite
def told(draw: st.DrawFn) -> list[Said]:
    found = []
    for deal in draw(st.lists(st.integers(1, 6), unique=True, max_size=4)):
        recorded = 0
        for version in range(1, draw(st.integers(1, 3)) + 1):
            recorded += draw(st.integers(0, 3))
            hours = sorted(draw(st.lists(st.integers(0, 90), unique=True, max_size=3)))
            found.append(Said(deal, version, recorded, tuple((hour, draw(shares())) for hour in hours)))
    return draw(st.permutations(found))


def columns(said: list[Said]) -> Splits:
    def at(hours: int) -> int:
        return micros(BEGIN + timedelta(hours=hours))

    return Splits.of(
        [
            Told(each.deal, each.version, at(each.recorded), [(at(hour), some) for hour, some in each.entries])
            for each in said
        ]
    )


def entries(said: Said) -> list[SplitEntry]:
    return [
        SplitEntry(
            at=BEGIN + timedelta(hours=hour),
            shares=tuple(
                SplitShare(person_id=UUID(int=person), share=Decimal(part).scaleb(-6)) for person, part in some
            ),
        )
        for hour, some in said.entries
    ]


@given(said=told(), data=st.data())
def test_columns_say_of_every_deal_what_is_said_of_it_alone_and_its_parts_are_the_whole(
    said: list[Said], data: st.DataObject
) -> None:
    """Any order of arrival, any pair of instants, open deals and closed ones."""
    deals = data.draw(st.lists(st.integers(1, 7), min_size=1, max_size=8))
    closed = [data.draw(st.none() | st.dates(date(2024, 10, 31), date(2024, 11, 5))) for _ in deals]
    units = [data.draw(st.integers(-(10**15), 10**15)) for _ in deals]
    as_of, known = data.draw(st.integers(0, 100)), data.draw(st.integers(0, 8))
    days = np.array([NO_DAY if day is None else (day - date(1970, 1, 1)).days for day in closed], dtype=np.int32)
    credit = columns(said).credit(
        np.array(deals, dtype=np.int32),
        days,
        no_day=NO_DAY,
        as_of=micros(BEGIN + timedelta(hours=as_of)),
        known_at=micros(BEGIN + timedelta(hours=known)),
        zone=ZONE,
    )
    found: dict[int, dict[UUID, Decimal]] = {}
    if credit is not None:
        cut = credit.cut(np.array(units, dtype=np.int64))
        for row, person, amount in zip(credit.row.tolist(), credit.person.tolist(), cut.tolist(), strict=True):
            found.setdefault(row, {})[UUID(int=person)] = money.from_minor(amount, "EUR")
    for row, deal in enumerate(deals):
        heard = [each for each in said if each.deal == deal and each.recorded <= known]
        holds = BEGIN + timedelta(hours=as_of)
        last = booked_until(closed[row], ZONE)
        newest = max(heard, key=lambda each: each.version, default=None)
        credited = counting(entries(newest), holds if last is None else min(holds, last)) if newest else []
        whole = money.from_minor(units[row], "EUR")
        alone = parts({"amount_base": whole, "weighted_base": None}, credited, "EUR") if credited else []
        assert found.get(row, {}) == {each.person_id: each.amount for each in alone}
        assert not credited or sum(each.amount or 0 for each in alone) == whole


@given(said=told(), asked=st.sets(st.integers(1, 5)), data=st.data())
def test_what_those_who_are_asked_for_have_and_what_the_others_have_is_the_whole(
    said: list[Said], asked: set[int], data: st.DataObject
) -> None:
    deals = np.array(sorted(data.draw(st.lists(st.integers(1, 7), min_size=1, max_size=8))), dtype=np.int32)
    units = np.array([data.draw(st.integers(-(10**15), 10**15)) for _ in deals], dtype=np.int64)
    late = micros(BEGIN + timedelta(days=30))
    credit = columns(said).credit(
        deals, np.full(len(deals), NO_DAY, dtype=np.int32), no_day=NO_DAY, as_of=late, known_at=late, zone=ZONE
    )
    if credit is None:
        return
    mine = np.isin(credit.person, sorted(asked))
    ours, theirs = credit.asked(mine).of_mine(units), credit.asked(~mine).of_mine(units)
    split = np.isin(np.arange(len(units)), credit.rows)
    assert (ours + theirs)[split].tolist() == units[split].tolist()
    assert ours[~split].tolist() == units[~split].tolist()
