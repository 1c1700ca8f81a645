"""Named queries over deals to work on. Conditions are put together from what is asked, so that each has an index to go by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.organisation import people_seen, scope_parameters, visible
from libs.common.web.auth import Principal

LIVE = "d.version > 0 AND NOT d.removed"
OPEN = f"d.state = 'open' AND {LIVE}"
_VISIBLE = visible("d.owner_id")

CHECKS: Mapping[str, str] = {
    "no_next_step": "d.lacks_next_step",
    "overdue": "d.close_date < :today",
    "no_close_date": "d.close_date IS NULL",
    "no_amount": "d.amount IS NULL",
    "no_owner": "NOT EXISTS (SELECT 1 FROM org_person p WHERE p.person_id = d.owner_id AND p.is_active)",
    "no_account": "d.account_id IS NULL",
    "no_contact": """NOT EXISTS (
        SELECT 1 FROM contact_role_entry r WHERE r.deal_id = d.deal_id AND r.holds AND NOT EXISTS (
            SELECT 1 FROM contact_role_entry later WHERE later.deal_id = r.deal_id AND later.contact_id = r.contact_id
              AND later.role = r.role AND (later.at, later.entry_id) > (r.at, r.entry_id)
        )
    )""",
    "unmapped_type": "d.content->>'deal_type' = 'unmapped'",
}
"""What an open deal lacks, as a condition on it."""

SORTS: Mapping[str, tuple[str, str]] = {
    "close_date": ("coalesce(d.close_date, cast('infinity' AS date))", "date"),
    "-amount": ("-coalesce(d.amount, -1)", "numeric"),
    "name": ("lower(d.name)", "text"),
    "stage_entered": ("d.content->>'stage_entered_at'", "text"),
}
"""What a list is sorted by, rising, and the type of it; deals of one place stand by id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What is asked for; None and empty leave a filter out."""

    state: str | None = "open"
    q: str | None = None
    pipeline: str | None = None
    stage: str | None = None
    category: str | None = None
    owners: Sequence[UUID] = ()
    unowned: bool = False
    """Only deals that name no owner."""
    account: UUID | None = None
    closes_from: date | None = None
    closes_until: date | None = None
    check: str | None = None
    deals: Sequence[UUID] = ()


_FILTERS: Sequence[tuple[str, Sequence[str]]] = (
    ("d.state = :state", ("state",)),
    ("d.pipeline = :pipeline", ("pipeline",)),
    ("d.stage = :stage", ("stage",)),
    ("d.category = :category", ("category",)),
    ("d.owner_id = ANY(cast(:owners AS uuid[]))", ("owners",)),
    ("d.account_id = :account", ("account",)),
    ("d.close_date >= :closes_from", ("closes_from",)),
    ("d.close_date <= :closes_until", ("closes_until",)),
    ("d.deal_id = ANY(cast(:deals AS uuid[]))", ("deals",)),
)
"""Conditions with the filters that they need."""


@dataclass(slots=True)
class _Asked:
    """Conditions with their values."""

    conditions: list[str] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)

    def add(self, condition: str, **values: Any) -> None:
        self.conditions.append(condition)
        self.values |= values


FEW = 1_000
"""Fewer deals than that with the words asked for are looked up one by one. The planner takes a rare word for as common as any, and
would walk through all deals in the order of the list to find them.
"""
_IS_NAMED = "to_tsvector('simple', coalesce(d.name, '')) @@ to_tsquery('simple', :words)"
_NAMED = text(f"SELECT d.deal_id FROM deal d WHERE {_IS_NAMED} LIMIT :limit")  # noqa: S608


async def _bounded(session: AsyncSession, wanted: Filters, today: date, principal: Principal) -> _Asked:
    """The conditions of the filters and the scope. A scope is also told as its people, so that an index finds their deals."""
    asked = _Asked([LIVE, _VISIBLE], scope_parameters(principal) | {"today": today})
    if (people := await people_seen(session, principal)) is not None:
        asked.add("d.owner_id = ANY(cast(:people AS uuid[]))", people=people)
    for condition, names in _FILTERS:
        given = {name: getattr(wanted, name) for name in names}
        if all(value not in (None, ()) for value in given.values()):
            asked.add(
                condition,
                **{name: list(value) if isinstance(value, tuple | list) else value for name, value in given.items()},
            )
    if wanted.state == "open":
        asked.add("d.state = 'open'")  # as a literal, so that the indices of open deals are seen to fit
    if wanted.unowned:
        asked.add("d.owner_id IS NULL")
    if wanted.check is not None:
        asked.add(CHECKS[wanted.check])
    if wanted.q and (words := _words(wanted.q)):
        named = (await session.scalars(_NAMED, {"words": words, "limit": FEW})).all()
        if len(named) < FEW:
            asked.add("d.deal_id = ANY(cast(:named AS uuid[]))", named=list(named))
        else:
            asked.add(_IS_NAMED, words=words)
    return asked


def _words(q: str) -> str:
    """Words that begin like those asked for, all of them."""
    plain = "".join(letter if letter.isalnum() else " " for letter in q)
    return " & ".join(f"{word}:*" for word in plain.split()[:8])


_COLUMNS = "d.deal_id, d.version, d.currency, d.content, " + ", ".join(
    f"coalesce({condition}, false) AS {name}" for name, condition in CHECKS.items()
)


async def page(
    session: AsyncSession,
    wanted: Filters,
    *,
    today: date,
    sort: str,
    after: Sequence[Any] | None,
    limit: int,
    principal: Principal,
) -> Sequence[RowMapping]:
    """Deals in the order of `sort`, from beyond `after` (its sort value and id)."""
    asked = await _bounded(session, wanted, today, principal)
    key, kind = SORTS[sort]
    if after is not None:
        asked.add(f"({key}, d.deal_id) > (cast(cast(:after_key AS text) AS {kind}), cast(:after_id AS uuid))")
        asked.values |= {"after_key": after[0], "after_id": UUID(after[1])}
    statement = f"""
        SELECT {_COLUMNS}, cast({key} AS text) AS sorted_by FROM deal d
        WHERE {" AND ".join(asked.conditions)} ORDER BY {key}, d.deal_id LIMIT :limit
    """  # noqa: S608 - put together from literals of this module
    return (await session.execute(text(statement), asked.values | {"limit": limit})).mappings().all()


async def lacking(session: AsyncSession, wanted: Filters, *, today: date, principal: Principal) -> Sequence[RowMapping]:
    """Of each owner and check: how many open deals lack it, how many of them have no amount, and amounts by currency."""
    asked = await _bounded(session, wanted, today, principal)
    rows = ", ".join(f"('{name}', coalesce({condition}, false))" for name, condition in CHECKS.items())
    statement = f"""
        SELECT d.owner_id, c.name AS "check", d.currency, count(*) AS deals, count(*) FILTER (WHERE d.amount IS NULL) AS unpriced,
               sum(d.amount) AS amount
        FROM deal d CROSS JOIN LATERAL (VALUES {rows}) AS c (name, lacks)
        WHERE {" AND ".join(asked.conditions)} AND c.lacks
        GROUP BY 1, 2, 3
    """  # noqa: S608
    return (await session.execute(text(statement), asked.values)).mappings().all()


async def count(session: AsyncSession, wanted: Filters, *, today: date, principal: Principal) -> int:
    asked = await _bounded(session, wanted, today, principal)
    statement = f"SELECT count(*) FROM deal d WHERE {' AND '.join(asked.conditions)}"  # noqa: S608
    return int(await session.scalar(text(statement), asked.values) or 0)


async def tells_contacts(session: AsyncSession) -> bool:
    """Whether anybody ever told who has a role in any deal: without, that a deal has none says nothing."""
    return bool(await session.scalar(text("SELECT EXISTS (SELECT 1 FROM contact_role_entry)")))


async def stages(session: AsyncSession, wanted: Filters, *, today: date, principal: Principal) -> Sequence[RowMapping]:
    """Of each pipeline and stage: how many open deals, and their amounts by currency."""
    asked = await _bounded(session, wanted, today, principal)
    statement = f"""
        SELECT d.pipeline, d.stage, d.currency, count(*) AS deals, count(*) FILTER (WHERE d.amount IS NULL) AS unpriced,
               sum(d.amount) AS amount, avg((d.content->>'stage_probability')::numeric) AS probability
        FROM deal d WHERE {" AND ".join(asked.conditions)} GROUP BY 1, 2, 3
    """  # noqa: S608
    return (await session.execute(text(statement), asked.values)).mappings().all()


async def first_of_stages(
    session: AsyncSession, wanted: Filters, *, today: date, each: int, principal: Principal
) -> Sequence[RowMapping]:
    """Of each stage the deals that close first."""
    asked = await _bounded(session, wanted, today, principal)
    statement = f"""
        SELECT * FROM (
            SELECT {_COLUMNS}, d.pipeline, d.stage,
                   row_number() OVER (PARTITION BY d.pipeline, d.stage ORDER BY d.close_date NULLS LAST, d.deal_id) AS place
            FROM deal d WHERE {" AND ".join(asked.conditions)}
        ) ranked WHERE place <= :each ORDER BY pipeline, stage, place
    """  # noqa: S608
    return (await session.execute(text(statement), asked.values | {"each": each})).mappings().all()


_VIEWS = text("""
    SELECT v.view_id, v.name, v.query, v.for_others AS shared, v.author = :subject AS is_mine, v.created_at FROM deal_view v
    WHERE v.removed_at IS NULL AND (v.author = :subject OR v.for_others AND EXISTS (
        SELECT 1 FROM org_closure c
        WHERE c.ancestor = ANY(cast(:scope AS uuid[])) AND c.descendant = ANY(v.units)
           OR c.ancestor = ANY(v.units) AND c.descendant = ANY(cast(:scope AS uuid[]))
    ))
    ORDER BY lower(v.name), v.view_id
""")


async def views(session: AsyncSession, principal: Principal) -> Sequence[RowMapping]:
    """One's own views, and shared ones of those whose scope lies above or below one's own."""
    values = {"subject": principal.subject, "scope": list(principal.scope)}
    return (await session.execute(_VIEWS, values)).mappings().all()


_KEEP_VIEW = text("""
    INSERT INTO deal_view (view_id, author, units, name, query, for_others, request_digest, created_at)
    VALUES (:view_id, :author, :units, :name, :query, :shared, :request_digest, :created_at)
""")
_VIEW_DIGEST = text("SELECT request_digest FROM deal_view WHERE view_id = :view_id")
_REMOVE_VIEW = text("""
    UPDATE deal_view SET removed_at = :at WHERE view_id = :view_id AND author = :author AND removed_at IS NULL RETURNING view_id
""")


async def keep_view(session: AsyncSession, row: Mapping[str, Any]) -> None:
    await session.execute(_KEEP_VIEW, row)


async def view_digest(session: AsyncSession, view_id: UUID) -> str | None:
    found: str | None = await session.scalar(_VIEW_DIGEST, {"view_id": view_id})
    return found


async def remove_view(session: AsyncSession, row: Mapping[str, Any]) -> bool:
    """Whether there was such a view of this author."""
    return await session.scalar(_REMOVE_VIEW, row) is not None
