"""What happened to prices and quotes."""

from datetime import datetime
from decimal import Decimal
from typing import ClassVar, Literal
from uuid import UUID

from libs.common.events.base import EventData
from libs.common.messaging.topics import PRICING_EVENTS, Topic


class QuoteState(EventData):
    """A quote after a change. An accepted quote is the authority on its deal's amount until it is withdrawn."""

    TOPIC: ClassVar[Topic] = PRICING_EVENTS

    quote_id: UUID
    version: int
    deal_id: UUID
    status: Literal["draft", "accepted", "withdrawn"]
    net_amount: Decimal
    currency: str
    valid_from: datetime


class QuoteCreated(QuoteState):
    TYPE: ClassVar[str] = "pricing.quote.created.v1"


class QuoteAccepted(QuoteState):
    TYPE: ClassVar[str] = "pricing.quote.accepted.v1"


class QuoteWithdrawn(QuoteState):
    TYPE: ClassVar[str] = "pricing.quote.withdrawn.v1"


class ProductChanged(EventData):
    """A catalogue entry after a change. Unknown cost is null, never 0."""

    TYPE: ClassVar[str] = "pricing.product.changed.v1"
    TOPIC: ClassVar[Topic] = PRICING_EVENTS

    product_id: UUID
    version: int
    code: str
    name: str
    line: str | None = None
    list_price: Decimal | None = None
    cost: Decimal | None = None
    currency: str | None = None
    is_active: bool = True
