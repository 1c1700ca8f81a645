"""Write the audit trail in the transaction of what it speaks of."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.audit import repository
from libs.common import clock
from libs.common.ids import new_id


async def record(
    session: AsyncSession,
    action: str,
    *,
    actor: str,
    on: str,
    detail: dict[str, Any] | None = None,
    request_id: str | None = None,
) -> None:
    """Note that `actor` did `action` (such as `session.started`) to the object `on`.

    The entry commits or rolls back with the caller's transaction. No person data and no secret belongs in `detail`.
    """
    at = clock.now()
    await repository.insert_entry(
        session,
        entry_id=new_id(at),
        at=at,
        actor=actor,
        action=action,
        object_name=on,
        detail=detail or {},
        request_id=request_id,
    )
