"""A quote against the policy that holds, and what an approver is shown of its consequence."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.web.auth import Principal
from services.pricing.approvals import repository
from services.pricing.approvals.models import BudgetUse
from services.pricing.catalogue import service as catalogue
from services.pricing.catalogue.models import ProductRow
from services.pricing.config import business_day
from services.pricing.guidance import service as guidance
from services.pricing.guidance.models import Check, CheckedLine
from services.pricing.policies.judging import LineFacts, Policy, QuoteFacts, Reason, Verdict, judge
from services.pricing.policies.models import PolicyVersion
from services.pricing.policies.service import minimum
from services.pricing.quotes import offering
from services.pricing.quotes.models import DealReference, Quote, QuoteLine

_SYSTEM = Principal.system("pricing")
MOST_PRECEDENTS = 5


@dataclass(frozen=True, slots=True)
class Assessed:
    held: PolicyVersion
    check: Check
    facts: QuoteFacts
    verdict: Verdict


async def assess(
    session: AsyncSession,
    quote: Quote,
    lines: Sequence[QuoteLine],
    deal: DealReference,
    *,
    held: PolicyVersion,
    reason: Reason | None,
    principal: Principal,  # noqa: ARG001
) -> Assessed:
    """Judge a quote that the caller has found within its principal's scope; rules and floors are the company's."""
    check = await guidance.check_quote(session, quote.quote_id, minimum=minimum, principal=_SYSTEM)
    products = await catalogue.find_products(session, {line.product_id for line in lines}, principal=_SYSTEM)
    left = None
    if not held.is_starting and reason is not None:
        year = business_day(session).year
        used = await repository.used(session, year=year, but=quote.quote_id)
        left = held.policy.budget(year, reason, quote.currency) - used.get(
            (reason, quote.currency, "approved"), Decimal()
        )
    facts = QuoteFacts(
        tuple(
            _line(line, check.lines[place], products.get(line.product_id), quote) for place, line in enumerate(lines)
        ),
        quote.currency,
        deal.market,
        deal.segment,
        quote.payment_days,
        quote.term_months,
        left,
    )
    return Assessed(held, check, facts, judge(held.policy, facts))


def _line(line: QuoteLine, checked: CheckedLine, product: ProductRow | None, quote: Quote) -> LineFacts:
    (fall, *_), _ = offering.waterfalls(quote, [line])
    guided = checked.guided
    return LineFacts(
        label=checked.product,
        family=product.state.line if product and product.state else None,
        listed=fall.list_amount or None,
        paid=fall.paid,
        pocket=fall.pocket,
        cost=fall.cost_amount,
        floor=guided.edges.floor if guided.edges else guided.minimum,
        minimum=guided.minimum,
    )


async def budgets(session: AsyncSession, policy: Policy, *, year: int, principal: Principal) -> list[BudgetUse]:  # noqa: ARG001
    """Every budget of a year with what is used and asked; the budgets are the company's."""
    used = await repository.used(session, year=year)
    places = {(each.reason, each.currency) for each in policy.budgets if each.year == year}
    places |= {(reason, currency) for reason, currency, _ in used}  # type: ignore[misc]
    return [
        BudgetUse(
            year,
            reason,
            currency,
            policy.budget(year, reason, currency),
            used.get((reason, currency, "approved"), Decimal()),
            used.get((reason, currency, "open"), Decimal()),
        )
        for reason, currency in sorted(places)
    ]


async def consequence(
    session: AsyncSession,
    quote: Quote,
    lines: Sequence[QuoteLine],
    deal: DealReference,
    assessed: Assessed,
    *,
    principal: Principal,
) -> dict[str, Any]:
    """What follows from agreeing, as it goes out by HTTP: margin beside the planned one, price beside the segment's median, the deal's
    amount in the forecast before and after, the exception budget, and what was agreed to before.
    """
    _, whole = offering.waterfalls(quote, lines)
    check, facts = assessed.check, assessed.facts
    planned = assessed.held.policy.planned_margin(deal.market, deal.segment)
    before = deal.amount if deal.currency in (None, quote.currency) else None
    found = await repository.precedents(
        session,
        quote.quote_id,
        products=sorted({line.product_id for line in lines}),
        market=deal.market,
        segment=deal.segment,
        limit=MOST_PRECEDENTS,
        principal=principal,
    )
    return {
        "margin": _text(whole.margin),
        "margin_share": _share(whole.margin_share),
        "planned_margin": _text(planned),
        "ratio": _text(check.ratio),
        "floor": _text(check.edges.floor if check.edges else None),
        "median": _text(check.edges.target if check.edges else None),
        "amount_before": _text(before),
        "amount_after": _text(quote.net_amount),
        "amount_change": _text(None if before is None else quote.net_amount - before),
        "currency": quote.currency,
        "shortfall": _text(assessed.verdict.shortfall),
        "budget_left": _text(facts.budget_left),
        "precedents": [
            {
                "quote_id": str(each.quote_id),
                "deal_id": str(each.deal_id),
                "deal": each.deal,
                "outcome": each.outcome,
                "net_amount": str(each.net_amount),
                "currency": each.currency,
                "discount": _text(each.discount),
                "level": each.level,
                "approved_at": each.approved_at.isoformat(),
            }
            for each in found
        ],
    }


def without_costs(shown: dict[str, Any]) -> dict[str, Any]:
    return shown | {"margin": None, "margin_share": None, "planned_margin": None}


def _text(value: Decimal | None) -> str | None:
    return None if value is None else str(value)


def _share(value: Decimal | None) -> str | None:
    return None if value is None else str(value.quantize(Decimal("0.0001")))
