"""Which of a lead's verdicts and of a deal's quotes stand, whatever came when."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from libs.common.events.leads import LeadState
from libs.common.events.pricing import QuoteState
from services.deals.chronicle import standing_versions

T = TypeVar("T")


def decided_at(lead: LeadState) -> datetime:
    """When the verdict that a lead carries began to hold."""
    return lead.verdict_at or lead.valid_from


def standing_verdicts(leads: Iterable[LeadState]) -> list[LeadState]:
    """The states of any number of leads whose verdicts stand, per lead in order of decision."""
    return _standing(leads, of=lambda lead: lead.lead_id, version=lambda lead: lead.version, at=decided_at)


def standing_facts(leads: Iterable[LeadState]) -> list[LeadState]:
    """The states of any number of leads whose data stand, per lead in time order."""
    return _standing(
        leads, of=lambda lead: lead.lead_id, version=lambda lead: lead.version, at=lambda lead: lead.valid_from
    )


@dataclass(frozen=True, slots=True)
class Merged:
    """From `at` on another lead stands for this one."""

    lead_id: UUID
    at: datetime
    into: UUID


def holding(leads: Iterable[LeadState]) -> dict[UUID, Merged]:
    """Lead to the merge that holds for it now, of those that are merged. One that was taken back was none."""
    found: dict[UUID, Merged] = {}
    for lead in standing_facts(leads):
        known = found.pop(lead.lead_id, None)
        if lead.merged_into is not None:
            since = known.at if known and known.into == lead.merged_into else lead.valid_from
            found[lead.lead_id] = Merged(lead.lead_id, since, lead.merged_into)
    return found


def along_merges(linked: Mapping[UUID, datetime], merged: Mapping[UUID, Merged]) -> dict[UUID, datetime]:
    """Leads with the instants from which on a deal is theirs, and with them those that stand for them now.

    One lead stands for another from the merge on. Merges that go in a circle end where they began.
    """
    found = dict(linked)
    for named, from_then in linked.items():
        lead_id, since, seen = named, from_then, {named}
        while (merge := merged.get(lead_id)) is not None and merge.into not in seen:
            lead_id, since = merge.into, max(since, merge.at)
            seen.add(lead_id)
            found[lead_id] = min(since, found.get(lead_id, since))
    return found


def standing_quotes(quotes: Iterable[QuoteState]) -> list[QuoteState]:
    """The states of any number of quotes that stand, per quote in time order."""
    return _standing(
        quotes, of=lambda quote: quote.quote_id, version=lambda quote: quote.version, at=lambda quote: quote.valid_from
    )


def authority(quotes: Iterable[QuoteState]) -> QuoteState | None:
    """The quote that decides the amount: the one accepted last, else the one approved last. One state per quote.

    One that was withdrawn, revised or has run out since is in another state and decides nothing.
    """
    binding = [quote for quote in quotes if quote.status in ("accepted", "approved")]
    return max(binding, key=lambda quote: (quote.status == "accepted", quote.valid_from, quote.quote_id), default=None)


def _standing(
    items: Iterable[T], *, of: Callable[[T], UUID], version: Callable[[T], int], at: Callable[[T], datetime]
) -> list[T]:
    groups: dict[UUID, list[T]] = {}
    for item in items:
        groups.setdefault(of(item), []).append(item)
    return [item for group in groups.values() for item in standing_versions(group, version=version, at=at)]
