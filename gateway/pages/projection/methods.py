"""What the methods are called that are blended into the projection or stand beside it. The guide says the same."""

from typing import NamedTuple


class Method(NamedTuple):
    """A method in the reader's words."""

    label: str
    meaning: str


METHODS: dict[str, Method] = {
    "foretell": Method("Projection", "what Foretell would have said: its model, blended"),
    "hazard": Method("Foretell's model", "closed, open deals each by its chance, and deals not created yet"),
    "engine": Method("Engine alone", "the projection without the blend, while the blend answers"),
    "blended": Method("With the blend", "the projection with the blend, while the engine alone answers"),
    "commit": Method("Closed and commit", "what is closed and what is in commit"),
    "commit_corrected": Method("Commit, corrected", "closed, and commit by how much of each person's came before"),
    "naive_last": Method("Same again", "closed, and what was won in as many days just before"),
    "seasonal": Method("A quarter before", "closed, and what was won in the same days 13 weeks earlier"),
    "moving_average": Method("Recent pace", "closed, and what was won per day lately, carried on"),
    "same_day_pacing": Method("Pacing", "closed, over the share that earlier periods had by this day"),
    "last_year": Method("Last year", "closed, and what was won in the same days a year before"),
    "weighted_pipeline": Method("Weighted pipeline", "closed, and open amounts times the win rate of their stage"),
    "age_kernel": Method("Deals by age", "closed, and created deals by how old deals are when they are won"),
}


def method_of(name: str) -> Method:
    """The words for a method; one that is not known here is still told by its name."""
    return METHODS.get(name) or Method(name.replace("_", " ").capitalize(), "")
