"""A person's word on the gate: a deal that is held back is let into the forecast all the same."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict


class GateDecision(BaseModel):
    """An input of the timeline: somebody overrides the gate from `at` on, or withdraws that. Kept with its reason."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    decision_id: UUID
    deal_id: UUID
    at: datetime
    overrides: bool
    reason: str
    actor: str
