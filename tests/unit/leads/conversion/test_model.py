import numpy as np
import pytest
from hypothesis import given as hypothesis_given
from hypothesis import settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import expit, logit

from services.leads.conversion.odds import logistic, measures
from services.leads.conversion.odds.calibration import learn_line
from services.leads.conversion.odds.encoding import RARE, UNKNOWN, NumberEncoding, WordEncoding, learn
from services.leads.conversion.odds.fitting import RIDGES, Past, choose_ridge, learn_model
from services.leads.conversion.odds.model import POINT_WORTH, ConversionModel, Prior
from services.leads.conversion.odds.table import Table
from tests.unit.leads.conversion.given import leads, with_words


def test_the_fit_is_the_minimum_that_a_general_optimiser_finds() -> None:
    rng = np.random.default_rng(1)
    features = rng.normal(size=(300, 4))
    outcomes = (rng.random(300) < expit(features @ np.array([1.0, -0.5, 0.0, 0.3]) - 0.7)).astype(float)

    def cost(found: np.ndarray) -> float:
        given = found[0] + features @ found[1:]
        return float(np.sum(np.logaddexp(0, given) - outcomes * given) + 1.5 * np.sum(found[1:] ** 2))

    fitted = logistic.fit(features, outcomes, ridge=3.0)

    best = minimize(cost, np.zeros(5), method="BFGS", options={"gtol": 1e-7})
    assert np.array([fitted.intercept, *fitted.slopes]) == pytest.approx(best.x, abs=2e-4)


def test_leads_that_are_told_apart_perfectly_still_have_a_finite_fit() -> None:
    outcomes = np.array([0.0] * 20 + [1.0] * 20)
    fitted = logistic.fit(outcomes[:, None] * 50, outcomes, ridge=0.1)
    assert np.isfinite(fitted.slopes).all()
    assert np.isfinite(fitted.covariance).all()


@settings(max_examples=20)
@hypothesis_given(seed=st.integers(0, 10_000), count=st.integers(0, 400), point=st.integers(-6, 9))
def test_the_reasons_of_every_score_add_up_to_its_log_odds(seed: int, count: int, point: int) -> None:
    rng = np.random.default_rng(seed)
    past = leads(rng, count)
    past = Past(past.table, rng.integers(-4, 9, count).astype(float), past.outcomes)
    model = learn_model(past, channel="channel").model
    asked = leads(rng, 20).table

    scores = model.score(asked, np.full(20, float(point)))

    total = scores.average + scores.prior + scores.rules + scores.columns.sum(axis=1)
    assert logit(scores.chance) == pytest.approx(total, abs=1e-9)
    assert ((scores.prior_share > 0) & (scores.prior_share <= 1)).all()
    assert scores.columns.shape == (20, len(scores.names))


def test_chances_of_very_many_leads_are_those_that_are_told_with_reasons(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.leads.conversion.odds.model.ROWS_AT_ONCE", 7)
    rng = np.random.default_rng(2)
    past = leads(rng, 900)
    for model in (learn_model(past, channel="channel").model, ConversionModel(Prior(rate=0.2))):
        asked, points = leads(rng, 40).table, rng.integers(-4, 9, 40).astype(float)
        told, found = model.score(asked, points), model.chances(asked, points)
        assert found.chance == pytest.approx(told.chance, abs=1e-12)
        assert found.prior_share == pytest.approx(told.prior_share, abs=1e-12)


def test_reasons_are_against_the_average_lead() -> None:
    past = leads(np.random.default_rng(3), 2_000)
    model = learn_model(past).model
    own = model.score(past.table, past.points)
    model_part = own.columns / (1 - own.prior_share)[:, None]
    assert model_part.mean(axis=0) == pytest.approx(np.zeros(len(own.names)), abs=1e-9)


def test_before_any_outcome_is_known_the_rules_rank_and_the_prior_is_all() -> None:
    model = learn_model(Past(Table({"visits": np.zeros(0)}), np.zeros(0), np.zeros(0))).model
    scores = model.score(Table({"visits": np.array([1.0, 2.0])}), np.array([6.0, -2.0]))
    assert scores.prior_share.tolist() == [1.0, 1.0]
    assert scores.chance[0] > scores.chance[1]
    assert scores.rules[0] - scores.rules[1] == pytest.approx(8 * POINT_WORTH)


def test_the_share_of_the_prior_is_its_weight_over_weight_and_effective_leads_and_falls_with_every_lead() -> None:
    rng = np.random.default_rng(5)
    past = leads(rng, 4_000)
    asked = past.table.take(slice(0, 200))
    shares = []
    for count in (60, 300, 1_000, 4_000):
        part = past.part(0, count)
        share = learn_model(part).model.score(asked, np.zeros(200)).prior_share
        shares.append(float(np.median(share)))
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > 0.15
    assert shares[-1] < 0.08


def test_who_is_unlike_the_leads_of_the_past_is_scored_by_the_prior_more() -> None:
    past = leads(np.random.default_rng(6), 800)
    model = learn_model(past).model
    usual = past.table.take(slice(0, 1))
    strange = Table({"visits": np.array([900.0])}, {"channel": usual.words["channel"], "industry": np.array([None])})
    one = np.zeros(1)
    assert model.score(strange, one).prior_share[0] > 1.5 * model.score(usual, one).prior_share[0]


def test_a_heavier_prior_pulls_every_chance_towards_itself() -> None:
    past = leads(np.random.default_rng(7), 1_000)
    light, heavy = (learn_model(past, prior=Prior(weight=weight)).model for weight in (1.0, 300.0))
    asked = past.table.take(slice(0, 300))
    assert (heavy.score(asked, np.zeros(300)).prior_share > light.score(asked, np.zeros(300)).prior_share).all()


def test_words_that_few_leads_have_are_pooled_and_unknown_is_a_word_of_its_own() -> None:
    values = np.array(["web"] * 30 + ["fax"] * 3 + ["letter"] * 2 + [None] * 5, dtype=object)
    (encoding,) = learn(Table(words={"source": values}))
    assert isinstance(encoding, WordEncoding)
    assert encoding.levels == ("web", RARE, UNKNOWN)
    assert encoding.encode(np.array(["web", "fax", "never seen", None], dtype=object)).tolist() == [
        [1, 0, 0],
        [0, 1, 0],
        [0, 1, 0],
        [0, 0, 1],
    ]


def test_skewed_numbers_are_read_as_logarithms_and_a_typing_error_moves_no_other_lead() -> None:
    rng = np.random.default_rng(8)
    values = rng.lognormal(3, 1, 500)
    (encoding,) = learn(Table({"visits": values}))
    assert isinstance(encoding, NumberEncoding)
    assert encoding.logarithmic
    (after,) = learn(Table({"visits": np.append(values, 1e12)}))
    assert after.encode(values)[:, 0] == pytest.approx(encoding.encode(values)[:, 0], abs=0.02)
    assert np.abs(encoding.encode(np.array([1e12, np.nan]))).max() <= 8


def test_a_column_that_says_the_same_of_all_leads_is_not_read() -> None:
    table = Table({"one": np.ones(9)}, {"no": np.array(["no"] * 9, dtype=object)})
    assert learn(table) == ()


def test_nothing_is_learnt_from_leads_after_those_it_is_fitted_on() -> None:
    past = leads(np.random.default_rng(9), 1_500)
    garbled = np.random.default_rng(10).permutation(1_500 - 900) + 900
    rows = np.concatenate([np.arange(900), garbled])
    other = Past(past.table.take(rows), past.points, past.outcomes)
    asked = past.table.take(slice(0, 50))
    one, two = (learn_model(each.part(0, 900)).model.score(asked, np.zeros(50)).chance for each in (past, other))
    assert one.tolist() == two.tolist()


def test_the_ridge_is_chosen_among_those_offered_and_stronger_where_there_is_only_noise() -> None:
    rng = np.random.default_rng(11)
    past = leads(rng, 900)
    noise = Past(past.table, past.points, (rng.random(900) < 0.3).astype(float))
    assert choose_ridge(past, channel=None) in RIDGES
    assert choose_ridge(noise, channel=None) > choose_ridge(past, channel=None)


def test_calibration_holds_to_the_identity_while_leads_are_few_and_finds_the_truth_when_they_are_many() -> None:
    rng = np.random.default_rng(12)
    given = rng.normal(0, 1.5, 20_000)
    came = (rng.random(20_000) < expit(0.6 * given - 0.4)).astype(float)
    many, few, none = (learn_line(given[:count], came[:count]) for count in (20_000, 8, 0))
    assert (many.slope, many.shift) == pytest.approx((0.6, -0.4), abs=0.05)
    assert abs(few.slope - 1) < 0.4
    assert (none.slope, none.shift) == (1.0, 0.0)


def test_chances_of_later_leads_come_true() -> None:
    past = leads(np.random.default_rng(13), 9_000)
    model = learn_model(past.part(0, 6_000), channel="channel").model
    later = past.part(6_000, 9_000)
    found = measures.measure(model.score(later.table, later.points).chance, later.outcomes)
    assert found.ece < 0.04
    assert found.auc is not None
    assert found.auc > 0.75


def test_by_channel_the_slope_of_a_number_may_differ_and_its_part_stays_the_numbers() -> None:
    rng = np.random.default_rng(14)
    past = leads(rng, 3_000)
    visits = np.nan_to_num(past.table.numbers["visits"], nan=5.0)
    turned = np.where(past.table.words["channel"] == "web", 0.3, -0.3)
    outcomes = (rng.random(3_000) < expit(turned * (visits - 5))).astype(float)
    past = Past(past.table, past.points, outcomes)
    split = learn_model(past, channel="channel").model
    asked = Table(
        {"visits": np.array([15.0, 15.0])},
        {"channel": np.array(["web", "event"], dtype=object), "industry": np.array(["retail"] * 2, dtype=object)},
    )
    scores = split.score(asked, np.zeros(2))
    of_visits = scores.columns[:, scores.names.index("visits")]
    assert of_visits[0] > 0 > of_visits[1]


def test_a_column_unknown_to_the_model_is_not_asked_for() -> None:
    past = leads(np.random.default_rng(15), 500)
    model = learn_model(past).model
    wider = with_words(past, "new", np.array(["x"] * 500, dtype=object))
    assert model.score(wider.table, past.points).chance.tolist() == model.score(past.table, past.points).chance.tolist()


def test_a_model_without_a_fit_is_the_prior() -> None:
    scores = ConversionModel(Prior(rate=0.2)).score(Table(), np.zeros(3))
    assert scores.chance == pytest.approx([0.2] * 3)
