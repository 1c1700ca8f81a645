"""What the deals service tells of products at accounts."""

from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

from libs.common.events.base import EventData
from libs.common.messaging.topics import DEAL_EVENTS, Topic


class WhitespaceStated(EventData):
    """What somebody knows of a product at an account; `unknown` takes back what was said. Of several the greatest `(at, entry_id)`
    stands.
    """

    TYPE: ClassVar[str] = "deals.whitespace.stated.v1"
    TOPIC: ClassVar[Topic] = DEAL_EVENTS

    account_id: UUID
    product: str
    entry_id: UUID
    says: Literal["owned", "potential", "competitor", "not_applicable", "unknown"]
    at: datetime
