"""Evidence of a deal as it comes in and goes out by HTTP."""

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
    """A statement. `lead_id`: of which lead it was made, null for one about the deal itself."""

    entry_id: UUID
    lead_id: UUID | None
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
