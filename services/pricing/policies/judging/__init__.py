"""What a policy says of a quote. Pure."""

from services.pricing.policies.judging.document import (
    AUTHORITIES,
    Authority,
    Budget,
    Limit,
    Measure,
    Minimum,
    PlannedMargin,
    Policy,
    Reason,
    Rule,
    Stage,
)
from services.pricing.policies.judging.findings import Finding, LineFacts, QuoteFacts, Verdict, below_floor, judge

__all__ = [
    "AUTHORITIES",
    "Authority",
    "Budget",
    "Finding",
    "Limit",
    "LineFacts",
    "Measure",
    "Minimum",
    "PlannedMargin",
    "Policy",
    "QuoteFacts",
    "Reason",
    "Rule",
    "Stage",
    "Verdict",
    "below_floor",
    "judge",
]
