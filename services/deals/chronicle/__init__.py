"""What every two-clock history here shares, as pure functions.

A history is a fold of inputs that may arrive in any order and more than once. These functions say which inputs stand, and
which entries must be appended so that a reader who knows only "the greatest (valid_from, version)" reads the fold.
"""

import hashlib
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, Generic, TypeVar
from uuid import UUID

from libs.common.events.crm import CrmRecord

T = TypeVar("T")
R = TypeVar("R", bound=CrmRecord)

PROVENANCE = {"clock", "received_at", "source_recorded_at", "reconstructed", "unobserved_since"}
"""Fields of a record that say where it is known from, not what it is."""

EVER_KNOWN: Final = datetime(9999, 1, 1, tzinfo=UTC)
"""As `known_at`: all that is known. Not the present, for the database's clock, which stamps what is told, may be ahead of ours."""


@dataclass(frozen=True, slots=True)
class Moment(Generic[T]):
    """What holds from `valid_from` on, and where that is known from. One per instant: the state after all its inputs.

    `unobserved_since`: from there until `valid_from` something held that nobody saw. `changed_by`: the CRM's user who made the
    change, if it tells.
    """

    valid_from: datetime
    content: T
    source_recorded_at: datetime | None = None
    reconstructed: bool = False
    unobserved_since: datetime | None = None
    changed_by: UUID | None = None


def standing_records(records: Iterable[R]) -> list[R]:
    """The CRM's records in clock order, one per (time, sequence): the newest mapping's, then the greatest digest's."""
    slots: dict[Hashable, R] = {}
    for record in records:
        slot = (record.clock.crm_time, record.clock.sequence)
        held = slots.get(slot)
        if held is None or record.clock.order() > held.clock.order():
            slots[slot] = record
    return sorted(slots.values(), key=lambda record: record.clock.order())


def standing_versions(items: Iterable[T], *, version: Callable[[T], int], at: Callable[[T], datetime]) -> list[T]:
    """Another component's states of one thing, in time order, without those that a later version took back.

    A state stands until a higher version speaks of the same instant or an earlier one.
    """
    standing: list[T] = []
    for item in sorted(items, key=version, reverse=True):
        if not standing or at(item) < at(standing[-1]):
            standing.append(item)
    return standing[::-1]


def fold_records(records: Iterable[R], follow: Callable[[T | None, R], T | None]) -> list[Moment[T]]:
    """The timeline of CRM records that need no more memory than the content before; None: nothing is known yet."""
    moments: dict[datetime, Moment[T]] = {}
    content: T | None = None
    for record in standing_records(records):
        content = follow(content, record)
        if content is not None:
            at = record.clock.crm_time
            moments[at] = Moment(at, content, record.source_recorded_at, record.reconstructed)
    return list(moments.values())


def input_key(record: CrmRecord) -> str:
    """The same for every repetition of a record, and for nothing else."""
    clock = record.clock
    return f"{clock.crm_time.astimezone(UTC).isoformat()}|{clock.sequence}|{clock.mapping_version}|{clock.digest}"


def with_digest(record: R) -> R:
    """The record with a digest of its content where the sender gave none, so that equal clocks converge all the same."""
    if record.clock.digest:
        return record
    content = record.model_dump_json(exclude=PROVENANCE)
    digest = hashlib.sha256(content.encode()).hexdigest()
    return record.model_copy(update={"clock": record.clock.model_copy(update={"digest": digest})})


def corrections(
    stored: Sequence[Moment[T]], moments: Sequence[Moment[T]], *, withdrawn: Callable[[T], T]
) -> list[Moment[T]]:
    """The entries to append so that reading `stored` and them, newest by (valid_from, version), yields `moments`.

    Both are in time order with one entry per instant. `stored` begins no later than what it continues. An instant in
    `stored` that `moments` no longer knows gets a copy of what holds there now; before the first moment that is
    `withdrawn` of what was stored. Nothing is appended where a reader sees the right content already, and at each instant
    from when on it was not observed and, where there is an entry, who made the change.
    """
    instants = sorted({entry.valid_from for entry in stored} | {moment.valid_from for moment in moments})
    known = {entry.valid_from: entry for entry in stored}
    folded = {moment.valid_from: moment for moment in moments}
    appended: list[Moment[T]] = []
    read: T | None = None
    holds: Moment[T] | None = None
    for instant in instants:
        entry = known.get(instant)
        if entry is not None:
            read = entry.content
        holds = folded.get(instant, holds)
        if holds is not None:
            right = replace(holds, valid_from=instant)
            if instant not in folded:
                right = replace(right, unobserved_since=None, changed_by=None)  # both are of the moment that is copied
        elif entry is not None:
            right = Moment(instant, withdrawn(entry.content), entry.source_recorded_at, entry.reconstructed)
        else:  # unreachable: every instant comes from one of the two
            continue
        is_told = entry is None or entry.changed_by == right.changed_by
        if (
            read != right.content
            or (entry.unobserved_since if entry else None) != right.unobserved_since
            or not is_told
        ):
            appended.append(right)
            read = right.content
    return appended
