"""Which of a lead's verdicts and of a deal's quotes stand, whatever came when."""

from collections.abc import Callable, Iterable
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


def standing_quotes(quotes: Iterable[QuoteState]) -> list[QuoteState]:
    """The states of any number of quotes that stand, per quote in time order."""
    return _standing(
        quotes, of=lambda quote: quote.quote_id, version=lambda quote: quote.version, at=lambda quote: quote.valid_from
    )


def authority(quotes: Iterable[QuoteState]) -> QuoteState | None:
    """The quote that was accepted last and not withdrawn, which decides the amount. One state per quote."""
    accepted = [quote for quote in quotes if quote.status == "accepted"]
    return max(accepted, key=lambda quote: (quote.valid_from, quote.quote_id), default=None)


def _standing(
    items: Iterable[T], *, of: Callable[[T], UUID], version: Callable[[T], int], at: Callable[[T], datetime]
) -> list[T]:
    groups: dict[UUID, list[T]] = {}
    for item in items:
        groups.setdefault(of(item), []).append(item)
    return [item for group in groups.values() for item in standing_versions(group, version=version, at=at)]
