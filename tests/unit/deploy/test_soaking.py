"""A soak tells what climbs from what only moves."""

import numpy as np
import pytest

from deploy.local.soaking import run
from deploy.local.soaking.samples import Sample
from deploy.local.soaking.slopes import BLOCKS, climbs, slope

SECONDS = np.arange(0, 1800, 2.0)


def noise(seed: int = 1) -> np.ndarray:
    """Neighbours are alike, as memory is: what a sample adds is mostly what the last one had."""
    random = np.random.default_rng(seed)
    steps = random.normal(0, 1, len(SECONDS))
    found = np.zeros(len(SECONDS))
    for index in range(1, len(found)):
        found[index] = 0.9 * found[index - 1] + steps[index]
    return found


def samples(memory: np.ndarray, handles: np.ndarray | None = None, lag: np.ndarray | None = None) -> list[Sample]:
    flat = np.zeros(len(SECONDS))
    return [
        Sample(at, {"deals": mb}, {"deals": files}, 0.0, behind)
        for at, mb, files, behind in zip(
            SECONDS, memory, flat + 20 if handles is None else handles, flat if lag is None else lag, strict=True
        )
    ]


def judged(found: list[Sample]) -> list[str]:
    return list(run.judge(found, is_embedded=True, say=lambda _: None)["climbing"])


@pytest.mark.parametrize("per_hour", [-100.0, 0.0, 50.0, 400.0])
def test_the_interval_holds_the_true_slope_nineteen_times_of_twenty(per_hour: float):
    inside = 0
    for seed in range(100):
        found = slope(SECONDS.tolist(), (200 + per_hour * SECONDS / 3600 + noise(seed)).tolist())
        inside += found.low <= per_hour <= found.high

    assert inside >= 88


def test_what_only_moves_does_not_climb():
    assert judged(samples(300 + noise())) == []


def test_a_leak_climbs():
    assert judged(samples(300 + 120 * SECONDS / 3600 + noise())) == ["deals memory"]


def test_handles_that_are_never_closed_climb():
    assert judged(samples(300 + noise(), handles=20 + 60 * SECONDS / 3600)) == ["deals handles"]


def test_a_lag_that_is_never_made_up_climbs():
    assert judged(samples(300 + noise(), lag=1 + 400 * SECONDS / 3600)) == ["lag"]


def test_what_was_used_while_it_warmed_up_is_not_held_against_it():
    warming = np.where(SECONDS < 500, SECONDS, 500)

    assert judged(samples(300 + warming + noise())) == []


def test_too_few_samples_are_not_judged():
    with pytest.raises(ValueError, match="samples"):
        slope([1.0] * BLOCKS, [1.0] * BLOCKS)


def test_a_slope_that_may_be_nothing_is_not_called_a_climb():
    unsure = slope(SECONDS[:60].tolist(), (300 + noise()[:60] * 20).tolist())

    assert not climbs(unsure, share=0.1, least=10)


def test_what_never_changes_has_no_slope_and_no_doubt():
    found = slope(SECONDS.tolist(), [18.0] * len(SECONDS))

    assert found.shown() == [0.0, 0.0, 0.0]


def test_only_the_embedded_broker_may_keep_every_event_in_memory():
    memory = 30 + 400 * SECONDS / 3600
    found = [Sample(at, {"broker": mb}, {"broker": 19.0}, 0.0, 1.0) for at, mb in zip(SECONDS, memory, strict=True)]

    assert run.judge(found, is_embedded=True, say=lambda _: None)["flat"]
    assert run.judge(found, is_embedded=False, say=lambda _: None)["climbing"] == ["broker memory"]
