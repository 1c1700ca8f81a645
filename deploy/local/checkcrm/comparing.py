"""What was answered and what the CRMs hold, against what the books say. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from deploy.local import books
from deploy.local.books import Page
from deploy.local.checkcrm.plan import Truth
from simulator.records import DealRecord, LeadRecord

Body = tuple[str, str]
"""A connection's key and the digest of a request's body."""

VERDICTS = {"new": "pending", "working": "pending", "qualified": "qualified", "disqualified": "rejected"}
"""What a lead's status in the CRM says in our words."""


@dataclass
class Answers:
    """What the gateway said to which body. An attempt without an answer may have been stored or not."""

    taken: Counter[Body] = field(default_factory=Counter)
    unanswered: Counter[Body] = field(default_factory=Counter)
    never_taken: list[str] = field(default_factory=list)
    unusable: set[Body] = field(default_factory=set)
    damaged: set[Body] = field(default_factory=set)
    refused: set[Body] = field(default_factory=set)


@dataclass(frozen=True)
class Ledger:
    """What the books say beyond a page: stored bodies, canonical changes per record, what services took of them, leads."""

    stored: Mapping[Body, int]
    parked: Mapping[Body, int]
    changes_out: Mapping[UUID, int]
    """Canonical changes of each record that left the gateway."""
    changes_in: Mapping[UUID, int]
    """Those that deals and leads hold."""
    repeated: Sequence[tuple[UUID, datetime]]
    """Entries of a deal's timeline that say the same as the one before them at that instant."""
    leads: Mapping[UUID, Any]


@dataclass(frozen=True)
class Verdict:
    """Differences in words. `parked` and `refused` count what was rightly parked and refused."""

    lost: list[str]
    twice: list[str]
    diverged: list[str]
    parked: int
    refused: int


def compare(answers: Answers, truth: Mapping[UUID, Truth], page: Page, ledger: Ledger) -> Verdict:
    """Everything in which the books differ from the CRMs, from the answers, or from each other."""
    lost, twice = _deliveries(answers, ledger)
    missing, repeated = _changes(truth, page, ledger)
    return Verdict(
        lost=lost + missing,
        twice=twice + repeated,
        diverged=_states(truth, page, ledger) + _books(page),
        parked=sum(ledger.parked.get(body, 0) for body in answers.unusable),
        refused=sum(not ledger.stored.get(body, 0) for body in answers.refused),
    )


def _deliveries(answers: Answers, ledger: Ledger) -> tuple[list[str], list[str]]:
    """Each answer of success is one stored delivery, and no delivery is stored without one."""
    lost = [f"never taken: {each}" for each in answers.never_taken]
    twice = []
    for body in answers.taken.keys() | ledger.stored.keys():
        if body in answers.damaged:
            continue
        least, stored = answers.taken[body], ledger.stored.get(body, 0)
        most = least + answers.unanswered[body]
        if stored < least:
            lost.append(f"{least} deliveries {_name(body)} were answered with success, {stored} are stored")
        if stored > most:
            twice.append(f"{most} deliveries {_name(body)} were sent and may be stored, {stored} are")
    lost += [f"delivery {_name(body)} is parked and usable" for body in ledger.parked if body not in answers.unusable]
    return lost, twice


def _changes(truth: Mapping[UUID, Truth], page: Page, ledger: Ledger) -> tuple[list[str], list[str]]:
    """Every change of a record left the gateway once, was taken up once, and stands in the timeline."""
    lost, twice = [], []
    times = books.times_of(page.versions)
    for entity, known in truth.items():
        told, out, taken = len(known.times), ledger.changes_out.get(entity, 0), ledger.changes_in.get(entity, 0)
        # What HubSpot holds is fetched: a change that the next one overtook before the fetch is never seen.
        least = 1 if known.provider == "hubspot" else told
        if out < least or taken < out:
            lost.append(f"{_of(known)}: {told} changes told, {out} left the gateway, {taken} were taken up")
        if out > told or taken > out:
            twice.append(f"{_of(known)}: {told} changes told, {out} left the gateway, {taken} were taken up")
        if known.is_deal and not _may_be_unseen(known):
            absent = known.times - times[entity]
            if absent and known.provider != "hubspot":
                lost.append(f"{_of(known)}: its timeline lacks {min(absent).isoformat()} and {len(absent) - 1} more")
            if invented := times[entity] - known.times:
                twice.append(f"{_of(known)}: its timeline has {min(invented).isoformat()}, when nothing changed")
    twice += [f"deal {deal} has the same entry twice at {at.isoformat()}" for deal, at in ledger.repeated]
    return lost, twice


def _states(truth: Mapping[UUID, Truth], page: Page, ledger: Ledger) -> list[str]:
    found = []
    deals = {entity: known for entity, known in truth.items() if known.is_deal}
    for where, rows in (("deals", page.deals), ("forecast", page.forecast)):
        for entity, known in deals.items():
            row = rows.get(entity)
            if row is None and _may_be_unseen(known):
                continue
            assert isinstance(known.record, DealRecord)  # noqa: S101 - chosen above
            if row is None or not books.is_the_deal(row, known.record):
                found.append(f"{where} has {row and tuple(row)} for {_of(known)}: {_shown(known.record)}")
        found += [f"{where} has deal {entity}, which no CRM holds" for entity in rows.keys() - deals.keys()]
    leads = {entity: known.record for entity, known in truth.items() if not known.is_deal}
    for entity, record in leads.items():
        assert isinstance(record, LeadRecord)  # noqa: S101 - what is no deal
        row = ledger.leads.get(entity)
        wanted = (record.amount, VERDICTS[record.status], record.company, record.deleted)
        if row is None or tuple(row) != wanted:
            found.append(f"leads has {row and tuple(row)} for lead {record.lead_id}: {wanted}")
    return found + [f"leads has lead {each}, which no CRM holds" for each in ledger.leads.keys() - leads.keys()]


def _books(page: Page) -> list[str]:
    found = [f"versions of deal {deal}: {numbers[:20]}" for deal, numbers in books.misnumbered(page.versions).items()]
    found += [f"only deals has version {each}" for each in page.versions - page.forecast_versions]
    found += [f"only forecast has version {each}" for each in page.forecast_versions - page.versions]
    found += [f"{page.wrong_cells} roll-up cells are not what the deals make them"] * bool(page.wrong_cells)
    found += [f"{page.dead} dead letters"] * bool(page.dead)
    return found + [f"{name}: {count}" for name, count in page.unsettled.items() if count]


def _may_be_unseen(known: Truth) -> bool:
    """HubSpot's deal that was deleted before the first fetch: only its tombstone is known, which makes no deal."""
    return known.provider == "hubspot" and known.record.deleted


def _of(known: Truth) -> str:
    return f"{known.provider}'s {'deal' if known.is_deal else 'lead'} {known.record.external_id}"


def _shown(record: DealRecord) -> tuple[Any, ...]:
    return (record.amount, record.state, record.stage, record.deleted)


def _name(body: Body) -> str:
    return f"{body[0]} {body[1][:12]}"
