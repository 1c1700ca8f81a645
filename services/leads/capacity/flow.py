"""What is set about the flow of leads: hours of people and leads, working time, response clocks. Pure."""

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from libs.common.web.schemas import In

Rank = Literal["A3", "A2", "B3", "A1", "B2", "C3", "B1", "C2", "C1", "none"]
RANKS: tuple[Rank, ...] = ("A3", "A2", "B3", "A1", "B2", "C3", "B1", "C2", "C1", "none")
"""Grades in the order of the queue; half a grade stands with its worst, `none` has no grade at all."""

Hours = Annotated[Decimal, Field(gt=0, le=80, max_digits=5, decimal_places=2)]
OfDay = Annotated[str, Field(pattern=r"^(([01]\d|2[0-3]):[0-5]\d|24:00)$")]
MOST_LEVELS = 5


def _minutes(of_day: str) -> int:
    return int(of_day[:2]) * 60 + int(of_day[3:])


def _by_rank(*hours: str) -> dict[Rank, Decimal]:
    return {rank: Decimal(each) for rank, each in zip(RANKS, hours, strict=True)}


class FlowIn(In):
    """Everything that is set about capacity, working time and response clocks. Grades left out keep what is shipped.

    `rep_hours`: hours per person and working day for leads. `horizon_days`: working days that the line looks ahead.
    `lead_hours`: what a lead costs by grade, `source_hours` what it costs by its source instead, `hours_from`: where
    these come from. `response_hours`: working hours until the first answer, by grade; the warning comes at `warn_share`
    of them, the first escalation `escalate_after_hours[0]` working hours after the breach, to the owner's manager, the
    next to theirs.
    """

    rep_hours: Annotated[Decimal, Field(ge=0, le=24, max_digits=4, decimal_places=2)] = Decimal(6)
    horizon_days: Annotated[int, Field(ge=1, le=10)] = 1
    lead_hours: dict[Rank, Hours] = Field(default_factory=dict)
    source_hours: Annotated[dict[str, Hours], Field(max_length=200)] = Field(default_factory=dict)
    hours_from: Annotated[str, Field(min_length=1, max_length=300)] = "as shipped: assumptions, nothing was measured"
    works_on: Annotated[list[Annotated[int, Field(ge=1, le=7)]], Field(min_length=1, max_length=7)] = Field(
        default_factory=lambda: [1, 2, 3, 4, 5]
    )
    works_from: OfDay = "09:00"
    works_until: OfDay = "17:00"
    response_hours: dict[Rank, Hours] = Field(default_factory=dict)
    warn_share: Annotated[Decimal, Field(ge=0, le=1, max_digits=3, decimal_places=2)] = Decimal("0.75")
    escalate_after_hours: Annotated[list[Hours], Field(max_length=MOST_LEVELS)] = Field(
        default_factory=lambda: [Decimal(1), Decimal(8)]
    )

    @model_validator(mode="after")
    def _begins_before_it_ends(self) -> Self:
        if _minutes(self.works_from) >= _minutes(self.works_until):
            raise ValueError("works_from must be earlier than works_until")
        if self.escalate_after_hours != sorted(self.escalate_after_hours):
            raise ValueError("escalate_after_hours are counted from the breach and must rise")
        return self

    def minutes(self) -> tuple[int, int]:
        """When the working day begins and ends, in minutes of the local day."""
        return _minutes(self.works_from), _minutes(self.works_until)

    def hours_of(self, place: int, source: str | None) -> Decimal:
        """What a lead costs at this place of the queue (1 to 10) and from this source."""
        if source is not None and source in self.source_hours:
            return self.source_hours[source]
        return (SHIPPED_LEAD_HOURS | self.lead_hours)[RANKS[place - 1]]

    def response_of(self, place: int) -> Decimal:
        """Working hours until the first answer at this place of the queue (1 to 10)."""
        return (SHIPPED_RESPONSE_HOURS | self.response_hours)[RANKS[place - 1]]


SHIPPED_LEAD_HOURS = _by_rank("1", "1", "1", "0.75", "0.75", "0.75", "0.5", "0.5", "0.5", "0.5")
SHIPPED_RESPONSE_HOURS = _by_rank("1", "1", "1", "4", "4", "4", "8", "8", "8", "8")
