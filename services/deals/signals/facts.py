"""What is known of a deal at an instant, as far as signals look at it. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from libs.common.signals import RECENT_DAYS

RECENT: Final = timedelta(days=RECENT_DAYS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What one entry of a timeline says. `counts`: neither removed nor provisional."""

    state: str
    pipeline: str
    stage: str
    stage_entered_at: datetime
    created_at: datetime
    stage_probability: Decimal | None = None
    amount: Decimal | None = None
    currency: str | None = None
    close_date: date | None = None
    owner_id: UUID | None = None
    account_id: UUID | None = None
    segment: str | None = None
    has_next_step: bool | None = None
    """Null: nobody tells next steps."""
    last_activity_at: datetime | None = None
    activity_known: bool = False
    economic_buyer_until: datetime | None = None
    threads_until: tuple[datetime, ...] | None = None
    pushes: int = 0
    counts: bool = True

    @property
    def is_open(self) -> bool:
        return self.state == "open" and self.counts

    @property
    def place(self) -> tuple[str, str]:
        return self.pipeline, self.stage


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry that holds from `valid_from` on and was known from `known_from` on."""

    valid_from: datetime
    version: int
    known_from: datetime
    facts: Facts


@dataclass(frozen=True, slots=True)
class Promise:
    """A step of a promise, in the words of the ledger of promises."""

    commitment_id: UUID
    entry_id: UUID
    kind: str
    at: datetime
    due: date | None
    known_from: datetime


@dataclass(frozen=True, slots=True)
class PlanTold:
    """How a close plan stood when it was told. `p50_on` is null without a task left."""

    version: int
    known_from: datetime
    p50_on: date | None


@dataclass(frozen=True, slots=True)
class Pair:
    """An executive of ours and one of theirs: what was said of the pair, and when they spoke, each with when it was known."""

    said: tuple[tuple[datetime, datetime, int, bool], ...]
    """At, known from, cadence in days, ended."""
    spoke: tuple[tuple[datetime, datetime], ...] = ()

    def lapsed(self, at: datetime) -> bool | None:
        """Whether more than one and a half cadences went by without a word; None where nobody looks after anybody."""
        known = sorted(each for each in self.said if each[0] <= at and each[1] <= at)
        if not known or known[-1][3]:
            return None
        heard = [spoke for spoke, known_from in self.spoke if spoke <= at and known_from <= at]
        since = max([known[0][0], *heard])
        return since + timedelta(days=known[-1][2]) * 1.5 < at


@dataclass(frozen=True, slots=True)
class Deal:
    """A deal with all that is kept of it, in the order of `(valid_from, version)`."""

    deal_id: UUID
    entries: Sequence[Entry]
    promises: Sequence[Promise] = ()
    plans: Sequence[PlanTold] = ()

    def known(self, valid_at: datetime, known_at: datetime) -> Facts | None:
        """The facts at `valid_at` as known at `known_at`."""
        for entry in reversed(self.entries):
            if entry.valid_from <= valid_at and entry.known_from <= known_at:
                return entry.facts
        return None

    def first(self, known_at: datetime) -> Facts | None:
        """The first facts that were known."""
        return next((entry.facts for entry in self.entries if entry.known_from <= known_at), None)

    def before(self, at: datetime) -> Facts | None:
        """The facts 30 days before `at`, of a younger deal its first; as known at `at`."""
        return self.known(at - RECENT, at) or self.first(at)

    def plan_ends(self, at: datetime) -> date | None:
        """The day by which half of the cases are done, as told last; None without a plan or a task left."""
        told = max((each for each in self.plans if each.known_from <= at), key=lambda each: each.version, default=None)
        return told.p50_on if told else None


def known_from(
    valid_from: datetime, recorded_at: datetime, source_recorded_at: datetime | None, *, reconstructed: bool
) -> datetime:
    """When an entry was known: as the CRM's own history says, else as recorded here; of imported history from when it held."""
    if reconstructed:
        return valid_from
    return min(recorded_at, source_recorded_at or recorded_at)


@dataclass(frozen=True, slots=True)
class Usual:
    """What is usual in the company at an instant: with it a deal is compared."""

    median: Mapping[str, Decimal] = field(default_factory=dict)
    """Of the amounts of open deals, by currency."""
    thirds: Mapping[str, tuple[Decimal, Decimal]] = field(default_factory=dict)
    stalled_days: Mapping[tuple[str, str, str | None], float] = field(default_factory=dict)
    """Days in a stage that three of four visits of won deals did not pass, by pipeline, stage and segment."""
    later: frozenset[tuple[str, str]] = frozenset()
    """Stages in the later half of their pipeline."""
    buyers_are_told: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A deal at an instant, as known then. `day` is the business date."""

    at: datetime
    day: date
    facts: Facts
    before: Facts | None
    usual: Usual
    plan_ends: date | None = None
    promise_overdue: bool | None = None
    cover_lapsed: bool | None = None


def any_of(found: Iterable[bool | None]) -> bool | None:
    """True if one is, None if nothing is said of any."""
    said = [each for each in found if each is not None]
    return any(said) if said else None
