"""From facts to a grade: points of the reasons, added up, cut at fixed thresholds."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from libs.common.events.leads import Reason
from services.leads.scoring.engagement import engagement_reasons
from services.leads.scoring.fit import fit_reasons

FIT_A_FROM = 5
FIT_B_FROM = 2
ENGAGEMENT_3_FROM = 5
ENGAGEMENT_2_FROM = 2


class ScoredFacts(Protocol):
    """What the score looks at."""

    @property
    def employees(self) -> int | None: ...
    @property
    def industry(self) -> str | None: ...
    @property
    def role(self) -> str | None: ...
    @property
    def segment(self) -> str | None: ...
    @property
    def engagement_count(self) -> int | None: ...
    @property
    def last_activity_at(self) -> datetime | None: ...


@dataclass(frozen=True, slots=True)
class Score:
    """Null where nothing is known to score on. `reasons` hold every contribution; their points decide alone."""

    fit: Literal["A", "B", "C"] | None
    engagement: Literal[1, 2, 3] | None
    reasons: tuple[Reason, ...]


def score(facts: ScoredFacts, *, as_of: datetime) -> Score:
    """The score of a lead at `as_of`: the same facts and instant always give the same score."""
    who = fit_reasons(employees=facts.employees, industry=facts.industry, role=facts.role, segment=facts.segment)
    did = engagement_reasons(count=facts.engagement_count, last_activity_at=facts.last_activity_at, as_of=as_of)
    return Score(fit=_fit(who) if who else None, engagement=_engagement(did) if did else None, reasons=who + did)


def _fit(reasons: tuple[Reason, ...]) -> Literal["A", "B", "C"]:
    points = sum(reason.points for reason in reasons)
    if points >= FIT_A_FROM:
        return "A"
    return "B" if points >= FIT_B_FROM else "C"


def _engagement(reasons: tuple[Reason, ...]) -> Literal[1, 2, 3]:
    points = sum(reason.points for reason in reasons)
    if points >= ENGAGEMENT_3_FROM:
        return 3
    return 2 if points >= ENGAGEMENT_2_FROM else 1
