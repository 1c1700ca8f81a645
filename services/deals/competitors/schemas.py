"""Competitors as they come in and go out."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field, field_validator

from libs.common.remarks import names_an_address
from libs.common.web.schemas import In, Out

State = Literal["in_play", "out", "lost_to", "displaced", "withdrawn"]
Source = Literal["buyer", "seller", "partner", "public"]


class CompetitorIn(In):
    """Who else offers. `out`: no longer; `lost_to`: they got a deal that we lost; `displaced`: they had the customer and we won;
    `withdrawn`: named in error. `source`: who says so. `at`: from when it holds, else from now and of a closed deal from its closing.
    """

    competitor: Annotated[str, Field(min_length=1, max_length=120)]
    state: State = "in_play"
    source: Source = "seller"
    at: AwareDatetime | None = None

    @field_validator("competitor")
    @classmethod
    def _names_no_person(cls, value: str) -> str:
        if names_an_address(value):
            raise ValueError("a competitor is a company, not a mail address or phone number")
        plain = " ".join(value.split())
        if not plain.isprintable():
            raise ValueError("the name holds characters that cannot be shown")
        return plain

    @property
    def key(self) -> str:
        """The same for the same name, however it is written."""
        return self.competitor.casefold()


class AgainstOut(Out):
    """Closed deals within scope in which they were named, renewals left out. `rate` is null under 20; the interval is Wilson's, 95 %."""

    won: int
    closed: int
    lost_to: int
    open: int
    rate: float | None
    low: float
    high: float


class CompetitorOut(Out):
    competitor: str
    state: State
    source: Source
    at: datetime
    author: str
    against: AgainstOut


class SaidOut(Out):
    """Something that was said, for the history."""

    entry_id: UUID
    version: int
    competitor: str
    state: State
    source: Source
    at: datetime
    author: str
    recorded_at: datetime


class CompetitorsOut(Out):
    """Who else offers in a deal, by name. `loss_reason` is the CRM's; null: it tells none, or the deal is not lost."""

    deal_id: UUID
    version: int
    as_of: datetime
    known_at: datetime
    loss_reason: str | None
    items: list[CompetitorOut]
    said: list[SaidOut]


class NamedOut(Out):
    """A competitor of any deal within scope."""

    competitor: str
    against: AgainstOut


class NamedPage(Out):
    as_of: datetime
    items: list[NamedOut]
