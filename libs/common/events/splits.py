"""What deals tell of who is credited with them."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import Field

from libs.common.events.base import EventData, Payload
from libs.common.messaging.topics import DEAL_EVENTS, Topic


class SplitShare(Payload):
    """How much of a deal somebody is credited with, in (0, 1]."""

    person_id: UUID
    share: Annotated[Decimal, Field(gt=0, le=1)]


class SplitEntry(Payload):
    """All shares from an instant on; none at all give everything to the owner again."""

    at: datetime
    shares: tuple[SplitShare, ...] = ()


class SplitsStated(EventData):
    """Everything that holds of who is credited with a deal, anew whenever that has changed. The greatest version stands, whole.

    Entries are in the order in which they hold: of those until an instant the last one counts. `revenue` shares make 1 and cut
    the amount; `overlay` stands beside it and is in no total. What was said of a deal that this one absorbed is in it.
    A closed deal is credited as it stood at the end of its closing day. Without entries all is the owner's.
    """

    TYPE: ClassVar[str] = "deals.split.stated.v1"
    TOPIC: ClassVar[Topic] = DEAL_EVENTS

    deal_id: UUID
    version: int
    revenue: tuple[SplitEntry, ...] = ()
    overlay: tuple[SplitEntry, ...] = ()
