"""What happened to leads. Every event carries the lead's full state."""

from datetime import date, datetime
from decimal import Decimal
from typing import ClassVar, Literal
from uuid import UUID

from libs.common.events.base import EventData, Payload
from libs.common.messaging.topics import LEAD_EVENTS, Topic
from libs.common.qualification.evidence import Entry

Verdict = Literal["pending", "qualified", "rejected"]


class Reason(Payload):
    """One signed contribution to a score: the rule's name, what it saw, the points it gave."""

    rule: str
    detail: str
    points: int


class LeadState(EventData):
    """The lead after the change. `version` rises by one with each change."""

    TOPIC: ClassVar[Topic] = LEAD_EVENTS

    lead_id: UUID
    version: int
    valid_from: datetime
    company: str | None = None
    person_id: UUID | None = None
    owner_id: UUID | None = None
    assigned_at: datetime | None = None
    """Given to its owner here, by a rule or a person; null where the CRM says who owns it."""
    assigned_by: str | None = None
    assigned_reason: str | None = None
    account_id: UUID | None = None
    source: str | None = None
    campaign: str | None = None
    first_source: str | None = None
    """What first brought it, and what last did before it was qualified."""
    first_campaign: str | None = None
    last_source: str | None = None
    last_campaign: str | None = None
    region: str | None = None
    market: str | None = None
    segment: str | None = None
    product: str | None = None
    amount: Decimal | None = None
    currency: str | None = None
    employees: int | None = None
    industry: str | None = None
    role: str | None = None
    engagement_count: int | None = None
    last_activity_at: datetime | None = None
    fit: Literal["A", "B", "C"] | None = None
    engagement: Literal[1, 2, 3] | None = None
    reasons: tuple[Reason, ...] = ()
    verdict: Verdict = "pending"
    verdict_at: datetime | None = None
    verdict_by: str | None = None
    verdict_reason: str | None = None
    recycled_until: date | None = None
    """Set aside by a person until this day; the verdict is `pending` meanwhile and after it."""
    converted_deal_id: UUID | None = None
    deleted: bool = False
    merged_into: UUID | None = None
    """The lead that stands for this one, which is `deleted` as long as that holds. A merge can be taken back."""
    created_at: datetime | None = None


class LeadCaptured(LeadState):
    """A lead became known here."""

    TYPE: ClassVar[str] = "leads.lead.captured.v1"


class LeadChanged(LeadState):
    """A lead's data or score changed."""

    TYPE: ClassVar[str] = "leads.lead.changed.v1"


class LeadQualified(LeadState):
    """Sales accepted the lead; deals opens a pursuit for it or lets the waiting one pass the gate."""

    TYPE: ClassVar[str] = "leads.lead.qualified.v1"


class LeadRejected(LeadState):
    """Sales declined the lead, with a reason."""

    TYPE: ClassVar[str] = "leads.lead.rejected.v1"


class LeadReopened(LeadState):
    """A verdict was taken back; the lead waits again."""

    TYPE: ClassVar[str] = "leads.lead.reopened.v1"


class LeadRecycled(LeadState):
    """Sales set the lead aside until a day, with a reason."""

    TYPE: ClassVar[str] = "leads.lead.recycled.v1"


class LeadAssigned(LeadState):
    """The lead was given to its owner, by a rule or a person, with the reason."""

    TYPE: ClassVar[str] = "leads.lead.assigned.v1"


class LeadRemoved(LeadState):
    """The CRM deleted the lead, or it was merged into another."""

    TYPE: ClassVar[str] = "leads.lead.removed.v1"


class LeadClock(EventData):
    """The response clock of a lead passed a mark. Key and aggregate are the clock, one per start: every mark is passed once."""

    TOPIC: ClassVar[Topic] = LEAD_EVENTS

    clock_id: UUID
    lead_id: UUID
    owner_id: UUID | None = None
    started_at: datetime
    due_at: datetime
    passed_at: datetime
    """When the mark was passed, whenever that was noticed."""
    level: int = 0
    """Of an escalation: 1 goes to the owner's manager, 2 to theirs."""
    told_id: UUID | None = None
    """Whom it goes to: the owner, or a manager; null where nobody is known."""


class LeadClockWarned(LeadClock):
    """Little of the time to answer is left."""

    TYPE: ClassVar[str] = "leads.clock.warned.v1"


class LeadClockBreached(LeadClock):
    """The first answer is overdue."""

    TYPE: ClassVar[str] = "leads.clock.breached.v1"


class LeadClockEscalated(LeadClock):
    """It is still not answered and goes to the next level."""

    TYPE: ClassVar[str] = "leads.clock.escalated.v1"


class LeadEvidenceHanded(EventData):
    """A statement about a lead that sales accepted, handed to deals; key and aggregate are the statement itself.

    Statements never change, so one of these is all there ever is of it. Which deals it is of follows from which deals the
    lead became, opened or is named by, over merges.
    """

    TYPE: ClassVar[str] = "leads.evidence.handed.v1"
    TOPIC: ClassVar[Topic] = LEAD_EVENTS

    lead_id: UUID
    entry: Entry


class Amount(Payload):
    """Money of one currency."""

    currency: str
    amount: Decimal


class Touched(Payload):
    """What became of the leads that a campaign touched: accepted ones, their deals, and the money of these that is open and won."""

    leads: int = 0
    accepted: int = 0
    deals: int = 0
    won_deals: int = 0
    pipeline: tuple[Amount, ...] = ()
    won: tuple[Amount, ...] = ()


class CampaignCounted(EventData):
    """How a campaign stands with the leads that arrived in a month, and what it cost on its days. The greatest version stands.

    Attribution is not lift: a lead counts where it was touched `first`, and where it was `last` before it was qualified; nobody knows
    how many would have come without. `cost` is empty where none is known; 0 says that it cost nothing.
    """

    TYPE: ClassVar[str] = "leads.campaign.counted.v1"
    TOPIC: ClassVar[Topic] = LEAD_EVENTS

    campaign_id: UUID
    month: date
    """Its first day."""
    version: int
    counted_at: datetime
    name: str
    market: str | None = None
    cost: tuple[Amount, ...] = ()
    first: Touched
    last: Touched
