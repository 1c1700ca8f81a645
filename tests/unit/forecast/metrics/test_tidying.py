"""Warnings about the care that deals get, and clean-ups by those who made them: worked out by hand, and deal by deal."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random
from statistics import median
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from libs.common.events.deals import DealState
from services.forecast.metrics.contracts import CONTRACTS
from services.forecast.metrics.formulas.scene import Scene
from tests.unit.forecast.metrics.given import factors, life, lost, on, parts, scene, whole


def test_hygiene_asks_after_activity_and_next_steps_only_where_the_crm_tells_them():
    # 100 quiet since 17 October, 15 days before 1 November; 200 active on the 18th, 14 days; 300 never active but created on the
    # 20th; 400 without any activity since its creation on 1 October; 500 of a CRM that tells nothing. Next steps: 100 and 400 have none.
    active = {"activity_known": True, "next_step_known": True}
    lives = [
        life(1, (on(10, 1), {"last_activity_at": on(10, 17, 23)}), **active),
        life(
            2, (on(10, 1), {"amount": Decimal(200), "last_activity_at": on(10, 18, 0), "next_step": "call"}), **active
        ),
        life(3, (on(10, 20), {"amount": Decimal(300), "next_step": "mail"}), **active),
        life(4, (on(10, 1), {"amount": Decimal(400)}), **active),
        life(5, (on(10, 1), {"amount": Decimal(500)})),
    ]
    at = scene(lives, as_of=on(11, 1))
    found = parts("hygiene", at, "slot")
    sides = {key: (each.numerator, each.denominator, each.unknown) for key, each in found.items()}
    assert sides["no_activity_14d"] == (500_00, 1000_00, 1)
    assert sides["no_next_step"] == (500_00, 1000_00, 1)
    assert factors(found["no_next_step"]) == {"not_judged": 500_00}
    assert (whole("hygiene", at).numerator, whole("hygiene", at).denominator) == (500_00, 1500_00)
    # The same instant is another day in Los Angeles: the activity of the 17th, 23 h UTC, is 14 days before 31 October, 22 h there.
    there = scene(lives, as_of=on(11, 1, 5), zone="America/Los_Angeles")
    assert parts("hygiene", there, "slot")["no_activity_14d"].numerator == 400_00
    # A CRM that tells nothing of it: null, and nobody is accused.
    untold = parts("hygiene", scene(lives[4:], as_of=on(11, 1)), "slot")["no_next_step"]
    assert (untold.value, untold.n, untold.unknown) == (None, 0, 1)


def test_hygiene_asks_for_the_economic_buyer_from_the_middle_of_the_pipeline_on():
    # Stages one to four: proposal is the third, 4 // 2. 100 stands in the second; 200 and 300 in the third, 400 in the fourth.
    # Known: of 300 until December; of 400 until 31 October, so no longer on 1 November.
    def at_stage(number: int, place: int, amount: int, until: datetime | None = None) -> list:
        steps = [{"stage": f"s{each}", "stage_probability": Decimal(each) / 10} for each in range(1, place + 1)]
        worth = {"amount": Decimal(amount), "economic_buyer_until": until}
        return life(number, *((on(10, 1 + day), step) for day, step in enumerate(steps)), **worth)

    lives = [
        at_stage(1, 2, 100),
        at_stage(2, 3, 200),
        at_stage(3, 3, 300, on(12, 1)),
        at_stage(4, 4, 400, on(10, 31)),
    ]
    found = parts("hygiene", scene(lives, as_of=on(11, 1)), "slot")["no_economic_buyer"]
    assert (found.numerator, found.denominator, found.unknown) == (600_00, 900_00, 0)
    # A company that has recorded none of any deal is not judged: 200 and a 400 without one.
    unused = [at_stage(1, 2, 100), at_stage(2, 3, 200), at_stage(4, 4, 400)]
    found = parts("hygiene", scene(unused, as_of=on(11, 1)), "slot")["no_economic_buyer"]
    assert (found.value, found.n, found.unknown) == (None, 0, 2)


def test_hygiene_asks_for_a_second_thread_of_the_larger_deals_of_which_talks_were_told():
    # The median of 100, 200, 300, 400 and 500 is 300: 400 and 500 are asked. 400 had two threads until 31 October, 500 one; of a 600
    # nobody told a talk, and with it the median is 350.
    def threads(*until: datetime) -> dict[str, Any]:
        return {"threads_until": until}

    lives = [
        life(1, (on(10, 1), threads()), amount=Decimal(100)),
        life(2, (on(10, 1), threads()), amount=Decimal(200)),
        life(3, (on(10, 1), threads()), amount=Decimal(300)),
        life(4, (on(10, 1), threads(on(12, 1), on(10, 31))), amount=Decimal(400)),
        life(5, (on(10, 1), threads(on(12, 1))), amount=Decimal(500)),
    ]
    on_the_day = parts("hygiene", scene(lives, as_of=on(10, 31, 20)), "slot")["single_threaded"]
    assert (on_the_day.numerator, on_the_day.denominator, on_the_day.unknown) == (500_00, 900_00, 0)
    after = parts("hygiene", scene(lives, as_of=on(11, 1)), "slot")["single_threaded"]
    assert (after.numerator, after.denominator) == (900_00, 900_00)
    untold = life(6, (on(10, 1), {}), amount=Decimal(600))
    with_untold = parts("hygiene", scene([*lives, untold], as_of=on(11, 1)), "slot")["single_threaded"]
    assert (with_untold.numerator, with_untold.denominator, with_untold.unknown) == (900_00, 900_00, 1)
    alone = parts("hygiene", scene([untold, life(7, (on(10, 1), {}), amount=Decimal(10))], as_of=on(11, 1)), "slot")
    assert (alone["single_threaded"].value, alone["single_threaded"].unknown) == (None, 1)


def test_a_close_plan_later_than_the_close_date_is_warned_of_where_a_deal_has_a_plan():
    lives = [life(number, (on(10, 1), {}), amount=Decimal(100 * number)) for number in (1, 2, 3)]
    by_plan = {1: date(2026, 12, 2), 2: date(2026, 12, 1)}
    late = parts("hygiene", scene(lives, as_of=on(11, 1), plan_ends=by_plan), "slot")["close_plan_late"]
    assert (late.numerator, late.denominator, late.unknown) == (100_00, 300_00, 0), "the third has no plan"
    none = parts("hygiene", scene(lives, as_of=on(11, 1)), "slot")["close_plan_late"]
    assert (none.value, none.unknown) == (None, 3)


def test_a_discount_outside_its_band_is_warned_of_where_the_quote_of_a_deal_has_a_band():
    lives = [life(number, (on(10, 1), {}), amount=Decimal(100 * number)) for number in (1, 2, 3)]
    lives.append(life(4, (on(10, 1), {}), (on(10, 20), lost(date(2026, 10, 20))), amount=Decimal(900)))
    below = {1: True, 2: False, 4: True}
    found = scene(lives, as_of=on(11, 1), below_floor=below)
    outside = parts("hygiene", found, "slot")["discount_outside_band"]
    assert (outside.numerator, outside.denominator, outside.unknown) == (100_00, 300_00, 0), (
        "the third has no quote, the fourth is lost"
    )
    assert whole("hygiene", found).numerator == 100_00
    none = parts("hygiene", scene(lives, as_of=on(11, 1)), "slot")["discount_outside_band"]
    assert (none.value, none.unknown) == (None, 3)
    only_closed = parts("hygiene", scene(lives, as_of=on(11, 1), below_floor={4: True}), "slot")
    assert only_closed["discount_outside_band"].unknown == 3, (
        "the band of a closed deal says nothing of those that are open"
    )


def test_a_clean_up_is_that_of_whoever_the_crm_says_made_the_change():
    ops, seller, other = UUID(int=901), UUID(int=902), UUID(int=903)

    def lose(first: int, count: int, owner: UUID, by: UUID | None) -> list[list]:
        day, always = date(2026, 11, 5), {"owner_id": owner}
        steps = ((on(8, 1), {"changed_by": owner}), (on(11, 5), lost(day, changed_by=by)))
        return [life(number, *steps, **always) for number in range(first, first + count)]

    # 6 of one seller and 5 of another lost by sales ops on a day: 11, although no owner has ten. Afterwards one is renamed by its owner.
    tidied = [*lose(1, 6, seller, ops), *lose(101, 5, other, ops)]
    tidied[0].append((state_after(tidied[0], name="renamed", changed_by=seller), on(11, 6)))
    found = whole("clean_ups", scene(tidied))
    assert (found.value, factors(found)["by_owner"]) == (11, 0)
    items = CONTRACTS["clean_ups"].find(scene(tidied))
    assert (items.slots, items.actors) == (("2026-11-05",), (str(ops),))
    # 12 of one owner, but 6 lost by sales ops: neither has ten.
    assert whole("clean_ups", scene([*lose(1, 6, seller, ops), *lose(101, 6, seller, seller)])).value == 0
    # 6 lost by the seller, as the CRM tells, and 5 of theirs of which it does not tell: 11 of one actor, 5 of them taken to be the owner's.
    found = whole("clean_ups", scene([*lose(1, 6, other, seller), *lose(101, 5, seller, None)]))
    assert (found.value, factors(found)["by_owner"]) == (11, 5)


def state_after(life_so_far: list, **fields) -> DealState:
    last = life_so_far[-1][0]
    later = {"version": last.version + 1, "valid_from": last.valid_from + timedelta(days=1)}
    return last.model_copy(update=later | fields)


STAGES = ("0.1", "0.3", "0.5", "0.8")


def cared_for(chance: Random, number: int) -> list:
    """A deal that goes through stages and is cared for, or not, by a CRM that tells it, or does not."""
    at = on(8, 1) + timedelta(hours=chance.randint(0, 2400))
    steps: list[tuple[datetime, dict[str, Any]]] = [(at, {"stage": STAGES[0], "stage_probability": STAGES[0]})]
    for _ in range(chance.randint(0, 6)):
        at += timedelta(hours=chance.choice([1, 30, 200, 700]))
        stage = chance.choice(STAGES)
        steps.append(
            (
                at,
                chance.choice(
                    [
                        {"stage": stage, "stage_probability": stage},
                        {"next_step": chance.choice([None, "call", "mail"])},
                        {
                            "last_activity_at": chance.choice(
                                [None, at, at - timedelta(days=20), at + timedelta(days=9)]
                            )
                        },
                        {
                            "economic_buyer_until": chance.choice(
                                [None, at + timedelta(days=20), at + timedelta(days=90)]
                            )
                        },
                        {
                            "threads_until": chance.choice(
                                [None, (), (at,), (at + timedelta(days=50), at + timedelta(days=9))]
                            )
                        },
                        {"next_step_known": chance.random() < 0.7, "activity_known": chance.random() < 0.7},
                        {"amount": chance.choice([None, chance.randint(0, 10_000)])},
                    ]
                ),
            )
        )
    return life(number, *steps, close_date=date(2026, 12, 1), activity_known=True, next_step_known=True)


def one_by_one(deals: list[list[DealState]], at: Scene) -> dict[str, tuple[int, int, int]]:
    """Cents warned and judged, and how many are not judged, by warning."""
    probabilities = {state.stage: state.stage_probability for deal in deals for state in deal}
    order = sorted(probabilities, key=lambda stage: probabilities[stage] or 0)
    are_recorded = any(state.economic_buyer_until for deal in deals for state in deal)
    sums = {name: [0, 0, 0] for name in ("no_activity_14d", "no_next_step", "no_economic_buyer", "single_threaded")}
    worths = [now.amount for now in (deal[-1] for deal in deals) if now.amount is not None]
    for now in (deal[-1] for deal in deals):
        threads = [each for each in now.threads_until or () if each.astimezone(at.zone).date() >= at.day]
        is_large = now.amount is not None and now.amount > median(worths)
        since = max(now.created_at, now.last_activity_at or now.created_at).astimezone(at.zone).date()
        is_late = len(order) > 1 and order.index(now.stage) >= len(order) // 2
        until = now.economic_buyer_until
        is_known = until is not None and until.astimezone(at.zone).date() >= at.day
        for name, concerns, judged, warned in (
            ("no_activity_14d", True, now.activity_known, (at.day - since).days > 14),
            ("no_next_step", True, now.next_step_known, now.next_step is None),
            ("no_economic_buyer", is_late, are_recorded, not is_known),
            ("single_threaded", is_large, now.threads_until is not None, len(threads) < 2),
        ):
            cents = int((now.amount or 0) * 100)
            if concerns:
                sums[name][0] += cents if judged and warned else 0
                sums[name][1] += cents if judged else 0
                sums[name][2] += (not judged) or now.amount is None
    return {name: (found[0], found[1], found[2]) for name, found in sums.items()}


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32))
def test_the_care_of_all_deals_is_that_of_each_deal(seed: int) -> None:
    chance = Random(seed)  # noqa: S311
    lives = [cared_for(chance, number) for number in range(1, chance.randint(1, 30))]
    as_of = on(9, 1) + timedelta(hours=chance.randint(0, 2200))
    at = scene(lives, as_of=as_of, zone=chance.choice(["UTC", "Europe/Berlin", "America/Los_Angeles"]))
    deals = [seen for each in lives if (seen := [state for state, _ in each if state.valid_from <= as_of])]
    found = parts("hygiene", at, "slot")
    expected = one_by_one(deals, at)
    for name, sums in expected.items():
        figure = found.get(name)
        assert sums == ((figure.numerator, figure.denominator, figure.unknown) if figure else (0, 0, 0))
