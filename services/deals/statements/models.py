"""What somebody says of a part of a deal, and what is known of the deal that it is said of."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from libs.common.web.idempotency import Sent

Part = Literal["revenue", "overlay", "lines", "competitor"]


@dataclass(frozen=True, slots=True)
class Held:
    """A deal as it stands, as far as statements look at it."""

    deal_id: UUID
    name: str
    state: Literal["open", "won", "lost"]
    owner_id: UUID | None
    amount: Decimal | None
    currency: str | None
    closed_on: date | None
    loss_reason: str | None
    quote_id: UUID | None
    """The quote that has the say over the amount."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A statement to be kept. `at`: from when it holds, null for now; `if_match`: the version that its author saw."""

    request: Sent
    deal_id: UUID
    part: Part
    said: Mapping[str, Any]
    subject: str = ""
    at: datetime | None = None
    if_match: str | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement as it is kept. Of one deal, part and subject that of the greatest `(at, version)` stands.

    What was said of a deal that this one absorbed counts as said of this one; its version is that one's.
    """

    entry_id: UUID
    deal_id: UUID
    version: int
    part: Part
    subject: str
    said: Mapping[str, Any]
    at: datetime
    author: str
    recorded_at: datetime
