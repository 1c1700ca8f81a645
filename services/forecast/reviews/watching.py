"""What the scheduler does for reviews: opens those that are due, and scores decisions when their check date is over."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.calendar import local_date
from libs.common.db import Database
from libs.common.events.forecast import ReviewScored
from libs.common.ids import new_id
from libs.common.messaging import outbox
from libs.common.messaging.topics import DEAL_EVENTS
from libs.common.web.auth import Principal, require
from libs.common.web.errors import Conflict
from services.forecast.attainment import planned
from services.forecast.config import settings_of
from services.forecast.history import repository as history
from services.forecast.plans import service as plans
from services.forecast.plans.apart import Apart
from services.forecast.plans.service import Found, NotOfThisPlan
from services.forecast.reviews import evidence, opening, repository, service
from services.forecast.reviews.causes import Policy, Stood, Trigger, at_lock, regular
from services.forecast.reviews.document import Decision, Expected
from services.forecast.reviews.judging import judged
from services.forecast.reviews.schemas import ReviewOut

WAITS: Final = timedelta(hours=24)
"""So long a score waits for what was recorded by the end of its check date."""
_TICK: Final = timedelta(microseconds=1)
_SHARE: Final = Decimal("0.0001")
_DONE: Final = ("bookings", "pipeline_created", "new_customers")


class NotToBeScored(Conflict):
    """There is no decision, or its check date is still to come."""


async def open_due(
    database: Database,
    *,
    breaks: Sequence[Trigger] = (),
    principal: Principal,
) -> int:
    """Open every review that is due by the policies in force; returns how many.

    `breaks`: critical assumptions that are broken, of any plans, as often as they are told. Evidence is read on one snapshot and then written in one transaction, in which the cause is judged
    again: two at once leave one review, and who dies in between leaves none. A plan that cannot be looked at is left out until
    the next turn; when all others were looked at, that is raised as an ExceptionGroup.
    """
    async with database.reading() as session:
        held = await repository.held(session)
    opened, apart = 0, Apart()
    for row in held:
        with apart.each(row["plan_id"]):
            policy = service.policy_of(row)
            of_plan = [each for each in breaks if each.plan_id == policy.plan_id and policy.on_broken]
            opened += await _look(database, policy, row, of_plan, principal=principal)
    apart.tell()
    return opened


async def _look(
    database: Database,
    policy: Policy,
    row: Mapping[str, Any],
    breaks: Sequence[Trigger],
    *,
    principal: Principal,
) -> int:
    """What one plan's policy finds now, and at the newest lock if that was not looked at."""
    async with database.reading() as session:
        found = opening.in_force(await plans.find(session, policy.plan_id, principal=principal))
        if found is None:
            return 0
        now, zone = clock.now(), settings_of(session).org_timezone
        due = regular(policy, now, zone)
        triggers = [*([due] if due else ()), *breaks]
        stood: list[Stood] | None = None
        if row["lock_id"] is not None:
            stood = await _stood(session, found, policy, row["lock_at"], principal=principal)
            triggers += at_lock(policy, stood, row["lock_at"])
        called = [each for each in triggers if await opening.is_called_for(session, each, principal=principal)]
        read = [(each, await evidence.compose(session, found, each, at=now)) for each in called]
    if stood is None and not read:
        return 0
    opened = 0
    async with database.transaction() as session:
        await plans.alone(session, policy.plan_id, principal=principal)
        for trigger, pack in read:
            if await opening.is_called_for(session, trigger, principal=principal):
                await opening.store(session, found, trigger, pack, principal=principal)
                opened += 1
        if stood is not None:
            await repository.append(session, "review_look", _look_row(policy, row, stood))
    return opened


def _look_row(policy: Policy, row: Mapping[str, Any], stood: Sequence[Stood]) -> dict[str, Any]:
    return {
        "plan_id": policy.plan_id,
        "lock_id": row["lock_id"],
        "policy_sequence": row["sequence"],
        "stood": [
            {
                "node_id": each.node_id,
                "label": each.label,
                "chance": each.chance,
                "lacks": None if each.lacks is None else each.lacks.quantize(_SHARE, ROUND_HALF_UP),
                "at": row["lock_at"],
            }
            for each in stood
        ],
        "looked_at": clock.now(),
    }


async def _stood(
    session: AsyncSession, found: Found, policy: Policy, at: datetime, *, principal: Principal
) -> list[Stood]:
    """The nodes that a policy names, as they stood at a lock's instant; one that the version has not is left out."""
    stood = []
    for node in dict.fromkeys((policy.chance_node, policy.gap_node)):
        if node is None:
            continue
        asking = planned.Asking(policy.plan_id, found.version.version, node=node, levels=0, as_of=at, known_at=at)
        try:
            each = (await planned.read(session, asking, principal=principal)).nodes[0]
        except NotOfThisPlan:
            continue
        stood.append(Stood(node, each.label, each.chance, each.closed, each.target_to_date))
    return stood


async def score_due(database: Database, *, principal: Principal) -> int:
    """Score every decision whose check date is over, as at its end by both clocks; returns how many.

    A score waits until all that was recorded by then is here, at most a day. A decision that cannot be scored is left out until
    the next turn; when all others were scored, that is raised as an ExceptionGroup.
    """
    async with database.reading() as session:
        today = local_date(clock.now(), settings_of(session).org_timezone)
        waiting = await repository.unscored(session, today)
    scored, apart = 0, Apart()
    for row in waiting:
        with apart.each(row["plan_id"]):
            scored += await _score(database, row, principal=principal)
    apart.tell()
    return scored


async def _score(database: Database, row: Mapping[str, Any], *, principal: Principal) -> int:
    """Score a decision once; 0 while it waits for what was recorded, or when another process was first."""
    async with database.reading() as session:
        at = end_of(row["check_on"], settings_of(session).org_timezone)
        behind = await history.behind(session, DEAL_EVENTS.name, DEAL_EVENTS.partitions, at)
        if behind and clock.now() - at < WAITS:
            return 0
        decision = Decision.model_validate_json(row["document"])
        came, reason = await _came(session, decision, at, at, principal=principal)
    async with database.transaction() as session:
        await plans.alone(session, decision.plan_id, principal=principal)
        if await repository.scores(session, row["review_id"]):
            return 0
        await _append(session, decision, 1, (came, reason), (at, at), principal=principal)
    return 1


async def score_again(session: AsyncSession, review_id: UUID, *, principal: Principal) -> ReviewOut:
    """Score a decision as at its check date by what is known now; what was scored before stays beside it.

    Raises MissingRole, ReviewNotFound, NotYourPlan, NotToBeScored.
    """
    require(principal, *service.PEOPLE)
    row = await service.find(session, review_id, principal=principal)
    await plans.alone(session, row["plan_id"], principal=principal)
    await plans.may_plan(session, row["unit_id"], principal=principal)
    scores = await repository.scores(session, review_id)
    if row["document"] is None or not scores:
        raise NotToBeScored("A decision is scored at the end of its check date; after that it can be scored again.")
    decision = Decision.model_validate_json(row["document"])
    at, now = end_of(decision.check_on, settings_of(session).org_timezone), clock.now()
    told = await _came(session, decision, at, now, principal=Principal.system("forecast"))
    await _append(session, decision, len(scores) + 1, told, (at, now), principal=principal)
    return await service.read(session, review_id, principal=principal)


def end_of(day: date, zone: str) -> datetime:
    """The last instant of a day in the organisation's time."""
    return datetime.combine(day + timedelta(days=1), time(), ZoneInfo(zone)) - _TICK


async def _came(
    session: AsyncSession, decision: Decision, as_of: datetime, known_at: datetime, *, principal: Principal
) -> tuple[Decimal | None, str | None]:
    """What came of what was expected, and why it cannot be said where it cannot."""
    expected = decision.expected
    measure = expected.measure if expected.measure in _DONE else "bookings"
    asking = planned.Asking(decision.plan_id, None, measure, expected.node_id, levels=0, as_of=as_of, known_at=known_at)
    try:
        reading = await planned.read(session, asking, principal=principal)
    except NotOfThisPlan:
        return None, f"{expected.label} is not part of the version that was in force then."
    came = _figure(expected, reading.nodes[0])
    if came is not None:
        return came, None
    return None, reading.why_no_projection or "It is not known."


def _figure(expected: Expected, node: Any) -> Decimal | None:
    if expected.measure in _DONE:
        return node.closed  # type: ignore[no-any-return]
    if expected.measure == "chance":
        return None if node.chance is None else Decimal(repr(node.chance))
    return node.projection if expected.measure == "projection" else node.open  # type: ignore[no-any-return]


async def _append(
    session: AsyncSession,
    decision: Decision,
    sequence: int,
    told: tuple[Decimal | None, str | None],
    instants: tuple[datetime, datetime],
    *,
    principal: Principal,
) -> None:
    came, reason = told
    at = await outbox.stamp(session)
    outcome = judged(came, decision.expected.low, decision.expected.high)
    row = {
        "score_id": new_id(),
        "review_id": decision.review_id,
        "sequence": sequence,
        "as_of": instants[0],
        "known_at": instants[1],
        "outcome": outcome,
        "came": came,
        "reason": reason,
        "scored_by": principal.subject,
        "scored_at": at,
    }
    await repository.append(session, "review_score", row)
    event = ReviewScored(
        plan_id=decision.plan_id,
        expected_low=decision.expected.low,
        expected_high=decision.expected.high,
        **{name: row[name] for name in ReviewScored.model_fields if name in row},
    )
    outbox.add(
        session,
        event,
        key=decision.review_id,
        version=2 + sequence,
        occurred_at=at,
        actor=principal.subject,
    )
