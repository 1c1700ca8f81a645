"""What four CRMs go through in six days, and in which order they tell of it. Pure: the same seed gives the same plan."""

import random
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal
from uuid import UUID

from libs.common.ids import entity_id, normalise_external_id
from simulator import examples
from simulator.config import PROVIDERS, Provider
from simulator.records import OPEN_STAGES, DealRecord, LeadRecord, LeadStatus
from simulator.sending.change import Change

Kind = Literal["change", "shuffled", "duplicate", "unusable", "damaged"]
Held = DealRecord | LeadRecord

SHARES: dict[Kind, float] = {"duplicate": 0.05, "shuffled": 0.05, "unusable": 0.01, "damaged": 0.01}
SPAN = timedelta(days=6)
LATEST = timedelta(days=3)
"""How long a shuffled delivery is on its way at most."""
_LEADS = 0.2
_DELETIONS = 0.01
_LEAD_STATUSES: tuple[LeadStatus, ...] = ("new", "working", "disqualified")
"""Those that open no deal: a deal of a lead's making has no CRM to compare it with."""


@dataclass(frozen=True, slots=True)
class Sending:
    """One delivery. `part` tells which of the requests that a change makes; `number` tells spoiled ones apart."""

    at: datetime
    provider: Provider
    kind: Kind
    change: Change | None = None
    part: int = 0
    number: int = 0


@dataclass(slots=True)
class Truth:
    """A record as its CRM holds it in the end, and every instant at which it changed."""

    provider: Provider
    record: Held
    times: set[datetime] = field(default_factory=set)

    @property
    def is_deal(self) -> bool:
        return isinstance(self.record, DealRecord)


@dataclass(frozen=True)
class Plan:
    """`happenings` and `sendings` are in the order of the CRMs' time. `truth` is by our ids."""

    happenings: list[tuple[datetime, Provider, Held]]
    sendings: list[Sending]
    truth: dict[UUID, Truth]

    def count(self, kind: Kind) -> int:
        return sum(each.kind == kind for each in self.sendings)

    def overtaken(self) -> int:
        """Shuffled deliveries that are sent after one of a newer state of the same record."""
        newest: dict[tuple[Provider, str], datetime] = {}
        found = 0
        for each in self.sendings:
            if each.change is not None:
                record = each.change.record
                key = (each.provider, f"{each.change.kind} {record.external_id}")
                found += each.kind == "shuffled" and newest.get(key, record.changed_at) > record.changed_at
                newest[key] = max(newest.get(key, record.changed_at), record.changed_at)
        return found


def plan(deliveries: int, keys: dict[Provider, str], *, until: datetime, seed: int = 1) -> Plan:
    """So many deliveries of the connections of these keys. The last change happens at `until`."""
    chance = random.Random(seed)  # noqa: S311 - to be repeatable
    counts = {kind: round(deliveries * share) for kind, share in SHARES.items()}
    told = deliveries - counts["duplicate"] - counts["unusable"] - counts["damaged"]
    crms = {provider: _Crm(provider, chance, records=_records(deliveries)) for provider in PROVIDERS}
    happenings: list[tuple[datetime, Provider, Held]] = []
    sendings: list[Sending] = []
    truth: dict[UUID, Truth] = {}
    for number, at in enumerate(_instants(told, until)):
        if len(sendings) >= told:
            break
        provider = PROVIDERS[number % len(PROVIDERS)]
        change = crms[provider].change(at.replace(microsecond=0))
        record = change.record
        assert isinstance(record, DealRecord | LeadRecord)  # noqa: S101 - nothing else is invented
        happenings.append((record.changed_at, provider, record))
        known = truth.setdefault(entity_id(keys[provider], change.kind, record.external_id), Truth(provider, record))
        known.record = record
        known.times.add(record.changed_at)
        parts = 2 if _has_a_person_apart(provider, change) else 1
        sendings += [Sending(at, provider, "change", change, part) for part in range(parts)]
    del sendings[told:]
    late = chance.sample(range(len(sendings)), counts["shuffled"])
    for index in late:
        delay = chance.uniform(LATEST / timedelta(seconds=1) / 72, LATEST / timedelta(seconds=1))
        sendings[index] = replace(sendings[index], kind="shuffled", at=sendings[index].at + timedelta(seconds=delay))
    again = [sendings[index] for index in chance.sample(range(len(sendings)), counts["duplicate"])]
    sendings += [replace(e, kind="duplicate", at=e.at + SPAN * chance.uniform(0, 0.01)) for e in again]
    for kind in ("unusable", "damaged"):
        for number in range(counts[kind]):
            provider = PROVIDERS[number % len(PROVIDERS)]
            sendings.append(Sending(until - SPAN * chance.random(), provider, kind, number=number))
    sendings.sort(key=lambda each: each.at)
    return Plan(happenings, sendings, truth)


def _instants(count: int, until: datetime) -> Iterator[datetime]:
    step = SPAN / max(1, count)
    return (until - step * (count - number) for number in range(count))


def _records(deliveries: int) -> int:
    """Records that live in each CRM at a time: few enough to change often, enough to rest in between."""
    return min(400, max(40, deliveries // 60))


def _has_a_person_apart(provider: Provider, change: Change) -> bool:
    return provider == "pipedrive" and change.event == "created" and isinstance(change.record, LeadRecord)


class _Crm:
    """Invents the changes of one CRM; a record rests until about half of the others have changed."""

    def __init__(self, provider: Provider, chance: random.Random, *, records: int) -> None:
        self._provider, self._chance, self._records = provider, chance, records
        self._living: deque[Held] = deque()
        self._made = 0

    def change(self, at: datetime) -> Change:
        if len(self._living) < self._records:
            made = self._new_lead(at) if self._chance.random() < _LEADS else self._new_deal(at)
            self._living.append(made)
            return Change(made, "created")
        self._living.rotate(-self._chance.randrange(max(1, self._records // 8)))
        before = self._living.popleft()
        if isinstance(before, LeadRecord):
            after: Held = replace(
                before, changed_at=at, amount=self._amount(), status=self._chance.choice(_LEAD_STATUSES)
            )
        elif self._provider != "salesforce" and self._chance.random() < _DELETIONS:
            return Change(replace(before, changed_at=at, deleted=True), "deleted", before)
        else:
            stage = self._chance.choice((*OPEN_STAGES, *OPEN_STAGES, "Won", "Lost"))
            closed_on = at.date() if stage in ("Won", "Lost") else None
            after = replace(before, changed_at=at, amount=self._amount(), stage=stage, closed_on=closed_on)
        self._living.append(after)
        return Change(after, "changed", before)

    def _amount(self) -> Decimal:
        return Decimal(self._chance.randrange(1_000_00, 90_000_00)) / 100

    def _number(self) -> int:
        self._made += 1
        return self._made

    def _new_deal(self, at: datetime) -> DealRecord:
        number = self._number()
        ids: dict[Provider, str] = {
            "hubspot": f"88{number:08d}",
            "salesforce": normalise_external_id(f"006{number:012d}"),
            "pipedrive": f"8{number:07d}",
            "standard": f"deal-{number}",
        }
        return new_deal(ids[self._provider], at, self._amount())

    def _new_lead(self, at: datetime) -> LeadRecord:
        number = self._number()
        ids: dict[Provider, str] = {
            "hubspot": f"66{number:08d}",
            "salesforce": normalise_external_id(f"00Q{number:012d}"),
            "pipedrive": str(UUID(int=(0xC4EC << 112) + number)),
            "standard": f"lead-{number}",
        }
        return examples.lead(
            ids[self._provider], at, self._amount(), email=f"ada-{number}@example.com", company=f"Example {number} Ltd"
        )


def new_deal(external_id: str, at: datetime, amount: Decimal) -> DealRecord:
    """An open deal, made at `at`."""
    region = examples.REGIONS[len(external_id) % len(examples.REGIONS)]
    return examples.deal(external_id, at, amount, close_date=(at + timedelta(days=30)).date(), region=region)
