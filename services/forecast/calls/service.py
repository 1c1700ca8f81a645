"""The rules of calls: who may say what of which node, and what is written when they do."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock, money
from libs.common.calendar import UnknownPeriod
from libs.common.events.forecast import SubmissionMade
from libs.common.messaging import outbox
from libs.common.web.auth import Principal, require
from libs.common.web.errors import Conflict, Forbidden, Invalid, NotFound
from libs.common.web.idempotency import sent
from services.forecast.calls import forest, ledger_repository, repository
from services.forecast.calls.forest import Forest, Moment
from services.forecast.calls.repository import Population
from services.forecast.calls.schemas import About, SubmissionIn
from services.forecast.calls.steps import Landing, NodeKey, Quota
from services.forecast.calls.wanted import quotas as planned_or_set
from services.forecast.config import settings_of
from services.forecast.readings.service import UnreadablePeriod

CALLERS = ("seller", "manager", "cso")
SUPERIORS = ("manager", "cso")
"""Roles that may speak for units and for people other than themselves."""


class NodeNotFound(NotFound):
    """The organisation has no such unit or person."""


class NotYourNode(Forbidden):
    """The node exists, but the caller may not speak for it."""


class NoSeat(Forbidden):
    """A seller's account is linked to no person of the organisation, so there are no deals of their own."""


class NodeNotNamed(Invalid):
    """Neither or both of `org` and `owner` were given where one is needed."""


class PeriodOver(Conflict):
    """The period has ended; what was said of it stays."""


class WrongCurrency(Invalid):
    """Calls are made in the currency of the totals, so that they add."""


class AmountMissing(Invalid):
    """An own number without an amount."""


class AmountNotExact(Invalid):
    """An amount with more decimals than its currency has, or a range that does not hold it."""


def population_of(
    session: AsyncSession,
    *,
    period: str,
    deal_type: str | None,
    value_basis: str | None,
    principal: Principal,  # noqa: ARG001
) -> Population:
    """What is called, with the organisation's own basis where none was named. Raises UnreadablePeriod."""
    configured = settings_of(session)
    try:
        found = configured.calendar.parse(period)
    except UnknownPeriod as error:
        raise UnreadablePeriod(f"period: {error}.") from None
    return Population(found.key, found.start, found.end, deal_type, value_basis or configured.call_basis)


async def grow(
    session: AsyncSession, population: Population, *, org: UUID | None, moment: Moment, principal: Principal
) -> Forest:
    """See `forest.grow`."""
    return await forest.grow(session, population, org=org, moment=moment, principal=principal)


async def quotas(session: AsyncSession, population: Population, *, moment: Moment, principal: Principal) -> list[Quota]:
    """The newest quotas within scope, for the period and for every period within it."""
    return await planned_or_set(session, population, as_of=moment.as_of, known_at=moment.known_at, principal=principal)


async def node_for(session: AsyncSession, about: About, *, adjusting: bool = False, principal: Principal) -> NodeKey:
    """The node that the caller may speak for. A seller speaks for themselves, a superior for what lies in their scope.

    Adjusting is for superiors, and below their own unit only, save for a CSO. The request names a node and nothing else: what
    may be done with it comes from the caller's own scope. Raises NodeNotNamed, NodeNotFound, NotYourNode, NoSeat.
    """
    is_superior = bool(principal.roles & {*SUPERIORS, "admin", "system"})
    own = await repository.person_of(session, principal.subject)
    node = _named(about, own, is_superior, principal)
    if node is None:
        raise NoSeat("Your account is linked to no person of the organisation; ask sales ops to set your seat.")
    strictly = adjusting and not principal.roles & {"cso", "admin", "system"}
    allowed = await repository.may_act_on(session, node, strictly_below=strictly, principal=principal)
    if allowed is None:
        raise NodeNotFound(f"The organisation has no {node.kind} {node.id}.")
    itself = node == NodeKey("person", own) if own else False
    if not allowed or not (itself or is_superior) or (adjusting and itself):
        what = "adjust" if adjusting else "call for"
        raise NotYourNode(f"You may not {what} the {node.kind} {node.id}: it is not yours and not below your units.")
    return node


def _named(about: About, own: UUID | None, is_superior: bool, principal: Principal) -> NodeKey | None:
    if about.org is not None and about.owner is not None:
        raise NodeNotNamed("org and owner: name one of them; a call is for a unit or for a person's own deals.")
    if about.org is not None:
        return NodeKey("unit", about.org)
    if about.owner is not None:
        return NodeKey("person", about.owner)
    if is_superior and len(principal.scope) == 1:
        return NodeKey("unit", principal.scope[0])
    if is_superior and own is None:
        raise NodeNotNamed("org: you have several units or none of your own; name the one that this is for.")
    return NodeKey("person", own) if own else None


async def submit(
    session: AsyncSession, wanted: SubmissionIn, *, idempotency_key: str | None, principal: Principal
) -> dict[str, Any]:
    """Make a call: a row that supersedes the caller's earlier one and is never edited; with a key a repetition returns it.

    Raises what `node_for` raises, PeriodOver, WrongCurrency, AmountMissing, AmountNotExact, IdempotencyKeyReused.
    """
    require(principal, *CALLERS)
    node = await node_for(session, wanted, principal=principal)
    identifier, digest, known = await repeated(
        session, "submission", wanted.model_dump_json(), idempotency_key, principal=principal
    )
    if known is not None:
        return known
    population = population_of(
        session, period=wanted.period, deal_type=wanted.deal_type, value_basis=wanted.value_basis, principal=principal
    )
    currency = currency_of(session, wanted.currency, principal=principal)
    found = await grown_at(session, population, node, principal=principal)
    landing = found.landings.get(node, Landing())
    parts = await _parts(session, wanted, population, node, landing, principal=principal)
    amount = parts["parts_amount"] if wanted.amount is None and wanted.mode == "rollup" else wanted.amount
    if amount is None:
        raise AmountMissing("amount: give your number, or mode rollup at a unit to take what its children make.")
    range_of = {
        name: None if each is None else exact(name, each, currency)
        for name, each in (("amount", amount), ("best", wanted.best), ("worst", wanted.worst))
    }
    if wanted.best is not None and wanted.best < amount:
        raise AmountNotExact(f"best: must not be below the amount, {amount}.")
    if wanted.worst is not None and wanted.worst > amount:
        raise AmountNotExact(f"worst: must not be above the amount, {amount}.")
    made_at = await outbox.stamp(session)
    row = {
        "submission_id": identifier,
        "person": principal.subject,
        "node_kind": node.kind,
        "node_id": node.id,
        **asdict(population),
        "currency": currency,
        "from_above": await _is_from_above(session, node, principal=principal),
        "mode": wanted.mode,
        **range_of,
        "notes": wanted.notes,
        **parts,
        "base_closed_won": landing.closed_won,
        "base_commit": landing.commit,
        "base_weighted": landing.weighted,
        "imported": False,
        "made_at": made_at,
        "recorded_at": made_at,
        "recorded_by": principal.subject,
        "request_digest": digest,
    }
    if await repository.append(session, "submission", [row]):
        tell(session, [row], principal=principal)
        return row
    return await repository.find(session, "submission", identifier) or row


async def _is_from_above(session: AsyncSession, node: NodeKey, *, principal: Principal) -> bool:
    """Whether the caller is a superior of the node: not its person, not the one whose scope is this very unit."""
    if node.kind == "unit":
        return node.id not in principal.scope
    return await repository.person_of(session, principal.subject) != node.id


async def _parts(
    session: AsyncSession,
    wanted: SubmissionIn,
    population: Population,
    node: NodeKey,
    landing: Landing,
    *,
    principal: Principal,
) -> dict[str, Any]:
    """What the number is made of: the deals that the caller judged in, else the children's numbers, else nothing."""
    if wanted.mode == "own":
        judged = await ledger_repository.judgements(
            session, person=principal.subject, population=population, below=node, limit=10_000, principal=principal
        )
        if judged:
            amount = landing.closed_won + counted(judged)
            return {"parts_kind": "judged", "parts_amount": amount, "parts_from_crm": None, "parts_of": None}
    if node.kind == "unit":
        return {
            "parts_kind": "children",
            "parts_amount": landing.children,
            "parts_from_crm": landing.children_from_crm,
            "parts_of": landing.children_of,
        }
    return {"parts_kind": None, "parts_amount": None, "parts_from_crm": None, "parts_of": None}


def counted(judged: Sequence[Mapping[str, Any]]) -> Decimal:
    """The sum of the deals judged in that are still open: what was won meanwhile is in closed won, what was lost is gone."""
    return sum((row["amount"] or Decimal() for row in judged if row["verdict"] == "in" and row["is_open"]), Decimal())


async def grown_at(session: AsyncSession, population: Population, node: NodeKey, *, principal: Principal) -> Forest:
    """The present below the node (of a person: below their unit). Raises PeriodOver."""
    unit = node.id if node.kind == "unit" else (await repository.units_of(session, [node.id]))[node.id]
    found = await forest.grow(session, population, org=unit, moment=Moment(), principal=principal)
    day = found.reading.business_date.day
    if population.period_end <= day:
        raise PeriodOver(f"Period {population.period_key} ended before {day}; call for one that is still running.")
    return found


async def repeated(
    session: AsyncSession, table: repository.Table, body: str, idempotency_key: str | None, *, principal: Principal
) -> tuple[UUID, str, dict[str, Any] | None]:
    """The id to write under, the body's digest, and the row that is already there. Raises IdempotencyKeyReused."""
    request = sent(table, body, idempotency_key, principal=principal)
    known = None if idempotency_key is None else await repository.find(session, table, request.id)
    request.was_taken(known["request_digest"] if known else None)
    return request.id, request.digest, known


def currency_of(session: AsyncSession, wanted: str | None, *, principal: Principal) -> str:  # noqa: ARG001
    """The currency of the totals. Raises WrongCurrency for any other."""
    base = settings_of(session).base_currency
    if wanted not in (None, base):
        raise WrongCurrency(f"currency: calls are made in {base}, not in {wanted}, so that they add up.")
    return base


def exact(name: str, amount: Decimal, currency: str) -> Decimal:
    """The amount with its currency's decimals. Raises AmountNotExact for one that the currency cannot express."""
    quantised = money.quantise(amount, currency)
    if quantised != amount:
        raise AmountNotExact(f"{name}: {amount} has more decimals than {currency}.")
    return quantised


def tell(session: AsyncSession, rows: Sequence[Mapping[str, Any]], *, principal: Principal) -> None:
    """Say that calls were made."""
    for row in rows:
        made_at: datetime = row["made_at"]
        event = SubmissionMade(**{name: row[name] for name in SubmissionMade.model_fields})
        outbox.add(
            session,
            event,
            key=row["node_id"],
            version=clock.to_millis(made_at),
            occurred_at=made_at,
            actor=principal.subject,
        )


async def set_seat(session: AsyncSession, subject: str, *, person_id: UUID, principal: Principal) -> None:
    """Say which person of the organisation an account is. Raises NodeNotFound."""
    require(principal, "sales_ops")
    node = NodeKey("person", person_id)
    if not await repository.may_act_on(session, node, strictly_below=False, principal=principal):
        raise NodeNotFound(f"The organisation has no person {person_id}, or you may not see them.")
    await repository.put_seat(
        session, subject, person_id=person_id, set_by=principal.subject, set_at=await outbox.stamp(session)
    )


async def own_person(session: AsyncSession, *, principal: Principal) -> UUID | None:
    """Which person of the organisation the caller is, if known."""
    return await repository.person_of(session, principal.subject)


async def lies_within(session: AsyncSession, node: NodeKey, *, principal: Principal) -> bool:
    """Whether the node is there and within the caller's scope."""
    return bool(await repository.may_act_on(session, node, strictly_below=False, principal=principal))
