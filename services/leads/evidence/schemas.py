"""Evidence as it comes in and goes out by HTTP."""

from datetime import datetime
from uuid import UUID

from libs.common.qualification.elements import Key
from libs.common.qualification.gates import Wanted
from libs.common.web.evidence import ElementOut, EntryOut, LackOut
from libs.common.web.schemas import In, Out


class GateOut(Out):
    """What a step asks for and what is lacking. `enforced`: the step is refused while something is."""

    name: str
    version: int
    enforced: bool
    requires: dict[Key, Wanted]
    lacking: list[LackOut]


class EvidenceOut(Out):
    """All that is known of a lead and of those merged into it."""

    lead_id: UUID
    as_of: datetime
    elements: list[ElementOut]
    gate: GateOut
    entries: list[EntryOut]


class GateIn(In):
    """What has to be known before a lead is qualified, and whether that is enforced."""

    requires: dict[Key, Wanted]
    enforced: bool


class GateRule(Out):
    """The gate as it is now. Version 0: as shipped."""

    name: str
    version: int
    enforced: bool
    requires: dict[Key, Wanted]
