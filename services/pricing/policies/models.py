"""A version of the policy as it is kept."""

from dataclasses import dataclass
from datetime import datetime

from services.pricing.policies.judging import Policy


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """It holds from `valid_from` until the next one's; nothing of it changes. Version 0 came with the system."""

    version: int
    valid_from: datetime
    policy: Policy
    note: str
    published_by: str
    recorded_at: datetime

    @property
    def is_starting(self) -> bool:
        """Whether it is the one that holds until somebody publishes one; it knows no budgets."""
        return self.version == 0
