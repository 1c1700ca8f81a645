"""Campaigns, costs and what became of their leads, by HTTP."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, field_validator, model_validator

from libs.common import money
from libs.common.web.schemas import In, Out

Word = Annotated[str, Field(min_length=1, max_length=200)]
Touch = Literal["first", "last"]
CAVEAT = (
    "Attribution is not lift: it says which campaign touched a lead first or last, not how many of these would have come "
    "without it. Nobody was kept from any campaign here, so no cause can be read from these numbers."
)


class CampaignIn(In):
    """A campaign. A lead is touched by it when it names it, else when it names its source (and its market, if given)."""

    name: Word
    source: Word | None = None
    channel: Word | None = None
    market: Word | None = None


class CampaignOut(Out):
    campaign_id: UUID
    version: int
    name: str
    source: str | None
    channel: str | None
    market: str | None


class CampaignsOut(Out):
    items: list[CampaignOut]


class CostIn(In):
    """What a campaign cost on a local day; 0 says that it cost nothing. The same day and currency again replaces it."""

    day: date
    amount: Annotated[Decimal, Field(ge=0, max_digits=18, allow_inf_nan=False)]
    currency: str

    @field_validator("currency")
    @classmethod
    def _is_currency(cls, value: str) -> str:
        money.exponent(value)
        return value

    @model_validator(mode="after")
    def _is_in_minor_units(self) -> Self:
        if money.quantise(self.amount, self.currency) != self.amount:
            raise ValueError(f"{self.amount} is finer than the minor unit of {self.currency}")
        return self


class CostRowIn(CampaignIn, CostIn):
    """A row of a file: `campaign` by its name, made if there is none."""


class CostOut(Out):
    campaign_id: UUID
    day: date
    amount: Decimal
    currency: str
    version: int
    said_by: str
    recorded_at: datetime


class CostsOut(Out):
    items: list[CostOut]


class RefusedOut(Out):
    """A row that was not taken, counted as a spreadsheet does, with the column and why."""

    row: int
    field: str
    message: str


class CostFileOut(Out):
    taken: int
    refused: list[RefusedOut]


class MoneyOut(Out):
    amount: Decimal
    currency: str


class LineOut(Out):
    """What became of the leads of a campaign, or of a source that belongs to none, or of those whose source is unknown."""

    kind: Literal["campaign", "source", "unknown"]
    campaign_id: UUID | None
    name: str | None
    source: str | None
    channel: str | None
    market: str | None
    leads: int
    accepted: int
    deals: int
    won_deals: int
    pipeline: list[MoneyOut]
    weighted: list[MoneyOut]
    won: list[MoneyOut]
    cost: list[MoneyOut]
    currency: str | None
    cost_per_lead: Decimal | None
    cost_per_accepted: Decimal | None
    cost_per_won: Decimal | None
    roi: Decimal | None
    weighted_roi: Decimal | None
    why: str | None


class ReturnsOut(Out):
    """Of leads that arrived, and costs, from `since` to `until`, both included. Every lead stands in one line."""

    since: date
    until: date
    touch: Touch
    caveat: str
    leads: int
    lines: list[LineOut]
