"""Campaigns by HTTP."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body

from libs.common import clock
from libs.common.calendar import local_date
from libs.common.web.api import Reading, Transaction
from libs.common.web.auth import CurrentPrincipal
from services.leads.campaigns import importing, service
from services.leads.campaigns.schemas import (
    CAVEAT,
    CampaignIn,
    CampaignOut,
    CampaignsOut,
    CostFileOut,
    CostIn,
    CostOut,
    CostsOut,
    LineOut,
    MoneyOut,
    ReturnsOut,
    Touch,
)
from services.leads.campaigns.service import Line
from services.leads.config import settings_of

router = APIRouter(prefix="/leads/campaigns", tags=["campaigns"])

_USUAL = timedelta(days=365)


@router.get("")
async def list_campaigns(session: Reading, principal: CurrentPrincipal) -> CampaignsOut:
    """All campaigns by name."""
    found = await service.list_campaigns(session, principal=principal)
    return CampaignsOut(items=[_campaign(each) for each in found])


@router.post("", status_code=201)
async def add_campaign(wanted: CampaignIn, session: Transaction, principal: CurrentPrincipal) -> CampaignOut:
    """A new campaign. Needs the role sales_ops, finance or cso, as everything that changes campaigns does."""
    made = await service.add_campaign(session, wanted, principal=principal)
    return CampaignOut(**{name: made[name] for name in CampaignOut.model_fields})


@router.get("/returns")
async def read_returns(
    session: Reading,
    principal: CurrentPrincipal,
    touch: Touch = "first",
    since: date | None = None,
    until: date | None = None,
) -> ReturnsOut:
    """What became of the leads that arrived in the days, by default the last 365, by first or last touch, and its cost."""
    until = until or local_date(clock.now(), settings_of(session).org_timezone)
    since = since or until - _USUAL
    lines = await service.returns(session, touch=touch, since=since, until=until, principal=principal)
    return ReturnsOut(
        since=since,
        until=until,
        touch=touch,
        caveat=CAVEAT,
        leads=sum(each.leads for each in lines),
        lines=[_line(each) for each in lines],
    )


@router.post("/costs/file")
async def add_cost_file(
    content: Annotated[bytes, Body(media_type="text/csv")], session: Transaction, principal: CurrentPrincipal
) -> CostFileOut:
    """Costs from a CSV file in UTF-8: campaign, day, amount, currency, and source, channel, market for campaigns that are
    new. A row that is refused says where and why; the others are taken. The same file again changes nothing.
    """
    return await importing.load(session, content, principal=principal)


@router.put("/{campaign_id}")
async def change_campaign(
    campaign_id: UUID, wanted: CampaignIn, session: Transaction, principal: CurrentPrincipal
) -> CampaignOut:
    """Say anew what a campaign is; former versions are kept."""
    made = await service.change_campaign(session, campaign_id, wanted, principal=principal)
    return CampaignOut(**{name: made[name] for name in CampaignOut.model_fields})


@router.get("/{campaign_id}/costs")
async def list_costs(campaign_id: UUID, session: Reading, principal: CurrentPrincipal) -> CostsOut:
    """What it cost by day; nothing for those who do not see the whole company."""
    return _costs(await service.list_costs(session, campaign_id, principal=principal))


@router.post("/{campaign_id}/costs", status_code=201)
async def add_cost(campaign_id: UUID, cost: CostIn, session: Transaction, principal: CurrentPrincipal) -> CostsOut:
    """What it cost on a day."""
    await service.add_cost(session, campaign_id, cost, principal=principal)
    return _costs(await service.list_costs(session, campaign_id, principal=principal))


def _costs(rows: list[object]) -> CostsOut:
    return CostsOut(items=[CostOut(**{name: getattr(row, name) for name in CostOut.model_fields}) for row in rows])


def _campaign(row: object) -> CampaignOut:
    return CampaignOut(**{name: getattr(row, name) for name in CampaignOut.model_fields})


def _line(line: Line) -> LineOut:
    told = line.figures()
    campaign = line.campaign
    return LineOut(
        kind="campaign" if campaign else "source" if line.source else "unknown",
        campaign_id=campaign.campaign_id if campaign else None,
        name=campaign.name if campaign else line.source,
        source=campaign.source if campaign else line.source,
        channel=campaign.channel if campaign else None,
        market=campaign.market if campaign else None,
        leads=line.leads,
        accepted=line.accepted,
        deals=line.deals,
        won_deals=line.won_deals,
        pipeline=_money(line.pipeline),
        weighted=_money(line.weighted),
        won=_money(line.won),
        cost=_money(line.cost),
        currency=told.currency,
        cost_per_lead=told.per_lead,
        cost_per_accepted=told.per_accepted,
        cost_per_won=told.per_won,
        roi=told.roi,
        weighted_roi=told.weighted_roi,
        why=told.why,
    )


def _money(amounts: dict[str, Decimal]) -> list[MoneyOut]:
    return [MoneyOut(amount=amounts[currency], currency=currency) for currency in sorted(amounts)]
