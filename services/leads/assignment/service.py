"""Giving leads away: by rules, within the room that people have, in turns; or by a person, who decides."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.calendar import local_date
from libs.common.events.base import Cause
from libs.common.messaging import outbox
from libs.common.web import etags
from libs.common.web.auth import Principal, require
from libs.common.web.errors import Invalid
from services.leads.assignment import repository
from services.leads.assignment.models import Rule, Rules, Turn, Unrouted
from services.leads.assignment.schemas import RuleIn
from services.leads.assignment.turns import next_in_turn
from services.leads.capacity import service as capacity
from services.leads.config import settings_of
from services.leads.register import service as register
from services.leads.register.models import LeadRow, NewInput
from services.leads.register.timeline import Assignment

AT_ONCE = 200
"""Leads given away in one transaction."""
BY_RULES = "routing"
_TICK = timedelta(microseconds=1)


class UnknownReceiver(Invalid):
    """A rule or an assignment names a unit or a person that there is not."""


async def read_rules(session: AsyncSession, *, principal: Principal) -> tuple[Rules, Mapping[UUID, str]]:  # noqa: ARG001
    """The rules in force, and the names of their units; everybody may know them."""
    found = await repository.rules(session)
    return found, await repository.unit_names(session, {each.unit_id for each in found.items if each.unit_id})


async def set_rules(session: AsyncSession, wanted: Sequence[RuleIn], *, principal: Principal) -> None:
    """Replace the rules by a further version. Needs the role sales_ops or cso. Raises UnknownReceiver."""
    require(principal, "sales_ops", "cso")
    units = {each.unit_id for each in wanted if each.unit_id}
    people = {each.person_id for each in wanted if each.person_id}
    known = set(await repository.unit_names(session, units))
    active = {each.person_id for each in await capacity.sellers(session, units=(), people=people, principal=principal)}
    for position, each in enumerate(wanted, 1):
        if (each.unit_id or each.person_id) not in known | active:
            raise UnknownReceiver(
                f"Rule {position} goes to {each.unit_id or each.person_id}, which is no unit and no active person of the "
                "organisation; name one of them."
            )
    await repository.lock_routing(session)
    before = await repository.rules(session)
    items = tuple(
        Rule(
            position=position,
            **each.model_dump(exclude={"grades"}),
            ranks=tuple(each.grades) if each.grades else None,
        )
        for position, each in enumerate(wanted, 1)
    )
    at = await outbox.stamp(session)
    await repository.add_rules(session, Rules(before.version + 1, items, principal.subject, at))


async def assign(
    session: AsyncSession,
    lead_id: UUID,
    owner_id: UUID,
    *,
    reason: str,
    if_match: str | None = None,
    principal: Principal,
) -> LeadRow:
    """Give a lead to a person of the principal's scope; goes before the rules and what the CRM said so far.

    Raises LeadNotFound, LeadIsGone, UnknownReceiver, VersionHasMoved.
    """
    require(principal, *register.WRITERS)
    row = await register.read_lead(session, lead_id, lock=True, principal=principal)
    etags.check(if_match, row.version, noun=f"Lead {lead_id}")
    register.check_is_there(row)
    active = await capacity.sellers(session, units=(), people=(owner_id,), principal=principal)
    if not active or not await capacity.may_see(session, owner_id, principal=principal):
        raise UnknownReceiver(f"There is no active person {owner_id} among those you may see; choose another.")
    said = Assignment(lead_id=lead_id, at=_time_for(row), owner_id=owner_id, by=principal.subject, reason=reason)
    rows = await register.apply_inputs(session, [NewInput(said, Cause(), principal.subject)], principal=principal)
    return rows[lead_id]


async def route_next(session: AsyncSession, *, principal: Principal) -> int:
    """Give away the best leads that nobody owns, as far as there is room; returns how many. Each lead once, ever.

    One transaction at a time takes turns, so that whoever comes next goes on where the last one ended.
    """
    require(principal, "system")
    await repository.lock_routing(session)
    rules = await repository.rules(session)
    by_position = {each.position: each for each in rules.items}
    units = {each.unit_id for each in rules.items if each.unit_id}
    named = {each.person_id for each in rules.items if each.person_id}
    if not rules.items:
        return 0
    now = clock.now()
    flow = await capacity.read_flow(session, principal=principal)
    members = await capacity.sellers(session, units=units, principal=principal)
    alone = await capacity.sellers(session, units=(), people=named, principal=principal)
    sellers = list({each.person_id: each for each in (*members, *alone)}.values())
    teams: dict[UUID, list[UUID]] = defaultdict(list)
    for each in members:
        teams[each.unit_id].append(each.person_id)
    rooms = await capacity.rooms(session, sellers, flow=flow, as_of=now, principal=principal)
    able = {person for person, room in rooms.items() if not room.is_away and room.free > 0}
    open_units = {unit for unit, people in teams.items() if able.intersection(people)}
    today = local_date(now, settings_of(session).org_timezone)
    waiting = await repository.unrouted(session, units=open_units, people=able & named, on=today, limit=AT_ONCE)
    if not waiting:
        return 0
    rows = await register.lock_leads(session, [each.lead_id for each in waiting], principal=principal)
    still = [each for each in waiting if _waits(rows[each.lead_id])]
    names = await repository.unit_names(session, units)
    free = {person: rooms[person].free for person in able}
    last = await repository.last_turns(session, units)
    turns: list[Turn] = []
    inputs: list[NewInput] = []
    for lead in still:
        cost = flow.content.hours_of(lead.place, lead.source)
        rule = by_position[lead.position]
        team = teams[rule.unit_id] if rule.unit_id else []
        fitting = {person for person, hours in free.items() if hours >= cost}
        turn = _turn(lead, rule, rules.version, team, fitting, last)
        if turn is None:
            continue
        free[turn.person_id] -= cost
        turns.append(turn)
        said = Assignment(
            lead_id=lead.lead_id,
            at=_time_for(rows[lead.lead_id]),
            owner_id=turn.person_id,
            by=BY_RULES,
            reason=_why(rule, names, turn, len(able.intersection(team))),
            routed=True,
        )
        inputs.append(NewInput(said, Cause(), None))
    if turns:
        await repository.add_turns(session, turns, at=await outbox.stamp(session))
        await register.apply_inputs(session, inputs, principal=principal)
    return len(turns)


def _turn(
    lead: Unrouted,
    rule: Rule,
    version: int,
    team: Sequence[UUID],
    fitting: set[UUID],
    last: dict[UUID, tuple[int, UUID]],
) -> Turn | None:
    """Whose the lead is under its rule; None where nobody who is there has room for it. Moves `last` on."""
    if rule.unit_id is None:
        person = rule.person_id if rule.person_id in fitting else None
        return None if person is None else Turn(lead.lead_id, version, rule.position, None, None, person)
    number, before = last.get(rule.unit_id, (0, None))
    chosen = next_in_turn(team, last=before, able=fitting)
    if chosen is None:
        return None
    last[rule.unit_id] = (number + 1, chosen)
    return Turn(lead.lead_id, version, rule.position, rule.unit_id, number + 1, chosen)


def _why(rule: Rule, names: Mapping[UUID, str], turn: Turn, others: int) -> str:
    if rule.unit_id is None:
        return f"rule {rule.position}: {rule.words()}"
    name = names.get(rule.unit_id, "the team")
    return f"rule {rule.position}: {rule.words()} → {name}; turn {turn.turn}, next of {others} with room"


def _waits(row: LeadRow) -> bool:
    state = row.state
    return state is not None and not state.deleted and state.verdict == "pending" and state.owner_id is None


def _time_for(row: LeadRow) -> datetime:
    """Now, or just after what is known where a CRM's clock runs ahead of ours."""
    return clock.now() if row.state is None else max(clock.now(), row.state.valid_from + _TICK)
