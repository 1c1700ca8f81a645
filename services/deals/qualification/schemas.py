"""Evidence of a deal as it comes in and goes out by HTTP."""

from datetime import datetime
from uuid import UUID

from libs.common.qualification.elements import Key
from libs.common.qualification.gates import Wanted
from libs.common.web.evidence import ElementOut, EntryOut, LackOut
from libs.common.web.schemas import Out


class StageGateOut(Out):
    """What a stage asks for and what is lacking."""

    name: str
    requires: dict[Key, Wanted]
    lacking: list[LackOut]


class EvidenceOut(Out):
    """All that is known of a deal."""

    deal_id: UUID
    as_of: datetime
    elements: list[ElementOut]
    gates: list[StageGateOut]
    entries: list[EntryOut]
