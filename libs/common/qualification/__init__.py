"""What is known of a lead or deal, element by element, and whether that is enough. Pure; leads and deals both use it."""

from libs.common.qualification.elements import ELEMENTS, Element, element_of
from libs.common.qualification.evidence import Entry, Standing, State, readings
from libs.common.qualification.gates import GATES, Gate, Lack, lacking

__all__ = [
    "ELEMENTS",
    "GATES",
    "Element",
    "Entry",
    "Gate",
    "Lack",
    "Standing",
    "State",
    "element_of",
    "lacking",
    "readings",
]
