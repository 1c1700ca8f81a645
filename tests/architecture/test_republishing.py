"""What a consumer keeps of others can be told to it again, or it is said why not."""

from deploy.documents import COMPONENTS
from libs.common.events.base import EventData
from libs.common.events.deals import ClosePlanMoved, DealsCompared

OTHERWISE: dict[type[EventData], str] = {
    ClosePlanMoved: "told anew every day of every open deal",
    DealsCompared: "the next comparison with the CRM tells it",
}
"""What the forecast hears and nobody tells it again."""


def test_everything_that_the_forecast_keeps_of_others_can_be_told_to_it_again_or_it_is_said_why_not() -> None:
    again = [kind for component in COMPONENTS for source in component.republishes for kind in source.events]
    forecast = next(component for component in COMPONENTS if component.name == "forecast")
    assert len(again) == len(set(again)), "one source tells it"
    assert set(forecast.handlers) == set(again) | set(OTHERWISE)
    assert not set(again) & set(OTHERWISE)


def test_a_component_tells_again_only_what_it_publishes() -> None:
    for component in COMPONENTS:
        for source in component.republishes:
            assert {kind.TOPIC for kind in source.events} == {component.publishes}
