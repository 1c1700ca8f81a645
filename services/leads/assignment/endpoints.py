"""Rules and assignments by HTTP."""

from collections.abc import Mapping
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Response

from libs.common.web.api import Reading, Transaction
from libs.common.web.auth import CurrentPrincipal
from libs.common.web.etags import etag
from services.leads.assignment import service
from services.leads.assignment.models import Rules
from services.leads.assignment.schemas import AssignIn, RuleOut, RulesIn, RulesOut
from services.leads.register.schemas import LeadOut

router = APIRouter(prefix="/leads", tags=["assignment"])


@router.get("/rules")
async def read_rules(session: Reading, principal: CurrentPrincipal) -> RulesOut:
    """The rules by which leads without an owner are given away, in their order."""
    rules, names = await service.read_rules(session, principal=principal)
    return _rules(rules, names)


@router.put("/rules")
async def set_rules(wanted: RulesIn, session: Transaction, principal: CurrentPrincipal) -> RulesOut:
    """Replace all rules; former versions are kept. Needs the role sales_ops or cso."""
    await service.set_rules(session, wanted.rules, principal=principal)
    rules, names = await service.read_rules(session, principal=principal)
    return _rules(rules, names)


@router.post("/{lead_id}/assign")
async def assign(
    lead_id: UUID,
    wanted: AssignIn,
    session: Transaction,
    principal: CurrentPrincipal,
    response: Response,
    if_match: Annotated[str | None, Header(max_length=200)] = None,
) -> LeadOut:
    """Give the lead to a person, whatever the rules did. The CRM's later change of the owner goes before it."""
    row = await service.assign(
        session, lead_id, wanted.owner_id, reason=wanted.reason, if_match=if_match, principal=principal
    )
    response.headers["ETag"] = etag(row.version)
    return LeadOut.of(row)


def _rules(rules: Rules, names: Mapping[UUID, str]) -> RulesOut:
    items = [
        RuleOut.model_validate(
            {name: getattr(each, name) for name in RuleOut.model_fields if hasattr(each, name)}
            | {
                "asks": each.words(),
                "grades": None if each.ranks is None else list(each.ranks),
                "unit_name": names.get(each.unit_id) if each.unit_id else None,
            }
        )
        for each in rules.items
    ]
    return RulesOut(version=rules.version, said_by=rules.said_by, recorded_at=rules.recorded_at, rules=items)
