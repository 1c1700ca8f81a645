"""Evidence as it comes in and goes out by HTTP, of leads and of deals alike."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from libs.common import clock
from libs.common.ids import new_id
from libs.common.qualification.elements import Framework, Key, element_of
from libs.common.qualification.evidence import Entry, Said, Standing, State
from libs.common.qualification.gates import Wanted
from libs.common.web.errors import Invalid
from libs.common.web.schemas import In, Out


class EvidenceFromTheFuture(Invalid):
    """A statement was dated later than now."""


class EvidenceIn(In):
    """A statement about an element. Free text about the business case; no person data belongs here."""

    element: Key
    state: Said
    source: Annotated[str, Field(min_length=1, max_length=40)]
    note: Annotated[str, Field(min_length=1, max_length=1000)]
    at: datetime | None = None
    half_life_days: Annotated[int, Field(gt=0, le=3650)] | None = None

    def entry(self, author: str) -> Entry:
        """The statement of `author`, as of now unless it says when it became known. Raises EvidenceFromTheFuture."""
        now = clock.now()
        if self.at is not None and self.at > now:
            raise EvidenceFromTheFuture(
                f"{self.at.isoformat()} is not yet; say when it became known, or leave the time out."
            )
        return Entry.model_validate(self.model_dump() | {"entry_id": new_id(), "author": author, "at": self.at or now})


class EntryOut(Out):
    """A statement. `lead_id`: of which lead it was made, null for one about a deal itself."""

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


def elements(standing: Iterable[Standing]) -> list[ElementOut]:
    """Each element as it stands."""
    return [
        ElementOut.model_validate(
            {
                "element": each.element,
                "framework": (element := element_of(each.element)).framework,
                "name": element.name,
                "question": element.question,
                "state": each.state,
                "is_fresh": each.is_fresh,
                "strength": each.strength,
                "entry_id": each.entry.entry_id if each.entry else None,
            }
        )
        for each in standing
    ]


def statement(entry: Entry, lead_id: UUID | None) -> EntryOut:
    """A statement with how long it is fresh."""
    return EntryOut(**entry.model_dump(exclude={"half_life_days"}), lead_id=lead_id, fresh_until=entry.fresh_until)
