"""What was not seen of a record that the CRM only signals and that is fetched back. Pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime


def unobserved_since(
    crm_time: datetime, told_at: Sequence[datetime], *, seen_at: Iterable[datetime | None]
) -> datetime | None:
    """Since when, until `crm_time`, a fetched record held something that nobody saw; None if nothing was missed.

    `told_at` are the times of the changes that the signals answered by this fetch tell of, `seen_at` those from which
    versions of the record are known. The record was as last seen until the first change told of after that, so this is
    where the unknown begins, and not the time of the last version. If that change is the only one and no later state was
    fetched, what was fetched is its state. Where several changes and the fetched state share one tick of the CRM's clock,
    the unknown begins and ends with it. A signal with no time of the CRM stands at its arrival: what it tells of may have
    been earlier, and nobody knows when.
    """
    seen = max((at for at in seen_at if at is not None and at < crm_time), default=None)
    told = {at for at in told_at if seen is None or at > seen}
    if not told:
        return None
    first = min(told)
    return min(first, crm_time) if first < crm_time or len(told) > 1 else None
