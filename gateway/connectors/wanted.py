"""Records that a comparison with the CRM found to differ, as a delivery: asked back by the path that signals take."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.connectors.items import Item, Signal
from libs.common import clock
from libs.common.ids import new_id
from libs.common.sql import Query

MARK = "x-foretell-comparison"
"""Among what is kept of a delivery's headers, and never kept of a request: nobody outside can set it."""


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
    identifier, at = new_id(), clock.now()
    body = orjson.dumps({"comparison": str(comparison), "deals": [asdict(each) for each in deals]})
    await _INSERT.run(
        session,
        {
            "id": identifier,
            "connection": connection,
            "at": at,
            "headers": orjson.dumps({MARK: str(comparison), "content-type": "application/json"}).decode(),
            "body": body,
            "size": len(body),
        },
    )
    return identifier


def parse(body: bytes) -> list[Item]:
    """The signals of such a delivery; each has a claim of its own, so that a later comparison may signal the same deal."""
    told = orjson.loads(body)
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
