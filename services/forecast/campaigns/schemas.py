"""Campaigns as the forecast tells them. Money is a decimal string in `currency`; unknown is null, never 0."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from libs.common.web.schemas import Out


class TouchOut(Out):
    """What became of the leads that were touched first (or last): pipeline is open now. `roi` = (won - cost) / cost."""

    leads: int
    accepted: int
    deals: int
    won_deals: int
    pipeline: Decimal | None
    won: Decimal | None
    roi: Decimal | None


class CampaignOut(Out):
    """A campaign, or all of them without an id; `why` there is no return."""

    campaign_id: UUID | None
    name: str
    market: str | None
    cost: Decimal | None
    first: TouchOut
    last: TouchOut
    why: str | None


class CampaignsReading(Out):
    """Of leads that arrived in the months from `since` to `until`, and costs of their days, dearest first.

    `hidden`: why there is nothing for who sees only a part of the company; the figures are those of the whole.
    """

    since: date
    until: date
    known_at: datetime
    currency: str
    caveat: str
    hidden: str | None
    total: CampaignOut | None
    items: list[CampaignOut]
