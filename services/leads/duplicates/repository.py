"""Named queries over what is compared of leads, the pairs found, and the pairs that a person keeps apart."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.events.crm import CrmPersonKeyed
from libs.common.matching import Matcher, MatchKeys
from libs.common.organisation import scope_parameters, visible
from libs.common.web.auth import Principal
from services.leads.duplicates.likeness import Likeness, Profile

LARGEST_BLOCK = 100
"""Leads compared per shared key: a key that more of them share says too little to compare all of them."""

_PROFILES = text(
    """
    SELECT l.lead_id, l.state ->> 'company' AS company, p.name, p.email, p.phone,
           k.mail AS mail_key, k.phone AS phone_key, k.domain AS domain_key, k.name AS name_key
    FROM lead l
    LEFT JOIN lead_person p ON p.lead_id = l.lead_id
    LEFT JOIN person_key k ON k.person_id = (l.state ->> 'person_id')::uuid
    WHERE l.lead_id = ANY(:ids) AND l.version > 0 AND NOT l.deleted
    """
)


async def profiles(session: AsyncSession, ids: Collection[UUID], matcher: Matcher) -> dict[UUID, Profile]:
    """What is compared of these leads; those that are gone or merged are left out. Keys of people captured here are made anew."""
    found = {}
    for row in await session.execute(_PROFILES, {"ids": list(ids)}):
        lead_id, company, name, email, phone, *told = row
        captured = name or email or phone
        keys = matcher.keys(name=name, email=email, phone=phone) if captured else MatchKeys(*told)
        found[lead_id] = Profile(lead_id, company, name, email, phone, keys)
    return found


async def replace_keys(
    session: AsyncSession, keys: Mapping[UUID, Collection[tuple[str, str]]], *, gone: Collection[UUID]
) -> None:
    """Make the keys of these leads anew; those `gone` without keys are compared no longer."""
    await session.execute(text("DELETE FROM lead_key WHERE lead_id = ANY(:ids)"), {"ids": [*keys, *gone]})
    rows = [(lead_id, *key) for lead_id in sorted(keys) for key in sorted(keys[lead_id])]
    await session.execute(
        text(
            """
            INSERT INTO lead_key (lead_id, kind, key)
            SELECT * FROM unnest(cast(:ids AS uuid[]), cast(:kinds AS text[]), cast(:keys AS text[]))
            """
        ),
        {"ids": [row[0] for row in rows], "kinds": [row[1] for row in rows], "keys": [row[2] for row in rows]},
    )


_SHARING = text(
    """
    SELECT DISTINCT own.lead_id, other.lead_id AS other_id
    FROM lead_key own
    CROSS JOIN LATERAL (
        SELECT k.lead_id FROM lead_key k
        WHERE k.kind = own.kind AND k.key = own.key AND k.lead_id <> own.lead_id
        ORDER BY k.lead_id DESC LIMIT :largest
    ) other
    WHERE own.lead_id = ANY(:ids)
    """
)


async def sharing(session: AsyncSession, ids: Collection[UUID]) -> list[tuple[UUID, UUID]]:
    """(lead, other) of the leads that share a key with one of `ids`."""
    rows = await session.execute(_SHARING, {"ids": list(ids), "largest": LARGEST_BLOCK})
    return [(row.lead_id, row.other_id) for row in rows]


async def replace_pairs(
    session: AsyncSession, ids: Collection[UUID], found: Mapping[tuple[UUID, UUID], Likeness]
) -> None:
    """Make the pairs of these leads anew. Keys of `found` have the smaller id first."""
    await session.execute(text("DELETE FROM lead_pair WHERE one = ANY(:ids) OR other = ANY(:ids)"), {"ids": list(ids)})
    ordered = sorted(found)
    await session.execute(
        text(
            """
            INSERT INTO lead_pair (one, other, likeness, reasons)
            SELECT n.one, n.other, n.likeness, n.reasons::jsonb
            FROM unnest(cast(:ones AS uuid[]), cast(:others AS uuid[]), cast(:likeness AS numeric[]),
                        cast(:reasons AS text[])) AS n (one, other, likeness, reasons)
            ON CONFLICT (one, other) DO UPDATE SET likeness = excluded.likeness, reasons = excluded.reasons
            """
        ),
        {
            "ones": [pair[0] for pair in ordered],
            "others": [pair[1] for pair in ordered],
            "likeness": [found[pair].value for pair in ordered],
            "reasons": [orjson.dumps(found[pair].reasons).decode() for pair in ordered],
        },
    )


_UNCOMPARED = text(
    """
    UPDATE lead SET compared_version = version
    WHERE lead_id IN (
        SELECT lead_id FROM lead WHERE compared_version < version ORDER BY lead_id LIMIT :limit FOR UPDATE SKIP LOCKED
    )
    RETURNING lead_id
    """
)


_REKEYED = text(
    """
    WITH taken AS (
        UPDATE person_key SET compared = true
        WHERE person_id IN (
            SELECT person_id FROM person_key WHERE NOT compared ORDER BY person_id LIMIT :limit FOR UPDATE SKIP LOCKED
        )
        RETURNING person_id
    )
    SELECT lead.lead_id FROM taken
    LEFT JOIN lead ON (lead.state ->> 'person_id')::uuid = taken.person_id AND lead.version > 0
    """
)


async def take_rekeyed(session: AsyncSession, *, limit: int) -> list[UUID | None]:
    """Leads of the people whose keys came since they were compared last, null for a person of none; taken as compared."""
    return [row.lead_id for row in await session.execute(_REKEYED, {"limit": limit})]


_KEEP_KEYS = text(
    """
    INSERT INTO person_key AS known (person_id, version, mail, phone, domain, name)
    SELECT n.* FROM unnest(
        cast(:ids AS uuid[]), cast(:versions AS bigint[]), cast(:mails AS text[]), cast(:phones AS text[]),
        cast(:domains AS text[]), cast(:names AS text[])
    ) AS n (person_id, version, mail, phone, domain, name)
    ORDER BY n.person_id
    ON CONFLICT (person_id) DO UPDATE
    SET version = excluded.version, mail = excluded.mail, phone = excluded.phone, domain = excluded.domain,
        name = excluded.name, compared = false
    WHERE known.version < excluded.version
    """
)


async def keep_keys(session: AsyncSession, told: Mapping[UUID, tuple[int, CrmPersonKeyed]]) -> None:
    """Replace keys of people by those with a higher version. An erased person's row stays, without keys: an older event may come."""
    events = [event for _, event in told.values()]
    await session.execute(
        _KEEP_KEYS,
        {
            "ids": list(told),
            "versions": [version for version, _ in told.values()],
            "mails": [event.mail for event in events],
            "phones": [event.phone for event in events],
            "domains": [event.domain for event in events],
            "names": [event.name for event in events],
        },
    )


_NOTE_SECRET = text(
    """
    INSERT INTO match_secret AS known (sole, fingerprint) VALUES (true, :fingerprint)
    ON CONFLICT (sole) DO UPDATE SET fingerprint = excluded.fingerprint WHERE known.fingerprint <> excluded.fingerprint
    RETURNING sole
    """
)
_COMPARE_CAPTURED = text(
    "UPDATE lead SET compared_version = 0 WHERE lead_id IN (SELECT lead_id FROM lead_person) AND compared_version > 0"
)


async def note_secret(session: AsyncSession, fingerprint: str) -> None:
    """Remember by which secret keys are made; with another one than before leads captured here are to be compared again."""
    if await session.scalar(_NOTE_SECRET, {"fingerprint": fingerprint}):
        await session.execute(_COMPARE_CAPTURED)


async def take_uncompared(session: AsyncSession, *, limit: int) -> list[UUID]:
    """Leads that changed since they were compared last; taken as compared with this transaction."""
    rows = await session.execute(_UNCOMPARED, {"limit": limit})
    return [row.lead_id for row in rows]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two leads that may be one, as they stand."""

    one: UUID
    other: UUID
    likeness: float
    reasons: Sequence[Mapping[str, Any]]


_PAIRS = text(
    f"""
    SELECT p.one, p.other, p.likeness, p.reasons::text AS reasons
    FROM lead_pair p
    JOIN lead a ON a.lead_id = p.one AND a.version > 0 AND NOT a.deleted
    JOIN lead b ON b.lead_id = p.other AND b.version > 0 AND NOT b.deleted
    WHERE (cast(:lead_id AS uuid) IS NULL OR :lead_id IN (p.one, p.other))
      AND (cast(:after AS numeric) IS NULL OR p.likeness < :after
           OR (p.likeness = :after AND (p.one, p.other) > (cast(:after_one AS uuid), cast(:after_other AS uuid))))
      AND NOT EXISTS (SELECT 1 FROM lead_apart x WHERE x.one = p.one AND x.other = p.other)
      AND {visible("a.owner_id")} AND {visible("b.owner_id")}
    ORDER BY p.likeness DESC, p.one, p.other
    LIMIT :limit
    """  # noqa: S608
)


async def pairs(
    session: AsyncSession,
    *,
    lead_id: UUID | None,
    after: tuple[float, UUID, UUID] | None,
    limit: int,
    principal: Principal,
) -> list[Pair]:
    """Pairs of which the principal sees both and nobody said that they are apart, the likeliest first."""
    value, one, other = after or (None, None, None)
    rows = await session.execute(
        _PAIRS,
        {
            "lead_id": lead_id,
            "after": value,
            "after_one": one,
            "after_other": other,
            "limit": limit,
            **scope_parameters(principal),
        },
    )
    return [Pair(row.one, row.other, float(row.likeness), orjson.loads(row.reasons)) for row in rows]


async def keep_apart(session: AsyncSession, one: UUID, other: UUID, *, at: datetime, said_by: str, reason: str) -> None:
    """Remember for good that a person told two leads apart."""
    await session.execute(
        text("INSERT INTO lead_apart (one, other, at, said_by, reason) VALUES (:one, :other, :at, :said_by, :reason)"),
        {"one": min(one, other), "other": max(one, other), "at": at, "said_by": said_by, "reason": reason},
    )
