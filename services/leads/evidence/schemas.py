"""Evidence as it comes in and goes out by HTTP."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from libs.common.qualification import State
from libs.common.qualification.elements import Framework, Key
from libs.common.qualification.evidence import Said
from libs.common.qualification.gates import Wanted
from libs.common.web.schemas import In, Out


class EvidenceIn(In):
    """A statement about an element. Free text about the business case; no person data belongs here."""

    element: Key
    state: Said
    source: Annotated[str, Field(min_length=1, max_length=40)]
    note: Annotated[str, Field(min_length=1, max_length=1000)]
    at: datetime | None = None
    half_life_days: Annotated[int, Field(gt=0, le=3650)] | None = None


class EntryOut(Out):
    """A statement. `lead_id`: of which lead it was made, where others were merged into the one that is read."""

    entry_id: UUID
    lead_id: UUID
    element: Key
    state: Said
    source: str
    note: str
    author: str
    at: datetime
    fresh_until: datetime


class ElementOut(Out):
    """How an element stands now. `strength` in [0, 1] fades by half with every half-life."""

    element: Key
    framework: Framework
    name: str
    question: str
    state: State
    is_fresh: bool
    strength: float
    entry_id: UUID | None


class LackOut(Out):
    """An element that is not known well enough, and why not."""

    element: Key
    name: str
    wanted: Wanted
    reason: str


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
