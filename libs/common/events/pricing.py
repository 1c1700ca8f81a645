"""What happened to prices and quotes."""

from datetime import date, datetime
from decimal import Decimal
from typing import ClassVar, Literal
from uuid import UUID

from libs.common.events.base import EventData, Payload
from libs.common.messaging.topics import PRICING_EVENTS, Topic


class QuotedLine(Payload):
    """A line of a quote: `product` is the catalogue's name on the quote's day, `unit_price` before discounts, `net_amount` the invoice's."""

    product_id: UUID
    product: str
    quantity: Decimal
    unit_price: Decimal
    net_amount: Decimal


class QuoteState(EventData):
    """A quote after a change. Of a deal's quotes the one accepted last is the authority on the amount, else the one approved last."""

    TOPIC: ClassVar[Topic] = PRICING_EVENTS

    quote_id: UUID
    version: int
    deal_id: UUID
    status: Literal["draft", "submitted", "approved", "rejected", "accepted", "withdrawn", "expired"]
    net_amount: Decimal
    currency: str
    valid_from: datetime
    revision: int = 1
    """Which offer it is: an edited quote is a draft again, with the next revision."""
    lines: tuple[QuotedLine, ...] | None = None
    """What is offered, line by line; null where an older quote was told without."""
    term_months: int | None = None


class QuoteCreated(QuoteState):
    TYPE: ClassVar[str] = "pricing.quote.created.v1"

    status: Literal["draft", "accepted", "withdrawn"]


class QuoteRevised(QuoteState):
    TYPE: ClassVar[str] = "pricing.quote.revised.v1"

    status: Literal["draft"]


class QuoteSubmitted(QuoteState):
    TYPE: ClassVar[str] = "pricing.quote.submitted.v1"

    status: Literal["submitted"]


class QuoteApproved(QuoteState):
    TYPE: ClassVar[str] = "pricing.quote.approved.v1"

    status: Literal["approved"]


class QuoteRejected(QuoteState):
    TYPE: ClassVar[str] = "pricing.quote.rejected.v1"

    status: Literal["rejected"]


class QuoteAccepted(QuoteState):
    TYPE: ClassVar[str] = "pricing.quote.accepted.v1"

    status: Literal["draft", "accepted", "withdrawn"]


class QuoteWithdrawn(QuoteState):
    TYPE: ClassVar[str] = "pricing.quote.withdrawn.v1"

    status: Literal["draft", "accepted", "withdrawn"]


class QuoteExpired(QuoteState):
    TYPE: ClassVar[str] = "pricing.quote.expired.v1"

    status: Literal["expired"]


class QuoteWeighed(EventData):
    """What a quote that was approved or accepted leaves: told once of a revision, which never changes. Unknown is null, never 0.

    All amounts are of the quote's currency: on the invoice (`net_amount`), at list price, in the pocket, and what it costs.
    `below_floor`: how much is missing to the floors of its lines' bands, as they were when it was made; null where a line has none.
    """

    TYPE: ClassVar[str] = "pricing.quote.weighed.v1"
    TOPIC: ClassVar[Topic] = PRICING_EVENTS

    quote_id: UUID
    revision: int
    deal_id: UUID
    currency: str
    net_amount: Decimal
    list_amount: Decimal | None = None
    pocket_amount: Decimal | None = None
    cost_amount: Decimal | None = None
    below_floor: Decimal | None = None


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


class PolicyPublished(EventData):
    """A version of the price policy, with the instant from which it holds."""

    TYPE: ClassVar[str] = "pricing.policy.published.v1"
    TOPIC: ClassVar[Topic] = PRICING_EVENTS

    policy_id: UUID
    version: int
    valid_from: datetime


class PromotionChanged(EventData):
    """A promotion after a change. `expected` is the extra revenue that its author expects while it runs, null where they do not say;
    `last_day` is the last on which it could or can be taken.
    """

    TYPE: ClassVar[str] = "pricing.promotion.changed.v1"
    TOPIC: ClassVar[Topic] = PRICING_EVENTS

    promotion_id: UUID
    version: int
    state: Literal["planned", "approved", "refused", "running", "ended"]
    name: str
    starts_on: date
    last_day: date
    currency: str
    budget: Decimal
    expected: Decimal | None = None
    valid_from: datetime


class ApprovalDecided(EventData):
    """One step of an approval was decided on what its approver saw: `seen` is the hash of that revision's content."""

    TYPE: ClassVar[str] = "pricing.approval.decided.v1"
    TOPIC: ClassVar[Topic] = PRICING_EVENTS

    request_id: UUID
    version: int
    quote_id: UUID
    revision: int
    authority: str
    verdict: Literal["approved", "rejected"]
    seen: str
    policy_version: int
    decided_at: datetime
