"""The receipt of a reading's completeness."""

from datetime import datetime
from typing import Literal

from libs.common.web.schemas import Out


class ComparedOut(Out):
    """How far a connection's deals equal its CRM's.

    `compared`: within 24 hours before the reading. `too_old`: longer ago, `never`: not once; then `share` is not known, and neither
    is the completeness of the reading. `reason`: why the last attempt failed, null where it did not.
    `compared_at`: when the comparison that was made last began.
    """

    connection: str
    state: Literal["compared", "too_old", "never"]
    share: float | None
    compared_at: datetime | None
    our_count: int
    reason: str | None
