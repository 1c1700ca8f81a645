"""The elements of BANT and MEDDPICC, each with the question that it answers and how long an answer holds."""

from dataclasses import dataclass
from typing import Literal

Framework = Literal["bant", "meddpicc"]
Key = Literal[
    "bant.budget",
    "bant.authority",
    "bant.need",
    "bant.timing",
    "meddpicc.metrics",
    "meddpicc.economic_buyer",
    "meddpicc.decision_criteria",
    "meddpicc.decision_process",
    "meddpicc.paper_process",
    "meddpicc.identified_pain",
    "meddpicc.champion",
    "meddpicc.competition",
]


@dataclass(frozen=True, slots=True)
class Element:
    """One element. `half_life_days`: after so long a statement about it no longer counts as fresh, unless it says otherwise."""

    key: Key
    framework: Framework
    name: str
    question: str
    half_life_days: int


def _of(framework: Framework, key: Key, name: str, question: str, half_life_days: int) -> Element:
    return Element(key, framework, name, question, half_life_days)


ELEMENTS: tuple[Element, ...] = (
    _of("bant", "bant.budget", "Budget", "Is there money for it, and whose?", 90),
    _of("bant", "bant.authority", "Authority", "Do we talk to somebody who may decide?", 120),
    _of("bant", "bant.need", "Need", "What do they need it for?", 180),
    _of("bant", "bant.timing", "Timing", "When do they have to have it?", 60),
    _of("meddpicc", "meddpicc.metrics", "Metrics", "What will they measure success by?", 180),
    _of("meddpicc", "meddpicc.economic_buyer", "Economic buyer", "Who releases the money, and have we met?", 120),
    _of("meddpicc", "meddpicc.decision_criteria", "Decision criteria", "What will they compare us by?", 120),
    _of("meddpicc", "meddpicc.decision_process", "Decision process", "Who decides in which steps until when?", 60),
    _of("meddpicc", "meddpicc.paper_process", "Paper process", "What has to be signed by whom?", 60),
    _of("meddpicc", "meddpicc.identified_pain", "Identified pain", "What does it cost them to do nothing?", 180),
    _of("meddpicc", "meddpicc.champion", "Champion", "Who sells for us when we are not there?", 90),
    _of("meddpicc", "meddpicc.competition", "Competition", "Who else is in it, and what about doing nothing?", 90),
)

_BY_KEY = {element.key: element for element in ELEMENTS}


def element_of(key: Key) -> Element:
    """The element of a key."""
    return _BY_KEY[key]
