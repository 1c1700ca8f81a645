import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from services.leads.conversion.odds import measures


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=2, max_size=60))
def test_auc_is_the_share_of_pairs_in_the_right_order(leads: list[tuple[int, bool]]) -> None:
    scores = np.array([score / 10 for score, _ in leads])
    outcomes = np.array([float(came) for _, came in leads])
    pairs = [(a > b) + 0.5 * (a == b) for a in scores[outcomes == 1] for b in scores[outcomes == 0]]
    found = measures.auc(scores, outcomes)
    assert found is None if not pairs else found == pytest.approx(np.mean(pairs))


def test_log_loss_and_brier_are_those_of_the_definitions() -> None:
    chances, outcomes = np.array([0.8, 0.3]), np.array([1.0, 0.0])
    assert measures.log_loss(chances, outcomes) == pytest.approx(-(np.log(0.8) + np.log(0.7)) / 2)
    assert measures.brier(chances, outcomes) == pytest.approx((0.04 + 0.09) / 2)


def test_the_calibration_error_is_the_distance_of_ten_bins_of_equal_count() -> None:
    chances = np.repeat(np.arange(10) / 10 + 0.05, 10)
    outcomes = np.concatenate([np.repeat([1.0, 0.0], [part, 10 - part]) for part in range(10)])
    assert [each.leads for each in measures.reliability(chances, outcomes)] == [10] * 10
    assert measures.ece(chances, outcomes) == pytest.approx(0.05)


def test_fewer_leads_than_bins_make_fewer_bins() -> None:
    found = measures.reliability(np.array([0.2, 0.9]), np.array([0.0, 1.0]))
    assert [(each.leads, each.said, each.came) for each in found] == [(1, 0.2, 0.0), (1, 0.9, 1.0)]


def test_there_is_no_figure_without_leads() -> None:
    with pytest.raises(ValueError, match="no leads"):
        measures.measure(np.zeros(0), np.zeros(0))


@pytest.mark.parametrize(("won", "leads"), [(0, 12), (3, 12), (12, 12), (400, 1000)])
def test_the_interval_of_a_share_is_wilsons(won: int, leads: int) -> None:
    known = stats.binomtest(won, leads).proportion_ci(0.95, method="wilson")
    assert measures.share_interval(won / leads, leads) == pytest.approx((known.low, known.high), abs=1e-6)
    assert measures.share_interval(0.5, 0) == (0.0, 1.0)
