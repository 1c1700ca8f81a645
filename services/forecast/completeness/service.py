"""How complete readings are: how much of the CRMs' deals ours equal, as the last comparisons found."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.events.base import Received
from libs.common.events.deals import DealsCompared
from libs.common.web.auth import Principal
from services.forecast.completeness import repository, share
from services.forecast.completeness.schemas import ComparedOut
from services.forecast.completeness.share import Convert, Known


async def append(
    session: AsyncSession,
    events: Sequence[Received[DealsCompared]],
    *,
    principal: Principal,  # noqa: ARG001 - the consumer itself
) -> None:
    """Keep what comparisons found."""
    await repository.append(session, events)


async def read(
    session: AsyncSession,
    *,
    known_at: datetime,
    convert: Convert,
) -> tuple[float | None, list[ComparedOut]]:
    """The completeness of a reading as it was known at an instant, and its receipt by connection that has deals.

    Of the whole company, whatever part of it is read. None unless every connection that has deals was compared within the
    24 hours before. The same instant has the same answer for ever.
    """
    known = [each for each in await repository.known(session, known_at=known_at) if each.has_deals]
    found = share.completeness(known, convert, at=known_at)
    return None if found is None else float(found), [_out(each, convert, known_at) for each in known]


def _out(each: Known, convert: Convert, at: datetime) -> ComparedOut:
    holds = each.made is not None and share.holds(each.made, at)
    found = share.of([each.made], convert) if each.made is not None and holds else None
    return ComparedOut(
        connection=each.connection,
        state="compared" if holds else "too_old" if each.made else "never",
        share=None if found is None else float(found),
        compared_at=each.made.begun_at if each.made else None,
        our_count=each.our_count,
        reason=each.failed_because,
    )
