"""Columns of history against one deal after the other."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from random import Random
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from libs.common.calendar import FiscalCalendar
from libs.common.events.deals import DealState
from services.forecast.history.columns import ARRAYS, Columns, effective, local_days, micros, timeline
from services.forecast.organisation.tree import Organisation
from services.forecast.past import cutting
from services.forecast.past.population import BUCKETS, Population
from services.forecast.rates.valuing import times
from services.forecast.rollup.standing import bucket_of, standing
from tests.unit.forecast.given import AT, RATES, Recorded, columns_of, lives, timelines

INSTANTS = st.integers(-1, 200).map(lambda hours: AT + timedelta(hours=hours))
QUARTER = FiscalCalendar().quarter(AT.date())


def replayed(entries: list[Recorded], as_of: datetime, known_at: datetime) -> dict[UUID, DealState]:
    """The deals at two instants by another road: all that was known is put in the order of the timeline."""
    seen = [state for state, recorded in entries if state.valid_from <= as_of and recorded <= known_at]
    return {state.deal_id: state for state in sorted(seen, key=lambda state: (state.valid_from, state.version))}


def names(columns: Columns, rows: np.ndarray) -> dict[UUID, int]:
    return {
        UUID(deal): version
        for deal, version in zip(columns.texts("deal", rows), columns.version[rows].tolist(), strict=True)
    }


@given(timelines(), INSTANTS, INSTANTS)
def test_what_holds_at_two_instants_is_what_a_replay_gives(
    entries: list[Recorded], as_of: datetime, known_at: datetime
) -> None:
    columns = columns_of(entries)
    expected = {deal: state.version for deal, state in replayed(entries, as_of, known_at).items()}
    assert names(columns, effective(columns, as_of, known_at)) == expected


@given(
    timelines() | st.integers(0, 2**32).map(lambda seed: lives(Random(seed))),  # noqa: S311
    INSTANTS,
    INSTANTS,
    st.sets(st.integers(0, 5), min_size=1),
)
def test_what_held_on_the_way_is_what_a_replay_gives(
    entries: list[Recorded], as_of: datetime, known_at: datetime, some: set[int]
) -> None:
    columns = columns_of(entries)
    moments = sorted({state.valid_from for state, _ in entries if state.valid_from <= as_of})
    expected = {(deal, state.version) for at in moments for deal, state in replayed(entries, at, known_at).items()}
    deals = np.array(sorted(some & set(columns.deal.tolist())), dtype=np.intp)
    for rows, wanted in (
        (timeline(columns, as_of, known_at), set(columns.deal.tolist())),
        (timeline(columns, as_of, known_at, deals), set(deals.tolist())),
    ):
        assert rows.tolist() == sorted(rows.tolist())
        found = list(zip(columns.texts("deal", rows), columns.version[rows].tolist(), strict=True))
        of = {columns.words["deal"].texts[code] for code in wanted}
        assert sorted(found) == sorted((str(deal), version) for deal, version in expected if str(deal) in of)


@given(timelines(), st.randoms(use_true_random=False), st.integers(1, 6))
def test_columns_do_not_depend_on_the_order_of_arrival(entries: list[Recorded], chance: object, size: int) -> None:
    whole = columns_of(sorted(entries, key=lambda entry: entry[0].deal_id))
    shuffled = list(entries)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    grown: Columns | None = None
    for start in range(0, len(shuffled), size):
        grown = columns_of(shuffled[start : start + size], grown)
    assert grown is not None
    assert len(grown) == len(whole)
    assert rows_of(grown) == rows_of(whole)
    for columns in (grown, whole):
        order = np.lexsort((columns.version, columns.valid_from, columns.deal))
        assert order.tolist() == list(range(len(columns)))


def rows_of(columns: Columns) -> set[tuple[object, ...]]:
    every = np.arange(len(columns))
    values = [
        columns.texts(name, every) if name in columns.words else getattr(columns, name).tolist() for name in ARRAYS
    ]
    return set(zip(*values, strict=True))


@given(timelines(deals=8, versions=2), INSTANTS)
def test_every_deal_stands_and_is_worth_what_the_single_deal_is(entries: list[Recorded], as_of: datetime) -> None:
    columns = columns_of(entries)
    population = Population.of(columns, effective(columns, as_of, as_of), RATES)
    deals = [UUID(deal) for deal in columns.texts("deal", population.rows)]
    (amount, priced), (weighted, weighed) = population.amount, population.weighted
    cents = [int(each) if known else None for each, known in zip(amount, priced, strict=True)]
    shares = [int(each) if known else None for each, known in zip(weighted, weighed, strict=True)]
    buckets = [BUCKETS[code] for code in population.buckets(QUARTER.start)]
    found = dict(zip(deals, zip(buckets, cents, shares, strict=True), strict=True))
    expected = {}
    for deal, state in replayed(entries, as_of, as_of).items():
        stands = standing(state, RATES, FiscalCalendar())
        if stands is not None:
            bucket = bucket_of(stands.line, stands.month, QUARTER.start)
            expected[deal] = (bucket, _cents(stands.amount_base), _cents(stands.weighted_base))
    assert found == expected


def _cents(amount: Decimal | None) -> int | None:
    return None if amount is None else int(amount * 100)


@given(timelines(deals=8, versions=2), st.sampled_from(["none", "month", "owner", "team", "unit", "region", "product"]))
def test_the_parts_of_every_cut_add_to_the_whole(entries: list[Recorded], by: str) -> None:
    columns = columns_of(entries)
    late = AT + timedelta(days=99)
    population = Population.of(columns, effective(columns, late, late), RATES)
    chosen = population.where(cutting.in_period(population, QUARTER, QUARTER.start))
    calendar, nobody = FiscalCalendar(), Organisation({}, {})
    parts, part = cutting.cut(
        chosen, by, organisation=nobody, org=UUID(int=0), quarter_start=QUARTER.start, calendar=calendar
    )
    cut = cutting.summed(chosen, parts, part, chosen.buckets(QUARTER.start))
    assert len({(each.part, each.bucket) for each in cut}) == len(cut)
    assert sum(each.count for each in cut) == len(chosen)
    assert sum(each.amount for each in cut) * 100 == int(chosen.amount[0].sum())
    assert sum(each.unpriced_count for each in cut) == int((~chosen.amount[1]).sum())


@given(
    st.lists(st.integers(-(10**17), 10**17), max_size=5),
    st.fractions(0, 1000) | st.decimals(0, 10, places=8).map(Fraction),
)
@example([10**17 + 5, -(10**17) - 5], Fraction(1, 10))
@example([25, -25, 35], Fraction(1, 10))
@example([3 * 10**12 + 1], Fraction(Decimal(1) / Decimal("1.0837")) / 2)
def test_products_are_rounded_half_away_from_zero_exactly(units: list[int], factor: Fraction) -> None:
    if factor and max(map(abs, units), default=0) * factor >= 2**62:
        return
    found = times(np.array(units, dtype=np.int64), factor).tolist()
    assert found == [_nearest(Fraction(unit) * factor) for unit in units]


def _nearest(value: Fraction) -> int:
    magnitude = int(abs(value) + Fraction(1, 2))
    return magnitude if value >= 0 else -magnitude


ZONES = st.sampled_from(
    ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"]
)


@given(st.lists(st.datetimes(datetime(1970, 1, 2), datetime(2037, 12, 30)), min_size=1, max_size=20), ZONES)  # noqa: DTZ001
@example([datetime(2026, 3, 29, 0, 59, 59), datetime(2026, 3, 29, 1), datetime(2026, 10, 25, 0, 30)], "Europe/Berlin")  # noqa: DTZ001
def test_days_are_those_of_the_clocks_on_the_wall_on_days_they_are_set_too(instants: list[datetime], name: str) -> None:
    zone = ZoneInfo(name)
    found = local_days(np.array([micros(each.replace(tzinfo=UTC)) for each in instants]), zone)
    wall = [each.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=UTC) for each in instants]
    assert found.tolist() == [micros(each) / 86_400_000_000 for each in wall]
