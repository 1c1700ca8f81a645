"""Campaigns and their costs; leads, pipeline and won by first and by last touch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.events.base import Received
from libs.common.events.deals import DealState
from libs.common.ids import new_id
from libs.common.messaging import outbox
from libs.common.organisation import sees_everything
from libs.common.web.auth import Principal, require
from libs.common.web.errors import Conflict, NotFound
from services.leads.campaigns import repository
from services.leads.campaigns.figures import Figures, figures
from services.leads.campaigns.schemas import CampaignIn, CostIn, CostRowIn
from services.leads.config import settings_of

WRITERS = ("sales_ops", "cso", "finance")
"""Roles that may say what campaigns there are and what they cost."""
COMPANY_ONLY = "what a campaign cost is set against all of its leads, of which you see a part"


class CampaignNotFound(NotFound):
    """There is no such campaign."""


class CampaignNameTaken(Conflict):
    """Leads name campaigns, so a name means one."""


@dataclass(slots=True)
class Line:
    """What became of the leads of a campaign, or of a source without one; both None: nobody knows where they come from."""

    campaign: Any | None
    source: str | None
    leads: int = 0
    accepted: int = 0
    deals: int = 0
    won_deals: int = 0
    pipeline: dict[str, Decimal] = field(default_factory=dict)
    weighted: dict[str, Decimal] = field(default_factory=dict)
    won: dict[str, Decimal] = field(default_factory=dict)
    cost: dict[str, Decimal] = field(default_factory=dict)
    hidden: str | None = None

    def figures(self) -> Figures:
        if self.hidden:
            return Figures(None, None, None, None, None, None, self.hidden)
        return figures(
            leads=self.leads,
            accepted=self.accepted,
            won_deals=self.won_deals,
            cost=self.cost,
            won=self.won,
            weighted=self.weighted,
        )


async def keep_deals(session: AsyncSession, events: Sequence[Received[DealState]], *, principal: Principal) -> None:  # noqa: ARG001
    """Keep what deals' events say of their money; in any order and with repetitions the newest entry stands."""
    newest: dict[UUID, DealState] = {}
    for event in events:
        known = newest.get(event.data.deal_id)
        if known is None or (known.valid_from, known.version) < (event.data.valid_from, event.data.version):
            newest[event.data.deal_id] = event.data
    await repository.keep_deals(session, list(newest.values()))


async def list_campaigns(session: AsyncSession, *, principal: Principal) -> list[Any]:  # noqa: ARG001
    """All campaigns by name; everybody may know them."""
    return await repository.campaigns(session)


async def add_campaign(session: AsyncSession, wanted: CampaignIn, *, principal: Principal) -> Any:
    """A new campaign. Raises CampaignNameTaken."""
    require(principal, *WRITERS)
    await repository.lock(session)
    return await _write(session, new_id(), wanted, await repository.campaigns(session), principal=principal)


async def change_campaign(session: AsyncSession, campaign_id: UUID, wanted: CampaignIn, *, principal: Principal) -> Any:
    """Say anew what a campaign is; former versions are kept. Raises CampaignNotFound, CampaignNameTaken."""
    require(principal, *WRITERS)
    await repository.lock(session)
    known = await repository.campaigns(session)
    _found(known, campaign_id)
    return await _write(session, campaign_id, wanted, known, principal=principal)


async def add_cost(session: AsyncSession, campaign_id: UUID, cost: CostIn, *, principal: Principal) -> None:
    """Say what a campaign cost on a day. Raises CampaignNotFound."""
    require(principal, *WRITERS)
    await repository.lock(session)
    _found(await repository.campaigns(session), campaign_id)
    at = await outbox.stamp(session)
    await repository.add_costs(
        session, [{"campaign_id": campaign_id, **cost.model_dump()}], said_by=principal.subject, at=at
    )


async def add_cost_rows(session: AsyncSession, rows: Sequence[CostRowIn], *, principal: Principal) -> None:
    """Costs with the names of their campaigns, which are made where there are none of that name."""
    require(principal, *WRITERS)
    await repository.lock(session)
    known = {each.name.lower(): each.campaign_id for each in await repository.campaigns(session)}
    for row in rows:
        if row.name.lower() not in known:
            made = CampaignIn(**row.model_dump(include=set(CampaignIn.model_fields)))
            written = await _write(session, new_id(), made, (), principal=principal)
            known[row.name.lower()] = written["campaign_id"]
    costs = [
        {"campaign_id": known[row.name.lower()], **row.model_dump(include={"day", "amount", "currency"})}
        for row in rows
    ]
    if costs:
        await repository.add_costs(session, costs, said_by=principal.subject, at=await outbox.stamp(session))


async def list_costs(session: AsyncSession, campaign_id: UUID, *, principal: Principal) -> list[Any]:
    """What a campaign cost by day. Needs the whole company in scope, as its cost is the company's. Raises CampaignNotFound."""
    _found(await repository.campaigns(session), campaign_id)
    return await repository.costs(session, campaign_id) if sees_everything(principal) else []


async def returns(session: AsyncSession, *, touch: str, since: date, until: date, principal: Principal) -> list[Line]:
    """Of leads within the principal's scope that arrived on the days, both included: a line per campaign, then per source
    that belongs to none, last those of unknown source. Each lead stands in one.
    """
    zone = ZoneInfo(settings_of(session).org_timezone)
    leads, money = await repository.became(
        session,
        touch=touch,
        since=_begin(since, zone),
        until=_begin(until + timedelta(days=1), zone),
        principal=principal,
    )
    lines: dict[tuple[UUID | None, str | None], Line] = {
        (each.campaign_id, None): Line(each, None) for each in await repository.campaigns(session)
    }
    for row in leads:
        line = lines.setdefault((row.campaign_id, row.source), Line(None, row.source))
        line.leads, line.accepted = row.leads, row.accepted
    for row in money:
        line = lines[row.campaign_id, row.source]
        line.deals += row.deals
        line.won_deals += row.won_deals
        for name in ("pipeline", "weighted", "won"):
            if row.currency is not None and (amount := getattr(row, name)):
                getattr(line, name)[row.currency] = amount
    if sees_everything(principal):
        for row in await repository.total_costs(session, since=since, until=until):
            lines[row.campaign_id, None].cost[row.currency] = row.amount
    else:
        for line in lines.values():
            line.hidden = COMPANY_ONLY
    return sorted(lines.values(), key=_order)


def _order(line: Line) -> tuple[int, int, str]:
    kind = 0 if line.campaign is not None else 1 if line.source is not None else 2
    return (kind, -line.leads, line.campaign.name if line.campaign is not None else line.source or "")


def _begin(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _found(known: Sequence[Any], campaign_id: UUID) -> Any:
    found = next((each for each in known if each.campaign_id == campaign_id), None)
    if found is None:
        raise CampaignNotFound(f"There is no campaign {campaign_id}.")
    return found


async def _write(
    session: AsyncSession, campaign_id: UUID, wanted: CampaignIn, known: Sequence[Any], *, principal: Principal
) -> Mapping[str, Any]:
    for each in known:
        if each.campaign_id != campaign_id and each.name.lower() == wanted.name.lower():
            raise CampaignNameTaken(
                f"{each.name!r} is campaign {each.campaign_id}; choose another name or change that one."
            )
    version = max((each.version for each in known if each.campaign_id == campaign_id), default=0) + 1
    at = await outbox.stamp(session)
    values = {
        "campaign_id": campaign_id,
        "version": version,
        **wanted.model_dump(),
        "said_by": principal.subject,
        "recorded_at": at,
    }
    await repository.add_campaign(session, values)
    return values
