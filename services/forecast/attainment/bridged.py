"""From a unit's call to its projection and its target: what those below call, what the CRM says, what Foretell makes of it."""

from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.web.auth import Principal
from services.forecast.attainment.service import Asking, wanted_of
from services.forecast.calls import reading, service
from services.forecast.calls.forest import Moment
from services.forecast.outlook import service as outlook
from services.forecast.outlook import shown
from services.forecast.outlook.reasons import BridgeReading, LevelOut, StepOut
from services.forecast.readings.asked import Filters, Question
from services.forecast.rollup.schemas import Reading


async def read(session: AsyncSession, asking: Asking, *, target: Decimal | None, principal: Principal) -> BridgeReading:
    """Each level and what leads to the next; without a target the quota is the last. Raises NegativeTarget, and what calls and the
    projection raise.
    """
    population = service.population_of(
        session, period=asking.period, deal_type=asking.deal_type, value_basis=asking.value_basis, principal=principal
    )
    moment = Moment(as_of=asking.as_of, known_at=asking.known_at)
    calls = await reading.calls(session, population, org=asking.org, moment=moment, principal=principal)
    question = Question(
        asking.period,
        calls.org.unit_id,
        as_of=asking.as_of,
        known_at=asking.known_at,
        filters=Filters(deal_type=population.deal_type, value_basis=population.value_basis),
    )
    found = await outlook.projected(session, question, target=target, principal=principal)
    quota = None if target is not None else await wanted_of(session, asking, calls, principal=principal)
    last = target if quota is None else quota
    parts = shown.parts(found.closed, found.outlook, found.blend, found.asked.rates.base)
    node = calls.node
    call, below, crm = node.call.amount if node.call else None, node.children_amount, node.steps.crm
    if below is None:
        raise ValueError("the node of a reading is a unit")
    levels = {"call": call, "below": below, "crm": crm, "projection": parts.projection, "target": last}
    steps = [] if call is None else [("below", "plug", below - call)]
    steps += [
        ("crm", "judgement", crm - below),
        ("projection", "commit", node.steps.closed_won - crm),
        ("projection", "closed", parts.closed - node.steps.closed_won),
        *(("projection", name, getattr(parts, name)) for name in ("open", "renewals", "not_created", "blend")),
    ]
    if last is not None:
        steps.append(("target", "short_of_target", last - parts.projection))
    return BridgeReading(
        **{name: getattr(calls, name) for name in Reading.model_fields},
        period=calls.period,
        deal_type=calls.deal_type,
        value_basis=calls.value_basis,
        target_is=None if last is None else "typed" if quota is None else "quota",
        levels=[LevelOut.model_validate({"level": name, "amount": amount}) for name, amount in levels.items()],
        steps=[StepOut.model_validate({"to": to, "reason": why, "amount": amount}) for to, why, amount in steps],
    )
