"""Which steps a request has, which are asked again, and who may decide one. Pure."""

from services.pricing.approvals.steps.asking import Decided, Difference, Planned, inputs_of, plan, worsened
from services.pricing.approvals.steps.deciding import Person, may_decide
from services.pricing.approvals.steps.pairing import Given, Got, Pair, inputs_of_pairs

__all__ = [
    "Decided",
    "Difference",
    "Given",
    "Got",
    "Pair",
    "Person",
    "Planned",
    "inputs_of",
    "inputs_of_pairs",
    "may_decide",
    "plan",
    "worsened",
]
