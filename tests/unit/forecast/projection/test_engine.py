"""What the engine learns from a company whose chances are known, and what it must not see."""

from dataclasses import fields, replace

import numpy as np
import pytest

from services.forecast.projection import engine, steps
from services.forecast.projection.settings import Settings
from services.forecast.projection.steps import Steps
from tests.calibration.worlds import CALENDAR, START, World, steps_of

TODAY = START + 500


@pytest.fixture(scope="module")
def company() -> Steps:
    return steps_of(World(deals_a_day=3.0), 640, seed=7)


def test_closed_open_new_and_renewals_are_the_projection(company: Steps) -> None:
    renewing = replace(company, due=company.deal % 5 == 0)
    model = engine.learn(renewing, TODAY, CALENDAR)
    closed = model.closed(TODAY - 30, TODAY + 61)
    outlook = model.outlook(TODAY + 61)
    parts = closed + outlook.open + outlook.renewals + outlook.new[0]

    assert min(closed, outlook.open, outlook.renewals, outlook.new[0]) > 0
    assert outlook.landing(closed).mean == pytest.approx(parts)


def test_chances_are_those_of_the_company(company: Steps) -> None:
    """Of deals open on many days, those given a chance of so much were won that often."""
    chances, won = [], []
    wins = steps.wins(steps.evenings(company))
    for day in range(START + 300, START + 570, 30):
        outlook = engine.learn(company, day, CALENDAR).outlook(day + 60)
        chances.append(outlook.deals.chance)
        came = wins.deal[(wins.day >= day) & (wins.day < day + 60)]
        won.append(np.isin(outlook.standing.deal, came))
    chance, came = np.concatenate(chances), np.concatenate(won)
    for low, high in ((0.0, 0.2), (0.2, 0.4), (0.4, 1.0)):
        there = (chance >= low) & (chance < high)
        error = 2.5 * np.sqrt(chance[there].mean() * (1 - chance[there].mean()) / there.sum() * 2)
        assert abs(chance[there].mean() - came[there].mean()) < error


def test_the_same_bytes_when_all_that_comes_later_is_noise(company: Steps) -> None:
    rng = np.random.default_rng(3)
    later = company.at >= TODAY
    noise = replace(
        company,
        at=np.where(later, np.sort(rng.uniform(TODAY, TODAY + 100, len(company))), company.at),
        amount=np.where(later, rng.lognormal(3, 4, len(company)), company.amount),
        state=np.where(later, rng.integers(0, 4, len(company)), company.state).astype(np.int8),
        stage=np.where(later, rng.integers(0, 3, len(company)), company.stage).astype(np.int32),
        close_date=np.where(later, 1.0, company.close_date),
        pushes=np.where(later, 9, company.pushes).astype(np.int32),
    )
    said = [
        engine.learn(each, TODAY, CALENDAR).outlook(TODAY + 61).landing().quantile([0.1, 0.5, 0.9]).tobytes()
        for each in (company, noise)
    ]
    assert said[0] == said[1]


def test_close_dates_and_pushes_tell_where_they_tell() -> None:
    """Deals whose close date lies in the window are won far more often; the engine finds that out from past days."""
    plain = steps_of(World(deals_a_day=3.0), 640, seed=8)
    wins = steps.wins(steps.evenings(plain))
    won_on = np.full(int(plain.deal.max()) + 1, np.inf)
    won_on[wins.deal] = wins.day
    honest = np.random.default_rng(1).random(len(won_on)) < 0.7
    date = np.where(np.isinf(won_on) | ~honest, plain.at.max() + 300, won_on + 5)
    dated = replace(plain, close_date=date[plain.deal])
    model = engine.learn(dated, TODAY, CALENDAR)
    outlook = model.outlook(TODAY + 30)
    within = model.standing.close_date < TODAY + 30
    blind = engine.learn(plain, TODAY, CALENDAR).outlook(TODAY + 30)

    assert outlook.deals.chance[within].mean() > 1.3 * blind.deals.chance[within].mean()
    assert outlook.deals.chance[~within].mean() < blind.deals.chance[~within].mean()


def test_on_day_one_it_answers_from_the_settings_and_says_so_by_its_width() -> None:
    nothing = steps_of(World(deals_a_day=3.0), 640, seed=7).until(START - 1)
    outlook = engine.learn(nothing, START, CALENDAR).outlook(START + 91)
    assert outlook.new_wins > 0
    few = steps_of(World(deals_a_day=0.3), 40, seed=2)
    narrow = (
        engine.learn(steps_of(World(deals_a_day=3.0), 640, seed=7), START + 500, CALENDAR)
        .outlook(START + 591)
        .landing()
    )
    wide = engine.learn(few, START + 40, CALENDAR).outlook(START + 131).landing()
    assert wide.deviation / wide.mean > 2 * narrow.deviation / narrow.mean


def test_parts_add_to_the_whole_whoever_is_in_them(company: Steps) -> None:
    model = engine.learn(company, TODAY, CALENDAR)
    whole = model.outlook(TODAY + 61)
    numbers = np.arange(int(company.deal.max()) + 1)
    parts = [model.outlook(TODAY + 61, part=model.part(numbers % 3 == which)) for which in range(3)]
    assert sum(each.open for each in parts) == pytest.approx(whole.open)
    assert sum(each.new[0] for each in parts) == pytest.approx(whole.new[0])
    assert sum(each.new_wins for each in parts) == pytest.approx(whole.new_wins)


@pytest.mark.parametrize("days", [3, 20, 500])
def test_answers_are_shared_out_by_heads_the_less_the_more_was_created_and_parts_still_add(
    company: Steps, days: int
) -> None:
    answered, today = Settings(won_amount=9_000.0), START + days
    model = engine.learn(company.until(START + days), today, CALENDAR, answered)
    whole = model.outlook(today + 61)
    numbers = np.arange(int(company.deal.max()) + 1)
    heads = (0.5, 0.4, 0.1)
    parts = [model.part(numbers % 3 == which, heads=share) for which, share in enumerate(heads)]
    said = [model.outlook(today + 61, part=part) for part in parts]
    assert sum(each.new[0] for each in said) == pytest.approx(whole.new[0])
    alone = [model.part(numbers % 3 == which).created.mean() for which in range(3)]
    pulled = max(abs(part.created.mean() - seen) for part, seen in zip(parts, alone, strict=True))
    assert pulled > 0.01 if days == 3 else pulled < {20: 0.05, 500: 0.001}[days]
    by_size = sorted(parts, key=lambda part: -float(model.arrivals.rate @ part.created))
    assert [part.doubt for part in by_size] == sorted(part.doubt for part in parts), "the smaller, the less sure"
    assert min(part.doubt for part in parts) > 0


def test_without_answers_heads_change_nothing(company: Steps) -> None:
    model = engine.learn(company, TODAY, CALENDAR)
    deals = np.arange(int(company.deal.max()) + 1) % 3 == 0
    with_heads, without = model.part(deals, heads=0.9), model.part(deals)
    assert (with_heads.created.tobytes(), with_heads.doubt) == (without.created.tobytes(), 0.0)


def test_on_the_first_day_a_part_has_what_its_people_are_of_all(company: Steps) -> None:
    model = engine.learn(company.until(START), START, CALENDAR, Settings(won_amount=9_000.0))
    whole, part = (
        model.outlook(START + 61, part=model.part(np.zeros(1, dtype=bool), heads=each)) for each in (1.0, 0.25)
    )
    assert part.new[0] == pytest.approx(whole.new[0] / 4) != 0
    relative = [float(np.sqrt(each.new[1])) / each.new[0] for each in (whole, part)]
    assert relative[1] > relative[0] * 1.2


def test_a_part_without_any_deal_brings_nothing(company: Steps) -> None:
    model = engine.learn(company, TODAY, CALENDAR)
    nobody = model.outlook(TODAY + 61, part=model.part(np.zeros(int(company.deal.max()) + 1, dtype=bool)))
    assert (nobody.to_come, nobody.new_wins, nobody.landing(5.0).mean) == (0, 0, 5)


def test_deals_that_moved_on_stand_as_if_all_were_read_anew(company: Steps) -> None:
    """Lessons of the day before; since then some deals moved and others came. To the last bit, whatever had been read."""
    lessons = engine.teach(company, TODAY - 1, CALENDAR)
    anew = engine.stand(company, TODAY, lessons)
    for later in (1.0, 30.0, 400.0):
        before = engine.stand(company.until(TODAY - later), TODAY, lessons)
        moved = np.unique(company.deal[(company.at >= TODAY - later) & (company.at < TODAY)])
        rolled = engine.rolled(before, company.take(np.isin(company.deal, moved)))
        for name in ("evenings", "standing", "births", "wins"):
            for each in fields(getattr(anew, name)):
                found, wanted = (getattr(getattr(model, name), each.name) for model in (rolled, anew))
                assert found == wanted if isinstance(wanted, tuple) else found.tobytes() == wanted.tobytes()
        assert len(before.standing) < len(anew.births.deal)


def test_a_later_period_brings_what_the_longer_brings_beyond_the_shorter(company: Steps) -> None:
    model = engine.learn(company, TODAY, CALENDAR)
    near, far = model.outlook(TODAY + 61), model.outlook(TODAY + 152)
    between = model.outlook(TODAY + 152, start=TODAY + 61)
    assert between.open == pytest.approx(far.open - near.open)
    assert between.new[0] == pytest.approx(far.new[0] - near.new[0])


def test_days_before_anybody_recorded_a_close_are_no_evidence_of_slow_deals(company: Steps) -> None:
    """A CRM bought on day 300 holds what was open then, with its past, and what came after."""
    bought = START + 300
    last = np.ones(len(company), dtype=bool)
    last[:-1] = company.deal[1:] != company.deal[:-1]
    closed_before = company.deal[last & (company.state != steps.OPEN) & (company.at < bought)]
    kept = company.take(~np.isin(company.deal, closed_before))
    recorded = replace(kept, deal=np.unique(kept.deal, return_inverse=True)[1].astype(np.int32))
    truth = engine.learn(company, TODAY, CALENDAR).outlook(TODAY + 61)
    found = engine.learn(recorded, TODAY, CALENDAR).outlook(TODAY + 61)
    assert found.open == pytest.approx(truth.open, rel=0.1)
    assert found.new[0] == pytest.approx(truth.new[0], rel=0.2)
    assert found.shock < 0.2
