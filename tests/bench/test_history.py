"""The measurement of readings measures, and what a question costs beside another keeps its proportion. Milliseconds are the command's."""

from deploy.local import past

DEALS = 20_000
READINGS = 30
GROSS_AT_MOST = 4.0
"""Every step of a movement, over its two ends; 1.3 at a million deals, 1.6 at fifty thousand."""


def test_the_past_and_each_of_its_movements_are_timed_and_every_step_costs_little_more_than_the_ends():
    figures = past.run(deals=DEALS, readings=READINGS, say=lambda said: None)

    assert figures["versions"] == 5 * DEALS
    for kind in ("current", "any_instant", "movement", "movement_gross"):
        assert 0 < figures[f"{kind}_p50_ms"] <= figures[f"{kind}_p95_ms"]
    assert figures["movement_gross_p50_ms"] <= GROSS_AT_MOST * figures["movement_p50_ms"]
