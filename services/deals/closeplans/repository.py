"""Named queries over close plans, their entries and templates."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import orjson
from pydantic import TypeAdapter
from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.deals.closeplans.durations import Finished
from services.deals.closeplans.plan import Entry
from services.deals.closeplans.schemas import TemplateTask

ENTRY: TypeAdapter[Entry] = TypeAdapter(Entry)
_TASKS: TypeAdapter[tuple[TemplateTask, ...]] = TypeAdapter(tuple[TemplateTask, ...])


@dataclass(frozen=True, slots=True)
class Head:
    """The row of a plan."""

    plan_id: UUID
    deal_id: UUID
    version: int
    template: str
    title: str
    begun_by: str
    begun_at: datetime


@dataclass(frozen=True, slots=True)
class Kept:
    """An entry with who made it and when it was recorded."""

    entry: Entry
    actor: str
    recorded_at: datetime
    request_digest: str


async def lock(session: AsyncSession, plan_id: UUID, deal_id: UUID) -> int:
    """Make sure that there is a row of the plan and lock it; its version, 0 where nothing was said of it yet."""
    await session.execute(
        text("INSERT INTO close_plan (plan_id, deal_id) VALUES (:plan, :deal) ON CONFLICT DO NOTHING"),
        {"plan": plan_id, "deal": deal_id},
    )
    return int(
        await session.scalar(text("SELECT version FROM close_plan WHERE plan_id = :plan FOR UPDATE"), {"plan": plan_id})
    )


_HEAD = "p.plan_id, p.deal_id, p.version, p.template, p.title, p.begun_by, p.begun_at"


async def head(session: AsyncSession, plan_id: UUID) -> Head | None:
    """A plan that was begun."""
    statement = f"SELECT {_HEAD} FROM close_plan p WHERE p.plan_id = :plan AND p.version > 0"  # noqa: S608
    row = (await session.execute(text(statement), {"plan": plan_id})).mappings().first()
    return Head(**row) if row else None


async def entries(session: AsyncSession, plans: Collection[UUID]) -> dict[UUID, list[Kept]]:
    """All that was said of plans, in order of recording."""
    rows = await session.execute(
        text(
            """
            SELECT plan_id, payload::text AS payload, actor, recorded_at, request_digest
            FROM close_plan_entry WHERE plan_id = ANY(CAST(:plans AS uuid[])) ORDER BY plan_id, version
            """
        ),
        {"plans": list(plans)},
    )
    found: dict[UUID, list[Kept]] = {plan: [] for plan in plans}
    for row in rows:
        kept = Kept(ENTRY.validate_json(row.payload), row.actor, row.recorded_at, row.request_digest)
        found[row.plan_id].append(kept)
    return found


async def append(session: AsyncSession, plan_id: UUID, kept: Kept) -> None:
    """Append an entry; the row of the plan has to be locked."""
    await session.execute(
        text(
            """
            INSERT INTO close_plan_entry (plan_id, version, entry_id, kind, said_at, recorded_at, actor, request_digest, payload)
            VALUES (:plan, :version, :entry, :kind, :said_at, :recorded_at, :actor, :digest, CAST(:payload AS jsonb))
            """
        ),
        {
            "plan": plan_id,
            "version": kept.entry.version,
            "entry": kept.entry.entry_id,
            "kind": kept.entry.kind,
            "said_at": kept.entry.said_at,
            "recorded_at": kept.recorded_at,
            "actor": kept.actor,
            "digest": kept.request_digest,
            "payload": ENTRY.dump_json(kept.entry).decode(),
        },
    )
    await session.execute(
        text("UPDATE close_plan SET version = :version WHERE plan_id = :plan"),
        {"version": kept.entry.version, "plan": plan_id},
    )


async def untold(session: AsyncSession, today: date, *, limit: int) -> list[Head]:
    """Plans of open deals with tasks left of which nothing was told today, locked; those that somebody changes now are left out."""
    rows = await session.execute(
        text(
            f"""
            SELECT {_HEAD} FROM close_plan p JOIN deal d USING (deal_id)
            WHERE p.open_tasks > 0 AND p.told_on < :today AND d.state = 'open' AND NOT d.removed
            ORDER BY p.plan_id LIMIT :limit FOR UPDATE OF p SKIP LOCKED
            """  # noqa: S608
        ),
        {"today": today, "limit": limit},
    )
    return [Head(**row) for row in rows.mappings()]


async def note_told(session: AsyncSession, open_tasks: Mapping[UUID, int], *, on: date) -> dict[UUID, int]:
    """Note by plan how many tasks are left as of a day; returns the versions of the events that say so."""
    rows = await session.execute(
        text(
            """
            UPDATE close_plan p SET told = p.told + 1, told_on = :on, open_tasks = n.open_tasks
            FROM unnest(CAST(:plans AS uuid[]), CAST(:counts AS integer[])) AS n (plan_id, open_tasks)
            WHERE p.plan_id = n.plan_id RETURNING p.plan_id, p.told
            """
        ),
        {"on": on, "plans": list(open_tasks), "counts": list(open_tasks.values())},
    )
    return {row.plan_id: row.told for row in rows}


async def keep_told(session: AsyncSession, told: Sequence[Mapping[str, Any]]) -> None:
    """Keep how plans stood when it was told, for whoever asks later what was known then; null with no task left."""
    await session.execute(
        text(
            """
            INSERT INTO close_plan_told (deal_id, version, as_of, p50_on, recorded_at)
            VALUES (:deal_id, :version, :as_of, :p50_on, :recorded_at)
            """
        ),
        list(told),
    )


async def name(session: AsyncSession, plan_id: UUID, *, template: str, title: str, actor: str, at: datetime) -> None:
    """Say what a plan that begins is called."""
    await session.execute(
        text(
            "UPDATE close_plan SET template = :template, title = :title, begun_by = :actor, begun_at = :at WHERE plan_id = :plan"
        ),
        {"template": template, "title": title, "actor": actor, "at": at, "plan": plan_id},
    )


async def keep_taken(
    session: AsyncSession, plan_id: UUID, template: str, taken: Mapping[UUID, tuple[str, float]]
) -> None:
    """Replace what the done tasks of a plan took: task to its key in the template and working days."""
    await session.execute(text("DELETE FROM close_plan_task WHERE plan_id = :plan"), {"plan": plan_id})
    await session.execute(
        text(
            """
            INSERT INTO close_plan_task (plan_id, task_id, template, task_key, took_days)
            SELECT :plan, n.task_id, :template, n.task_key, n.took_days
            FROM unnest(CAST(:tasks AS uuid[]), CAST(:keys AS text[]), CAST(:days AS numeric[])) AS n (task_id, task_key, took_days)
            """
        ),
        {
            "plan": plan_id,
            "template": template,
            "tasks": list(taken),
            "keys": [key for key, _ in taken.values()],
            "days": [days for _, days in taken.values()],
        },
    )


async def finished(session: AsyncSession, templates: Collection[str]) -> dict[tuple[str, str], Finished]:
    """By template and key, what done tasks of closed deals took: of the whole company, as sums that name no deal."""
    rows = await session.execute(
        text(
            """
            SELECT t.template, t.task_key, count(*) AS n, sum(ln(t.took_days)) AS logs, sum(ln(t.took_days) ^ 2) AS squares
            FROM close_plan_task t JOIN close_plan p USING (plan_id) JOIN deal d USING (deal_id)
            WHERE t.template = ANY(CAST(:templates AS text[])) AND d.state IN ('won', 'lost') AND NOT d.removed
            GROUP BY t.template, t.task_key
            """
        ),
        {"templates": list(templates)},
    )
    return {(row.template, row.task_key): Finished(row.n, float(row.logs), float(row.squares)) for row in rows}


_NEWEST = """
    SELECT DISTINCT ON (template) template, version, name, tasks::text AS tasks, author, recorded_at
    FROM close_plan_template_version WHERE CAST(:template AS text) IS NULL OR template = :template
    ORDER BY template, version DESC
"""


async def templates(session: AsyncSession, template: str | None = None) -> list[RowMapping]:
    """The newest version of every template, or of one, by its key."""
    return list((await session.execute(text(_NEWEST), {"template": template})).mappings())


def tasks_of(row: RowMapping) -> tuple[TemplateTask, ...]:
    """The tasks of a template's version."""
    return _TASKS.validate_json(row["tasks"])


async def lock_template(session: AsyncSession, template: str) -> None:
    """Let nobody else write versions of this template until the transaction ends."""
    await session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended('close-plan-template:' || CAST(:key AS text), 0))"),
        {"key": template},
    )


async def append_template(
    session: AsyncSession,
    template: str,
    version: int,
    *,
    name: str,
    tasks: list[dict[str, Any]],
    author: str,
    at: datetime,
) -> None:
    await session.execute(
        text(
            """
            INSERT INTO close_plan_template_version (template, version, name, tasks, author, recorded_at)
            VALUES (:template, :version, :name, CAST(:tasks AS jsonb), :author, :at)
            """
        ),
        {
            "template": template,
            "version": version,
            "name": name,
            "tasks": orjson.dumps(tasks).decode(),
            "author": author,
            "at": at,
        },
    )


async def close_date(session: AsyncSession, deal_id: UUID) -> date | None:
    """The CRM's close date of a deal that the caller found within its scope."""
    found: date | None = await session.scalar(
        text("SELECT close_date FROM deal WHERE deal_id = :deal"), {"deal": deal_id}
    )
    return found
