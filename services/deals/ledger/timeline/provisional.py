"""The deal that a qualified lead opens before the CRM has an opportunity for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from libs.common.events.leads import LeadState
from libs.common.events.pricing import QuoteState
from services.deals.chronicle import Moment
from services.deals.ledger.timeline.content import Content
from services.deals.ledger.timeline.standing import (
    authority,
    decided_at,
    standing_facts,
    standing_quotes,
    standing_verdicts,
)

STAGE = "Qualified"


@dataclass(frozen=True, slots=True)
class Absorption:
    """The opportunity that the pursuit became, and when the CRM first named the lead on it."""

    deal_id: UUID
    at: datetime


@dataclass(frozen=True, slots=True)
class _Standing:
    """Whether the pursuit stands at an instant, and since when."""

    qualified: bool
    begins: datetime
    entered: datetime


def fold_provisional(
    leads: Sequence[LeadState], quotes: Sequence[QuoteState], absorbed: Absorption | None
) -> list[Moment[Content]]:
    """The timeline of one lead's provisional deal; empty while the lead never qualified.

    It stands while its lead is qualified and present, and until an opportunity absorbs it for good. An opportunity that
    was there first leaves an entry all the same, so that the alias exists in either order.
    """
    facts, verdicts, offers = standing_facts(leads), standing_verdicts(leads), standing_quotes(quotes)
    begins = next((decided_at(lead) for lead in verdicts if lead.verdict == "qualified"), None)
    if begins is None:
        return []
    instants = {decided_at(lead) for lead in verdicts} | {lead.valid_from for lead in facts}
    instants |= {quote.valid_from for quote in offers} | ({absorbed.at} if absorbed else set())
    moments: list[Moment[Content]] = []
    standing = _Standing(False, begins, begins)
    for instant in sorted(instant for instant in instants if instant >= begins):
        qualified = next(lead.verdict for lead in reversed(verdicts) if decided_at(lead) <= instant) == "qualified"
        standing = _Standing(qualified, begins, standing.entered if standing.qualified else instant)
        lead = next((lead for lead in reversed(facts) if lead.valid_from <= instant), facts[0])
        quote = authority({offer.quote_id: offer for offer in offers if offer.valid_from <= instant}.values())
        taken_by = absorbed.deal_id if absorbed and absorbed.at <= instant else None
        moments.append(Moment(instant, _content(lead, quote, standing, taken_by)))
    return moments


def _content(lead: LeadState, quote: QuoteState | None, standing: _Standing, taken_by: UUID | None) -> Content:
    return Content(
        connection=None,
        external_id=None,
        name=lead.company or "",
        state="open",
        pipeline="default",
        stage=STAGE,
        stage_entered_at=standing.entered,
        stage_probability=None,
        category="pipeline",
        category_by_person=False,
        gate="passed" if standing.qualified else "waiting",
        amount=quote.net_amount if quote else lead.amount,
        currency=quote.currency if quote else lead.currency,
        amount_from="quote" if quote else "lead",
        quote_id=quote.quote_id if quote else None,
        close_date=None,
        close_date_provisional=True,
        closed_on=None,
        created_at=standing.begins,
        owner_id=lead.owner_id,
        account_id=lead.account_id,
        lead_id=lead.lead_id,
        region=lead.region,
        market=lead.market,
        segment=lead.segment,
        product=lead.product,
        source=lead.source,
        deal_type="unmapped",
        value_basis="one_off",
        term_months=None,
        loss_reason=None,
        pushes=0,
        provisional=True,
        absorbed_into=taken_by,
        removed=taken_by is not None or lead.deleted or not standing.qualified,
    )
