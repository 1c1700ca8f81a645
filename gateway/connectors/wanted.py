"""Records that a comparison with the CRM found to differ, or that were asked for since the last time, as a delivery of signals."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.connectors.items import Item, Signal
from libs.common import clock
from libs.common.ids import new_id
from libs.common.sql import Query

MARK = "x-foretell-comparison"
"""Among what is kept of a delivery's headers, and never kept of a request: nobody outside can set it."""


IN_A_DELIVERY = 1000


@dataclass(frozen=True, slots=True)
class AskedBack:
    """A deal to be asked back. `told_at`: when it is known to have changed. `restored_at`: it came back from deletion by then."""

    external_id: str
    told_at: datetime | None = None
    restored_at: datetime | None = None


_INSERT = Query(
    """
    INSERT INTO delivery (id, connection, received_at, headers, body, body_bytes)
    VALUES (:id, :connection, :at, cast(:headers AS jsonb), :body, :size)
    """
)


async def deliver(session: AsyncSession, connection: str, comparison: UUID, deals: Sequence[AskedBack]) -> UUID:
    """Store a delivery that signals these deals; it is understood as every other one."""
    content = {"comparison": str(comparison), "deals": [asdict(each) for each in deals]}
    return await _store(session, connection, str(comparison), content)


async def _store(session: AsyncSession, connection: str, mark: str, content: Any) -> UUID:
    identifier, at, body = new_id(), clock.now(), orjson.dumps(content)
    await _INSERT.run(
        session,
        {
            "id": identifier,
            "connection": connection,
            "at": at,
            "headers": orjson.dumps({MARK: mark, "content-type": "application/json"}).decode(),
            "body": body,
            "size": len(body),
        },
    )
    return identifier


@dataclass(frozen=True, slots=True)
class Seen:
    """An activity that the CRM was seen to have, with a time of it; `kind` says of what the time is."""

    external_id: str
    at: datetime
    kind: str

    @property
    def key(self) -> str:
        return f"{self.kind} {self.external_id} {self.at.isoformat()}"


_CLAIMED = Query(
    "SELECT dedupe_key FROM delivery_claim WHERE connection = :connection AND dedupe_key = ANY(cast(:keys AS text[]))"
)


async def deliver_activities(session: AsyncSession, connection: str, seen: Sequence[Seen]) -> int:
    """Store what of these has not been signalled yet as deliveries of a thousand; returns how many activities."""
    keys = [each.key for each in seen]
    claimed = set(await _CLAIMED.column(session, {"connection": connection, "keys": keys})) if keys else set()
    fresh = [each for each in seen if each.key not in claimed]
    for start in range(0, len(fresh), IN_A_DELIVERY):
        told = [
            {"external_id": each.external_id, "told_at": each.at.isoformat(), "key": each.key}
            for each in fresh[start : start + IN_A_DELIVERY]
        ]
        await _store(session, connection, "activities", {"activities": told})
    return len(fresh)


def parse(body: bytes) -> list[Item]:
    """The signals of such a delivery; each has a claim of its own, so that a later comparison may signal the same deal."""
    told = orjson.loads(body)
    if "activities" in told:
        return [
            Signal("activity", each["external_id"], _time(each["told_at"]), each["key"]) for each in told["activities"]
        ]
    return [
        Signal(
            "deal",
            each["external_id"],
            _time(each["told_at"]),
            f"comparison {told['comparison']} {each['external_id']}",
            _time(each["restored_at"]),
        )
        for each in told["deals"]
    ]


def _time(written: str | None) -> datetime | None:
    return None if written is None else datetime.fromisoformat(written)
