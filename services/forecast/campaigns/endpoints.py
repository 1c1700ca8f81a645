"""Campaigns in the forecast by HTTP."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from libs.common import clock
from libs.common.calendar import add_months, local_date
from libs.common.web.api import Reading
from libs.common.web.auth import CurrentPrincipal
from services.forecast.campaigns import service
from services.forecast.campaigns.schemas import CampaignsReading
from services.forecast.config import settings_of
from services.forecast.readings.endpoints import Exported
from services.forecast.readings.export import answer
from services.forecast.readings.table import Kind, Table

router = APIRouter(prefix="/forecast/campaigns", tags=["campaigns"])

YEAR = 12
_TOUCH: dict[str, Kind] = {
    "leads": "count", "accepted": "count", "deals": "count", "won_deals": "count", "pipeline": "money", "won": "money", "roi": "number",
}  # fmt: skip


@router.get("", response_model=CampaignsReading)
async def read_campaigns(
    session: Reading,
    principal: CurrentPrincipal,
    form: Exported,
    since: Annotated[
        date | None, Query(description="a day of the first month; without it eleven months before")
    ] = None,
    until: Annotated[date | None, Query(description="a day of the last month; without it this one")] = None,
    campaign: Annotated[list[UUID] | None, Query(max_length=200, description="without it all campaigns")] = None,
) -> CampaignsReading | Response:
    """What campaigns cost, and what became of the leads that they touched first and last, by the months of arrival."""
    until = until or local_date(clock.now(), settings_of(session).org_timezone)
    since = since or add_months(until.replace(day=1), 1 - YEAR)
    found = await service.read(session, since=since, until=until, campaigns=campaign, principal=principal)
    return answer(_table(found), form) if form else found


def _table(found: CampaignsReading) -> Table:
    """A line per campaign."""
    touches = {f"{touch}_{name}": kind for touch in ("first", "last") for name, kind in _TOUCH.items()}
    columns: dict[str, Kind] = {
        "campaign_id": "text", "name": "text", "market": "text", "currency": "text", "cost": "money", **touches,
    }  # fmt: skip
    lines: list[list[object]] = [
        [
            *(str(each.campaign_id), each.name, each.market, found.currency, each.cost),
            *(_cell(name, getattr(getattr(each, touch), name)) for touch in ("first", "last") for name in _TOUCH),
        ]
        for each in found.items
    ]
    return Table(f"campaigns-{found.since}-{found.until}", columns, lines)


def _cell(name: str, value: Any) -> object:
    return float(value) if name == "roi" and value is not None else value
