"""Which steps a request has, which are asked again, and who may decide one. Pure."""

from services.pricing.approvals.steps.asking import Decided, Difference, Planned, inputs_of, plan, worsened
from services.pricing.approvals.steps.deciding import Person, may_decide

__all__ = ["Decided", "Difference", "Person", "Planned", "inputs_of", "may_decide", "plan", "worsened"]
