"""One CRM record applied to what was known of the deal."""

from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from libs.common.events.crm import CrmDealChanged
from services.deals.ledger.timeline.category import settle
from services.deals.ledger.timeline.state import Pursuit


def follow(before: Pursuit | None, record: CrmDealChanged, zone: ZoneInfo) -> Pursuit | None:
    """The pursuit after `record`; None while nothing but tombstones is known of it.

    A tombstone keeps the fields of the record before it, since a CRM need not send them with a delete.
    """
    if record.deleted or record.merged_into is not None:
        if before is None:
            return None
        return replace(before, tombstone=True, merged_into=record.merged_into)
    at = record.clock.crm_time
    category, by_person, lapsed = settle(before, record)
    return Pursuit(
        record=record,
        created_at=record.created_at or (before.created_at if before else at),
        stage_entered_at=_stage_entered_at(before, record),
        category=category,
        category_by_person=by_person,
        lapsed=lapsed,
        date_was_past=_date_was_past(before, record, zone),
        pushes=_pushes(before, record),
        closed_on=_closed_on(before, record, zone),
    )


def _stage_entered_at(before: Pursuit | None, record: CrmDealChanged) -> datetime:
    if before is None or (before.record.pipeline, before.record.stage) != (record.pipeline, record.stage):
        return record.clock.crm_time
    return before.stage_entered_at


def _date_was_past(before: Pursuit | None, record: CrmDealChanged, zone: ZoneInfo) -> bool:
    """Whether the close date lay in the past on the day it was set."""
    if before is not None and before.record.close_date == record.close_date and before.record.state == record.state:
        return before.date_was_past
    return record.close_date is not None and record.close_date < local_date(record.clock.crm_time, zone)


def _pushes(before: Pursuit | None, record: CrmDealChanged) -> int:
    if before is None:
        return 0
    known = before.record
    moved_later = (
        known.state == record.state == "open"
        and known.close_date is not None
        and record.close_date is not None
        and record.close_date > known.close_date
    )
    return before.pushes + moved_later


def _closed_on(before: Pursuit | None, record: CrmDealChanged, zone: ZoneInfo) -> date | None:
    """The local date of the closing: the CRM's, else its close date on turning won, else the day of the change."""
    if record.state == "open":
        return None
    if record.closed_on is not None:
        return record.closed_on
    if before is not None and before.record.state == record.state:
        return before.closed_on
    if record.state == "won" and record.close_date is not None:
        return record.close_date
    return local_date(record.clock.crm_time, zone)


def local_date(instant: datetime, zone: ZoneInfo) -> date:
    """The business date of an instant."""
    return instant.replace(tzinfo=instant.tzinfo or UTC).astimezone(zone).date()
