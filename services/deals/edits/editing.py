"""Bulk edits: every row by itself, one report; the same request again answers the same report and changes nothing."""

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.ids import entity_id
from libs.common.web.auth import Principal, require
from libs.common.web.idempotency import sent
from services.deals.edits import repository, service
from services.deals.edits.schemas import BulkIn, BulkOut, BulkResult
from services.deals.edits.service import Taken, Wanted


async def bulk(session: AsyncSession, wanted: BulkIn, *, idempotency_key: str | None, principal: Principal) -> BulkOut:
    """Want values in fields of many deals. What cannot be taken is reported by row and field and loses nothing else.

    Raises MissingRole, IdempotencyKeyReused.
    """
    require(principal, *service.WRITERS)
    request = sent("bulk edit", wanted.model_dump_json(), idempotency_key, principal=principal)
    known = await repository.bulk(session, request.id)
    if known is not None and request.was_taken(known["request_digest"]):
        return BulkOut.model_validate(known["report"])
    rows = [
        (number, Wanted(entity_id("foretell", "bulk edit", f"{request.id} {number} {place}"), row.deal_id, edit, request.digest))
        for number, row in enumerate(wanted.rows, start=1)
        for place, edit in enumerate(row.edits)
    ]  # fmt: skip
    taken = await service.take(session, [each for _, each in rows], principal=principal)
    results = [_result(number, each) for (number, _), each in zip(rows, taken, strict=True)]
    counts = {name: sum(each.outcome == name for each in results) for name in ("pending", "unchanged", "refused")}
    report = BulkOut(results=results, **counts)
    kept = {"bulk_id": request.id, "request_digest": request.digest, "author": principal.subject}
    told = orjson.dumps(report.model_dump(mode="json")).decode()
    await repository.keep_bulk(session, kept | {"report": told, "recorded_at": clock.now()})
    return report


def _result(number: int, taken: Taken) -> BulkResult:
    return BulkResult(
        row=number,
        deal_id=taken.wanted.deal_id,
        name=taken.deal.name if taken.deal else None,
        field=taken.wanted.edit.field,
        outcome="refused" if taken.reason else "pending" if taken.edit_id else "unchanged",
        edit_id=taken.edit_id,
        reason=taken.reason,
    )
