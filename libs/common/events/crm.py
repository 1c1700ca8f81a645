"""Changes of CRM records in canonical form, published by the gateway. Every payload is the full record."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import Field

from libs.common.events.base import EventData, Payload
from libs.common.messaging.topics import CRM_CHANGES, Topic

State = Literal["open", "won", "lost"]
Category = Literal["pipeline", "best_case", "most_likely", "commit", "omitted"]
DealType = Literal["new", "expansion", "renewal", "contraction", "unmapped"]
ValueBasis = Literal["arr", "acv", "tcv", "one_off"]
Probability = Annotated[Decimal, Field(ge=0, le=1)]
EditedField = Literal["next_step", "close_date", "amount", "stage", "category", "owner_id"]
"""What people edit of a deal here although its CRM owns it."""


class RecordClock(Payload):
    """The version of a CRM record. Greater wins; compared field by field in this order.

    `crm_time`: the CRM's modification time (aware UTC). `sequence`: the provider's own order within one time, else 0.
    `mapping_version`: of the connection's mapping, so that a re-mapping supersedes. `digest`: SHA-256 hex of the canonical
    content, the last resort that makes equal clocks with different content converge.
    """

    crm_time: datetime
    sequence: int = 0
    mapping_version: int = 1
    digest: str = ""

    def order(self) -> tuple[datetime, int, int, str]:
        return (self.crm_time, self.sequence, self.mapping_version, self.digest)


class CrmRecord(EventData):
    """What every canonical CRM record carries."""

    TOPIC: ClassVar[Topic] = CRM_CHANGES

    connection: str
    external_id: str
    clock: RecordClock
    received_at: datetime
    """Arrival of the delivery that brought it (for an import: the import's time)."""
    source_recorded_at: datetime | None = None
    """When the CRM itself recorded the change (its field history), if it tells."""
    reconstructed: bool = False
    """From an import whose recording times are unknown."""
    unobserved_since: datetime | None = None
    """From here until `clock.crm_time` the record held something that nobody saw: the CRM told of a change then (by its own time,
    else when it told), and when it was asked, a later state stood already. Equal to `clock.crm_time`: more than one change within
    that instant. Null where the delivery carried the record, or where exactly one change was told of and its state is this one."""
    deleted: bool = False
    created_at: datetime | None = None


class CrmDealChanged(CrmRecord):
    """An opportunity as the CRM has it."""

    TYPE: ClassVar[str] = "crm.deal.changed.v1"

    deal_id: UUID
    name: str = ""
    amount: Decimal | None = None
    currency: str | None = None
    close_date: date | None = None
    close_date_by_machine: bool = False
    pipeline: str = "default"
    stage: str = ""
    stage_probability: Probability | None = None
    state: State = "open"
    category: Category | None = None
    mapped_category: Category | None = None
    """The category that the CRM's own map gives this stage; equal to `category` it is a proposal, not a person's word."""
    owner_id: UUID | None = None
    account_id: UUID | None = None
    lead_id: UUID | None = None
    region: str | None = None
    market: str | None = None
    segment: str | None = None
    product: str | None = None
    source: str | None = None
    deal_type: DealType = "unmapped"
    value_basis: ValueBasis = "one_off"
    term_months: int | None = None
    closed_on: date | None = None
    """Local date on which it turned won or lost, if closed."""
    loss_reason: str | None = None
    next_step: str | None = None
    """What the seller says comes next; null is none where `next_step_known`, else unknown."""
    next_step_known: bool = False
    """The connection's mapping names a field for it, and the record has that field."""
    last_activity_at: datetime | None = None
    """When the CRM last noted an activity on the deal, a day without a time at its first instant; null is never where
    `activity_known`, else unknown. It may lie ahead where a CRM counts what is due."""
    activity_known: bool = False
    changed_by: UUID | None = None
    """Who made the change that this record shows, by the CRM's key of users; null where it does not tell."""
    merged_into: UUID | None = None


class CrmLeadChanged(CrmRecord):
    """A possible buyer as the CRM has it. Names, mail and phone stay in the gateway; `person_id` points there."""

    TYPE: ClassVar[str] = "crm.lead.changed.v1"

    lead_id: UUID
    company: str | None = None
    person_id: UUID | None = None
    owner_id: UUID | None = None
    account_id: UUID | None = None
    """The account that may buy more, where the lead is one of a known customer."""
    status: Literal["new", "working", "qualified", "disqualified", "converted"] = "new"
    source: str | None = None
    campaign: str | None = None
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
    converted_deal_id: UUID | None = None
    merged_into: UUID | None = None


class CrmAccountChanged(CrmRecord):
    """A company that buys or may buy."""

    TYPE: ClassVar[str] = "crm.account.changed.v1"

    account_id: UUID
    name: str = ""
    region: str | None = None
    market: str | None = None
    segment: str | None = None
    tier: str | None = None
    parent_id: UUID | None = None
    merged_into: UUID | None = None


class CrmUserChanged(CrmRecord):
    """A seller or manager. The name stays in the gateway. `team_path` places the person, root left out: `EMEA/North`."""

    TYPE: ClassVar[str] = "crm.user.changed.v1"

    user_id: UUID
    is_active: bool = True
    team_path: str | None = None
    manager_id: UUID | None = None


class CrmPersonKeyed(EventData):
    """Match keys of a person of a CRM: digests under the deployment's secret, equal where mailbox, phone, name or company's domain
    are. All null where nothing is known, and once the person was erased: whoever keeps keys then drops them.
    """

    TYPE: ClassVar[str] = "crm.person.keyed.v1"
    TOPIC: ClassVar[Topic] = CRM_CHANGES

    person_id: UUID
    mail: str | None = None
    phone: str | None = None
    domain: str | None = None
    name: str | None = None


class CrmProductChanged(CrmRecord):
    """A product as the CRM's catalogue has it."""

    TYPE: ClassVar[str] = "crm.product.changed.v1"

    product_id: UUID
    code: str
    name: str = ""
    line: str | None = None
    list_price: Decimal | None = None
    cost: Decimal | None = None
    currency: str | None = None


class CrmMappingActivated(EventData):
    """From here on the connection's records are understood by another version of its mapping; all are mapped again."""

    TYPE: ClassVar[str] = "crm.mapping.activated.v1"
    TOPIC: ClassVar[Topic] = CRM_CHANGES

    connection: str
    mapping_version: int
    previous_version: int
    """The version before; the same where a paused connection became active."""


class OfferedStage(Payload):
    """An open stage into which a deal can be moved from here; `pipeline` is null where it is of every pipeline."""

    pipeline: str | None = None
    stage: str


class CrmWriteBackOffered(EventData):
    """Which fields of its deals a connection takes back from here; none: it takes nothing. The greatest `version` stands."""

    TYPE: ClassVar[str] = "crm.write_back.offered.v1"
    TOPIC: ClassVar[Topic] = CRM_CHANGES

    connection: str
    version: int
    fields: tuple[EditedField, ...] = ()
    stages: tuple[OfferedStage, ...] = ()


class CrmEditAnswered(EventData):
    """What a CRM said to an edit. `taken`: it holds the wanted value, as read back. `refused`: `reason` are its words.

    `conflict`: it holds `crm_value`, which the author of the edit had not seen, and nothing was written.
    """

    TYPE: ClassVar[str] = "crm.edit.answered.v1"
    TOPIC: ClassVar[Topic] = CRM_CHANGES

    edit_id: UUID
    deal_id: UUID
    connection: str
    field: EditedField
    outcome: Literal["taken", "refused", "conflict"]
    crm_value: str | None = None
    reason: str | None = None
    answered_at: datetime


class CrmRightsChanged(EventData):
    """What somebody who signs in, or a program with a key, may do from now on. The greatest `version` of a subject stands."""

    TYPE: ClassVar[str] = "crm.rights.changed.v1"
    TOPIC: ClassVar[Topic] = CRM_CHANGES

    subject: str
    version: int
    roles: tuple[str, ...]
    scope: tuple[UUID, ...]


class ComparedAmount(Payload):
    """Amounts of one currency, without their signs: the CRM's, ours, and how much of the CRM's ours equals."""

    currency: str
    crm: Decimal
    ours: Decimal
    equal: Decimal


class Comparison(EventData):
    """A connection's live deals were held against the CRM's, or could not be.

    Of each deal that both sides have in one pipeline, stage and close month the count is equal, and of its amount the smaller
    one. Deals whose change is still on its way (`under_way`) are in none of the other numbers. With another `outcome` than
    `compared` nothing is known of the CRM's side, `reason` says why, and of the counts only `our_count` is told.
    """

    connection: str
    comparison_id: UUID
    begun_at: datetime
    ended_at: datetime
    outcome: Literal["compared", "refused", "not_asked"]
    reason: str | None = None
    our_count: int
    crm_count: int = 0
    equal_count: int = 0
    under_way: int = 0
    missing: int = 0
    different: int = 0
    ours_only: int = 0
    unreadable: int = 0
    amounts: tuple[ComparedAmount, ...] = ()


class CrmDealsCompared(Comparison):
    """What the gateway has of a connection's deals was compared with what the CRM has."""

    TYPE: ClassVar[str] = "crm.deal.compared.v1"
    TOPIC: ClassVar[Topic] = CRM_CHANGES
