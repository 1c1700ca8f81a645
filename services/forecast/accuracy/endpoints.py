"""Value added by HTTP."""

from dataclasses import asdict
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from libs.common import clock
from libs.common.events.crm import DealType, ValueBasis
from libs.common.web.api import Reading
from libs.common.web.auth import CurrentPrincipal
from libs.common.web.errors import Invalid
from services.forecast.accuracy import service
from services.forecast.accuracy.schemas import LeadOut, ScoresOut, ValueAddedOut
from services.forecast.calls.steps import NodeKey
from services.forecast.config import settings_of

router = APIRouter(prefix="/forecast", tags=["accuracy"])


class TwoNodes(Invalid):
    """A unit and a person were asked for at once."""


@router.get("/value-added")
async def read_value_added(
    session: Reading,
    principal: CurrentPrincipal,
    org: Annotated[UUID | None, Query(description="a unit")] = None,
    owner: Annotated[UUID | None, Query(description="a person")] = None,
    deal_type: DealType | None = None,
    value_basis: ValueBasis | None = None,
) -> ValueAddedOut:
    """What each step was worth at a node over its closed periods, on identical sets, with n."""
    if org is not None and owner is not None:
        raise TwoNodes("org and owner: name one of them.")
    node = NodeKey("unit", org) if org else NodeKey("person", owner) if owner else None
    found = await service.value_added(session, node, deal_type=deal_type, value_basis=value_basis, principal=principal)
    return ValueAddedOut(
        as_of=clock.now(),
        node_kind=found.node.kind,
        node_id=found.node.id,
        deal_type=deal_type,
        value_basis=found.value_basis,
        currency=settings_of(session).base_currency,
        excluded_incomplete=found.excluded_incomplete,
        unknown_completeness=found.unknown_completeness,
        overall=ScoresOut.model_validate(asdict(found.overall)),
        by_lead=[
            LeadOut.model_validate(asdict(scores) | {"lead_weeks": lead}) for lead, scores in found.by_lead.items()
        ],
    )
