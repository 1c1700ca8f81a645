"""Every metric on a company that was worked out by hand. Amounts of figures are cents."""

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from services.forecast.metrics.contracts import CONTRACTS
from services.forecast.metrics.formulas import staging
from tests.unit.forecast.metrics.given import factors, life, lost, on, parts, roles, scene, whole, won

CLOSES = date(2026, 12, 10)


def twenty_closed(*, wins: int = 8, total: int = 20, region: str = "EMEA", first: int = 1) -> list[list]:
    """Deals created on 1 October and closed 40 days later, on 10 November: the first `wins` won at 300, the rest lost at 100."""
    closed = date(2026, 11, 10)
    return [
        life(
            number,
            (on(10, 1), {"amount": Decimal(300 if number - first < wins else 100)}),
            (on(11, 10), won(closed) if number - first < wins else lost(closed)),
            region=region,
            owner_id=None,
        )
        for number in range(first, first + total)
    ]


def test_win_rate_by_count_is_won_of_closed():
    # 8 won of 20 closed = 0.4. Wilson: z = 1.96, middle (0.4 + 0.09604) / 1.19207 = 0.41612, half 0.19708.
    found = whole("win_rate_count", scene(twenty_closed()))
    assert (found.value, found.n, found.numerator, found.denominator) == (0.4, 20, 8, 20)
    assert found.interval == pytest.approx((0.2188, 0.6134), abs=1e-4)


def test_win_rate_by_value_is_amount_won_of_amount_closed():
    # 8 x 300 = 2400 won, 12 x 100 = 1200 lost: 2400 / 3600 = 2/3. Worth (3600^2) / (8 x 90000 + 12 x 10000) = 15.43 equal deals.
    found = whole("win_rate_value", scene(twenty_closed()))
    assert (found.value, found.numerator, found.denominator) == (2 / 3, 2400_00, 3600_00)
    assert found.interval is not None
    assert found.interval[0] < 2 / 3 < found.interval[1]


@pytest.mark.parametrize("name", ["win_rate_count", "win_rate_value", "win_rate_cohort", "velocity"])
def test_under_twenty_closed_deals_it_is_refused_with_the_reason(name: str):
    found = whole(name, scene(twenty_closed(total=19)))
    assert found.value is None
    assert found.interval is None
    assert (found.reason or "").startswith("19 closed deals")


def test_win_rate_of_a_cohort_counts_open_deals_as_not_won_yet():
    # 20 created in October and closed (8 won), 5 more created and still open: 8 / 25. Those of another quarter are in none.
    still = [life(number, (on(11, 1), {})) for number in range(31, 36)]
    found = whole("win_rate_cohort", scene([*twenty_closed(), *still, life(40, (on(9, 1), {}))]))
    assert (found.value, found.denominator) == (8 / 25, 25)
    assert factors(found) == {"closed": 20, "still_open": 5}


def journey() -> list[list]:
    """Stages first (10 %), second (50 %), third (80 %).

    1: first, second, third, won. 2: first, third (skips second), lost. 3: first, then back and forth, still in first.
    4: first, lost. 5: known only won. 6: entered the first stage in the quarter before, second in this one.
    """
    second, third = (
        {"stage": "second", "stage_probability": Decimal("0.5")},
        {"stage": "third", "stage_probability": Decimal("0.8")},
    )
    first = {"stage": "first", "stage_probability": Decimal("0.1")}
    day = date(2026, 11, 30)
    return [
        life(1, (on(10, 1), first), (on(10, 11), second), (on(10, 31), third), (on(11, 30), won(day))),
        life(2, (on(10, 1), first), (on(10, 5), third), (on(11, 30), lost(day))),
        life(3, (on(10, 1), first), (on(10, 3), second), (on(10, 4), first)),
        life(4, (on(10, 1), first), (on(10, 7), lost(day))),
        life(5, (on(10, 1), won(day))),
        life(6, (on(9, 1), first), (on(10, 1), second)),
    ]


def test_stage_conversion_counts_skipped_stages_as_passed():
    # first: entered by 1 2 3 4 in the quarter, 1 2 3 came further: 3/4. second: 1, 2 (skipped), 3, 6; 1 and 2 came further: 2/4.
    # third: 1, 2; won: 1 of 2. Together 3+2+1 of 4+4+2.
    found = parts("stage_conversion", scene(journey()), "slot")
    assert {key: (each.numerator, each.denominator) for key, each in found.items()} == {
        "default/first": (3, 4),
        "default/second": (2, 4),
        "default/third": (1, 2),
    }
    assert whole("stage_conversion", scene(journey())).value == 6 / 10


def test_time_in_stage_runs_from_entry_to_leaving():
    # first: 10, 4, 2, 6 days (deals 1 to 4), and 30 of deal 6, left on 1 October: mean 52 / 5. second: 20 and 1. third: 30 and 56.
    found = parts("time_in_stage", scene(journey()), "slot")
    assert {key: (each.numerator, each.n) for key, each in found.items()} == {
        "default/first": (52, 5),
        "default/second": (21, 2),
        "default/third": (86, 2),
    }
    assert found["default/first"].value == 52 / 5
    assert (found["default/first"].median, found["default/first"].p75) == (6, 10)


def test_age_in_stage_runs_from_stage_entry_not_from_creation():
    # 20 December: deal 3 is in first since 4 October, 77 days; deal 6 in second since 1 October, 80 days.
    found = parts("stage_age", scene(journey(), as_of=on(12, 20)), "slot")
    assert {key: each.value for key, each in found.items()} == {"default/first": 77, "default/second": 80}


def test_stalled_is_longer_than_three_quarters_of_won_deals_needed():
    # Won deals stayed 1, 2, ..., 12 days in first: p75 = 9.25. Open for 10 days is stalled, for 9 not; another stage is not judged.
    day = date(2026, 10, 20)
    done = [life(number, (on(10, 1), {}), (on(10, 1 + number), won(day))) for number in range(1, 13)]
    now = on(11, 30)
    waits = [
        life(21, (now - timedelta(days=10), {})),
        life(22, (now - timedelta(days=9), {})),
        life(23, (now - timedelta(days=90), {"stage": "other"})),
    ]
    at = scene([*done, *waits], as_of=now)
    found = whole("stalled", at)
    assert (found.value, found.numerator, found.denominator, found.unknown) == (0.5, 1, 2, 1)
    assert factors(found) == {"stalled_amount": 100_00}
    assert roles("stalled", at) == [(21, "stalled"), (22, "moving"), (23, "not_judged")]


def test_cycle_is_days_from_creation_to_booking():
    # Booked 10, 20 and 60 days after creation: mean 30, median 20, p75 40. One booked before it was created is left out.
    day = date(2026, 11, 30)
    lives = [
        life(number, (on(11, 30) - timedelta(days=gone), {}), (on(11, 30), won(day)))
        for number, gone in enumerate((10, 20, 60), 1)
    ]
    found = whole("cycle", scene([*lives, life(9, (on(12, 3), {}), (on(12, 4), won(day)))]))
    assert (found.value, found.n, found.median, found.p75, found.unknown) == (30, 3, 20, 40, 1)


def test_velocity_is_money_per_day():
    # 5 open x 8/20 x 300 / 40 days = 15 a day.
    still = [life(number, (on(11, 1), {})) for number in range(31, 36)]
    found = whole("velocity", scene([*twenty_closed(), *still]))
    assert found.value == pytest.approx(15_00)
    assert factors(found) == {"open_deals": 5, "count_win_rate": 0.4, "mean_won_amount": 300_00, "mean_cycle": 40}


def past_and_present() -> list[list]:
    """Quarters Q2 and Q3 past, Q4 asked on 11 October: day 10.

    Q2 on 11 April: 1 (100, won in Q2) and 2 (300, lost) were open and due. Q3 on 11 July: 3 (200, won) and 4 (200, slipped).
    In Q3 too: 5 was created on 1 August and won (60); 6 was due in Q4 and won early (40). Q4: 4 (200) and 7 (500) open, 8 (100) won.
    """
    due = {q: {"close_date": date(2026, 3 * q - 1, 20)} for q in (2, 3, 4)}
    return [
        life(0xA, (on(1, 2), due[4] | {"category": "omitted"})),  # history begins before Q1 is over
        life(1, (on(3, 1), due[2]), (on(6, 1), won(date(2026, 6, 1)))),
        life(2, (on(3, 1), due[2] | {"amount": Decimal(300)}), (on(6, 1), lost(date(2026, 6, 1)))),
        life(3, (on(7, 1), due[3] | {"amount": Decimal(200)}), (on(9, 1), won(date(2026, 9, 1)))),
        life(4, (on(7, 1), due[3] | {"amount": Decimal(200)}), (on(9, 1), due[4])),
        life(5, (on(8, 1), due[3] | {"amount": Decimal(60)}), (on(9, 1), won(date(2026, 9, 1)))),
        life(6, (on(7, 1), due[4] | {"amount": Decimal(40)}), (on(9, 1), won(date(2026, 9, 1)))),
        life(7, (on(10, 1), due[4] | {"amount": Decimal(500)})),
        life(8, (on(10, 1), due[4]), (on(10, 5), won(date(2026, 10, 5)))),
    ]


AT_DAY_10 = on(10, 11)


def test_conversion_of_open_pipeline_is_shrunk_to_a_third():
    # Open and due: 100 + 300 + 200 + 200 = 800, won 100 + 200 = 300: 0.375 over two periods. (0.375 x 2 + 1/3) / 3 = 0.3611.
    # Q1 2026 began before history and is not used.
    found = whole("conversion", scene(past_and_present(), as_of=AT_DAY_10))
    assert (found.numerator, found.denominator, found.n) == (300_00, 800_00, 4)
    assert found.value == pytest.approx((0.375 * 2 + 1 / 3) / 3)
    assert factors(found) == {"day": 10, "past_periods": 2, "observed": 0.375}
    nothing = whole("conversion", scene([life(1, (on(10, 1), {}))], as_of=AT_DAY_10))
    assert (nothing.value, factors(nothing)["past_periods"]) == (1 / 3, 0)


def test_required_open_is_what_the_gap_needs():
    # Target 1000, closed 100: gap 900. Create-and-close 60 / 2 periods = 30, pull-in 40 / 2 = 20. 850 / 0.36111 = 2353.85.
    # Open and due: 200 + 500 = 700: coverage 0.297.
    found = whole("required_open", scene(past_and_present(), as_of=AT_DAY_10, target=1000_00))
    assert found.value == pytest.approx(2353_84.6, abs=1)
    said = factors(found)
    assert (said["gap"], said["expected_create_and_close"], said["expected_pull_in"]) == (900_00, 30_00, 20_00)
    assert (said["open"], said["closed"]) == (700_00, 100_00)
    assert said["coverage"] == pytest.approx(700 / 2353.846)
    covered = whole("required_open", scene(past_and_present(), as_of=AT_DAY_10, target=90_00))
    assert (covered.value, covered.reason) == (0, "covered: closed reaches the target")
    without = whole("required_open", scene(past_and_present(), as_of=AT_DAY_10))
    assert without.value is None
    assert "target" in (without.reason or "")


def test_pipeline_to_create_asks_for_a_pace_within_the_lead_time():
    # 2353.85 - 700 = 1653.85. Cycles won in Q2 and Q3: 92, 62, 31, 62 days: median 62. From 11 October to 1 January 82 days,
    # 20 of them to create in: 1653.85 x 7 / 20 = 578.85 a week. Created in the 91 days before: 5, 7, 8: 660 x 7 / 91 = 50.77.
    found = whole("pipeline_to_create", scene(past_and_present(), as_of=AT_DAY_10, target=1000_00))
    said = factors(found)
    assert found.value == pytest.approx(1653_84.6, abs=1)
    assert (said["lead_time"], said["days_left_to_create"]) == (62, 20)
    assert said["needed_per_week"] == pytest.approx(578_84.6, abs=1)
    assert said["created_per_week"] == pytest.approx(660_00 * 7 / 91)


def test_created_counts_and_values_what_came_in_the_period():
    # 7 (500) and 8 (100) were created in Q4 by 11 October: 600 in 11 days, 381.82 a week. A held back one stands beside.
    waits = life(9, (on(10, 2), {"gate": "waiting", "lead_id": None}))
    at = scene([*past_and_present(), waits], as_of=AT_DAY_10)
    assert whole("created_count", at).value == 2
    assert whole("created_amount", at).value == 600_00
    assert whole("creation_pace", at).value == pytest.approx(600_00 * 7 / 11)
    assert (9, "held_back") in roles("created_count", at)


def test_slippage_is_the_share_of_what_was_due_that_left_the_period():
    # Due in Q4 at its beginning: 1 (100, pushed to January), 2 (300, won), 3 (200, lost), 4 (400, still due).
    # 100 / 1000 on 15 December; once the quarter is over, 4 has slipped too: 500 / 1000.
    due = {"close_date": CLOSES}
    lives = [
        life(1, (on(9, 1), due), (on(11, 1), {"close_date": date(2027, 1, 5)})),
        life(2, (on(9, 1), due | {"amount": Decimal(300)}), (on(11, 1), won(date(2026, 11, 1), amount=Decimal(999)))),
        life(3, (on(9, 1), due | {"amount": Decimal(200)}), (on(11, 1), lost(date(2026, 11, 1)))),
        life(4, (on(9, 1), due | {"amount": Decimal(400)})),
        life(5, (on(10, 2), due), (on(11, 1), {"close_date": date(2027, 1, 5)})),  # created in the period
    ]
    found = whole("slippage", scene(lives, as_of=on(12, 15)))
    assert (found.value, found.numerator, found.denominator) == (0.1, 100_00, 1000_00)
    assert whole("slippage", scene(lives, as_of=on(1, 10, year=2027))).value == 0.5
    early = whole("slippage", scene(lives, as_of=on(9, 15)))
    assert (early.value, early.reason) == (None, "the period has not begun")


def test_push_rate_counts_deals_whose_date_was_moved_later():
    # 1 pushed twice, 2 pulled, 3 pushed in September only, 4 pushed when already lost, 5 not open in the quarter: 1 of 4.
    later, sooner = {"close_date": date(2027, 2, 1)}, {"close_date": date(2026, 11, 20)}
    lives = [
        life(1, (on(9, 1), {}), (on(10, 5), later), (on(10, 9), {"close_date": date(2027, 3, 1)})),
        life(2, (on(9, 1), {}), (on(10, 5), sooner)),
        life(3, (on(9, 1), {}), (on(9, 5), later)),
        life(4, (on(9, 1), {}), (on(10, 5), lost(date(2026, 10, 5))), (on(10, 6), later)),
        life(5, (on(8, 1), {}), (on(9, 5), won(date(2026, 9, 5)))),
    ]
    found = whole("push_rate", scene(lives))
    assert (found.value, found.numerator, found.denominator) == (0.25, 1, 4)


def test_linearity_is_how_far_bookings_run_behind_the_calendar():
    # December, 31 days: 100 on the 1st, 300 on the 31st. Behind most on the 30th: 30/31 - 100/400 = 0.7177.
    lives = [
        life(1, (on(11, 1), {}), (on(12, 1), won(date(2026, 12, 1)))),
        life(2, (on(11, 1), {"amount": Decimal(300)}), (on(12, 31), won(date(2026, 12, 31)))),
    ]
    found = whole("linearity", scene(lives, period="2026-12"))
    assert found.value == pytest.approx(30 / 31 - 0.25)
    assert factors(found) == {"first_third": 0.25, "second_third": 0, "last_third": 0.75, "booked": 400_00}


def test_hygiene_is_the_open_money_with_a_warning():
    # Open: 1 (100) overdue and pushed three times, 2 (300) clean, 3 (200) undated, 4 carried over (400). 700 / 1000.
    lives = [
        life(1, (on(10, 1), {"close_date": date(2026, 10, 15), "pushes": 3})),
        life(2, (on(10, 1), {"close_date": CLOSES, "amount": Decimal(300)})),
        life(3, (on(10, 1), {"close_date": None, "amount": Decimal(200)})),
        life(4, (on(9, 1), {"close_date": date(2026, 9, 15), "amount": Decimal(400)})),
        life(5, (on(9, 1), {"close_date": date(2027, 2, 1)})),
    ]
    at = scene(lives, as_of=on(11, 1))
    found = whole("hygiene", at)
    assert (found.value, found.numerator, found.denominator) == (0.7, 700_00, 1000_00)
    by_warning = {key: each.numerator for key, each in parts("hygiene", at, "slot").items()}
    assert by_warning == {
        "overdue": 500_00,
        "stalled": 0,
        "three_pushes": 100_00,
        "no_close_date": 200_00,
        "no_activity_14d": 0,
        "no_next_step": 0,
        "single_threaded": 0,
        "close_plan_late": 0,
        "discount_outside_band": 0,
    }


def losses(first: int, count: int, at: tuple[int, int]) -> list[list]:
    day = date(2026, *at)
    return [life(number, (on(8, 1), {}), (on(*at), lost(day))) for number in range(first, first + count)]


def test_a_clean_up_is_ten_losses_in_a_day_and_five_times_normal():
    # 10 at once on 5 November: a clean-up. 9 on 6 November: none.
    at = scene([*losses(1, 10, (11, 5)), *losses(101, 9, (11, 6))])
    found = whole("clean_ups", at)
    assert (found.value, factors(found)) == (10, {"amount": 1000_00, "by_owner": 10})
    # Who lost 731 in the year before, 2.003 a day, is normal with 10 a day: 5 x 2.003 > 10.
    busy = [each for day in range(1, 27) for each in losses(1000 + 100 * day, 29, (9, day))]
    assert whole("clean_ups", scene([*losses(1, 10, (11, 5)), *busy])).value == 0


def test_a_clean_up_is_flagged_in_the_win_rate_and_counted():
    # 20 won and 10 lost by a clean-up: 20 / 30; without it 20 / 20.
    found = whole("win_rate_count", scene([*twenty_closed(wins=20), *losses(101, 10, (11, 5))]))
    assert (found.value, factors(found)) == (
        20 / 30,
        {"lost_in_clean_up": 10, "count_win_rate_without_clean_up": 1.0},
    )


def test_amounts_on_different_bases_are_refused_not_added():
    lives = [
        life(1, (on(10, 1), {}), value_basis="arr"),
        life(2, (on(10, 1), {}), value_basis="tcv"),
    ]
    found = whole("created_amount", scene(lives))
    assert (found.value, found.numerator) == (None, None)
    assert "different value bases" in (found.reason or "")
    assert whole("created_count", scene(lives)).value == 2
    assert {key: each.value for key, each in parts("created_amount", scene(lives), "value_basis").items()} == {
        "arr": 100_00,
        "tcv": 100_00,
    }


def test_stages_stand_by_their_probability_or_else_as_deals_come_to_them():
    def order(*probabilities: str | None) -> list[str]:
        names = ("zeta", "beta", "alpha")
        steps = [
            {"stage": name, "stage_probability": None if each is None else Decimal(each)}
            for name, each in zip(names, probabilities, strict=True)
        ]
        found = staging.stages(scene([life(1, *((on(10, 1 + day), step) for day, step in enumerate(steps)))]))
        return [key for _, key in sorted(zip(found.place.tolist(), found.keys, strict=True))]

    assert order("0.1", "0.5", "0.9") == ["default/zeta", "default/beta", "default/alpha"]
    assert order("0.9", "0.5", "0.1") == ["default/alpha", "default/beta", "default/zeta"]
    assert order("0.9", None, "0.1") == ["default/zeta", "default/beta", "default/alpha"]


def test_every_metric_has_its_golden_company():
    text = Path(__file__).read_text(encoding="utf-8")
    assert {name for name in CONTRACTS if f'"{name}", scene' not in text and f'"{name}", at' not in text} == set()
