"""Freezing what the projection says at every lock, and judging it once periods are closed."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.db import Database
from libs.common.web.auth import Principal
from services.forecast.accuracy import service as value_added
from services.forecast.calls.steps import NodeKey
from services.forecast.config import settings_of
from services.forecast.locks.service import LATE_AFTER
from services.forecast.outlook import known
from services.forecast.record import freezing, repository
from services.forecast.record.judging import OURS, Case, Judged, Said, by_key, judge
from services.forecast.record.schemas import By, PartKind
from services.forecast.record.several import SHARES

MOST_AT_ONCE = 20
"""Locks of one look: those made before this was kept are worked off beside what is due."""


@dataclass(frozen=True, slots=True)
class Asking:
    """Of what accuracy is asked. `node`: without one the caller's own; `ahead`: locks so many periods before their own."""

    node: NodeKey | None
    by: By
    deal_type: str | None = None
    value_basis: str | None = None
    ahead: int = 0
    as_of: datetime | None = None
    known_at: datetime | None = None


async def freeze_made(database: Database, *, principal: Principal, at_once: int = MOST_AT_ONCE) -> int:
    """Freeze the projections of locks that have none yet, the newest first; returns of how many.

    A lock does not wait for it: the two clocks give the same answer whenever asked. It is read on one snapshot and written
    in one transaction, so that a process that dies in between leaves nothing behind, and two at once leave one.
    """
    done = 0
    while done < at_once:
        async with database.reading() as session:
            lock = await repository.next_lock(session)
            if lock is None:
                break
            frozen = await freezing.freeze(session, lock, principal=principal)
        rows, challengers = frozen.pop("rows"), frozen.pop("challengers")
        async with database.transaction() as session:
            head = {"lock_id": lock["lock_id"], "made_at": clock.now(), **frozen}
            done += await repository.append(session, head, rows, challengers)
        await known.write(database)
    return done


@dataclass(frozen=True, slots=True)
class Part:
    """Some of the locks. `kind` says what the key is; a person has no label here."""

    kind: PartKind
    key: str
    label: str | None
    judged: Judged


@dataclass(frozen=True, slots=True)
class Accuracy:
    """How right what was said of a node was, over all its locks and by part of them."""

    node: NodeKey
    value_basis: str
    as_of: datetime
    known_at: datetime
    settings: list[str]
    excluded_incomplete: int
    unknown_completeness: int
    made_late: int
    waiting: int
    overall: Judged
    parts: list[Part]


async def accuracy(session: AsyncSession, asked: Asking, *, principal: Principal) -> Accuracy:
    """Score what was kept of a node against what was closed. Raises NotYourFigure."""
    node = await value_added.allowed(session, asked.node, principal=principal)
    now, configured = clock.now(), settings_of(session)
    as_of, known_at = min(asked.as_of or now, now), min(asked.known_at or now, now)
    basis = asked.value_basis or configured.call_basis
    wanted: dict[str, Any] = {
        "deal_type": asked.deal_type,
        "value_basis": basis,
        "ahead": asked.ahead,
        "as_of": as_of,
        "known_at": known_at,
        "zone": configured.org_timezone,
    }
    found = await repository.judged(session, kind=node.kind, node_ids=[node.id], parent=None, **wanted)
    below: list[dict[str, Any]] = []
    if asked.by == "node" and node.kind == "unit":
        below = await repository.judged(session, kind=node.kind, node_ids=None, parent=node.id, **wanted)
    usable, parts = await asyncio.to_thread(_judged, asked.by, found, below)
    of_closed = [row for row in found if row["came"] is not None]
    return Accuracy(
        node=node,
        value_basis=basis,
        as_of=as_of,
        known_at=known_at,
        settings=sorted({row["settings"] for row in of_closed}),
        excluded_incomplete=sum(row["state"] == "incomplete" for row in of_closed),
        unknown_completeness=sum(row["state"] == "unknown" for row in of_closed),
        made_late=sum(row["made_at"] - row["due_at"] > LATE_AFTER for row in of_closed),
        waiting=len(found) - len(of_closed),
        overall=usable,
        parts=parts,
    )


def _judged(
    by: By, found: Sequence[Mapping[str, Any]], below: Sequence[Mapping[str, Any]]
) -> tuple[Judged, list[Part]]:
    overall = judge([case_of(row) for row in found if is_scored(row)])
    rows = [row for row in (below if by == "node" else found) if is_scored(row)]
    named: dict[str, tuple[PartKind, str | None]]
    if by == "node":
        named = {str(row["node_id"]): (row["node_kind"], row["label"]) for row in rows}
        keyed = [(str(row["node_id"]), case_of(row)) for row in rows]
    elif by == "lead":
        named = {str(row["lead_weeks"]): ("lead", _weeks(row["lead_weeks"])) for row in rows}
        keyed = [(str(row["lead_weeks"]), case_of(row)) for row in sorted(rows, key=lambda row: -row["lead_weeks"])]
    else:
        named = {key: ("day", f"{word} third") for key, word in zip("123", ("first", "second", "last"), strict=True)}
        keyed = sorted(((_third(row), case_of(row)) for row in rows), key=lambda each: each[0])
    return overall, [Part(named[key][0], key, named[key][1], judge(cases)) for key, cases in by_key(keyed).items()]


def is_scored(row: Mapping[str, Any]) -> bool:
    """Whether what a lock said of a period counts: it is closed, and the lock was not incomplete."""
    return row["came"] is not None and row["state"] != "incomplete"


def _weeks(lead: int) -> str:
    return "1 week before the end" if lead == 1 else f"{lead} weeks before the end" if lead else "the last week"


def _third(row: Mapping[str, Any]) -> str:
    length = (row["period_end"] - row["period_start"]).days
    return str(min(3, max(1, (row["day"] - 1) * 3 // length + 1)))


def case_of(row: Mapping[str, Any]) -> Case:
    """A row of `repository.judged` as it is scored; the challenger by its own name."""
    said = {name: float(amount) for name, amount in row["opponents"].items()}
    own: dict[str, Said] = {}
    if challenger := row["challenger"]:
        said[challenger["method"]] = float(challenger["projection"])
        band = (float(challenger["low_80"]), float(challenger["high_80"]))
        own[challenger["method"]] = Said(np.array(challenger["quantiles"]), band)
    low, high = row["low_95"], row["high_95"]
    return Case(
        due_at=row["due_at"],
        closed_at=row["closed_at"],
        period=row["period_start"],
        closed=float(row["closed"]),
        came=float(row["came"]),
        said={OURS: float(row["projection"]), **said},
        quantiles=np.array(row["quantiles"]),
        shares=SHARES,
        band_80=(float(row["low_80"]), float(row["high_80"])),
        band_95=None if low is None else (float(low), float(high)),
        expected_wins=row["expected_wins"],
        size_cv=row["size_cv"],
        own=own,
    )
