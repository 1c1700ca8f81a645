"""What a request is made of: its steps, what was approved before, the hash of all that is seen, and findings and pairs as they are kept."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson

from libs.common.ids import new_id
from services.pricing.approvals.models import Request, Step
from services.pricing.approvals.steps import Decided, Difference, Pair, Planned
from services.pricing.policies.judging import Finding, Reason, Verdict
from services.pricing.policies.models import PolicyVersion
from services.pricing.quotes.models import Quote


def asks_the_same(one: Request, other: Request) -> bool:
    names = ("revision", "policy_version", "findings", "reason", "pairs")
    return all(getattr(one, name) == getattr(other, name) for name in names)


def decided_before(earlier: Sequence[Request], steps: dict[UUID, list[Step]]) -> list[Decided[UUID]]:
    """The newest approval of each authority, whatever became of the request."""
    kept: dict[str, Decided[UUID]] = {}
    for request in earlier:
        for step in steps[request.request_id]:
            if step.state in ("approved", "carried") and step.decided_by is not None:
                inputs = {name: None if value is None else Decimal(value) for name, value in step.inputs.items()}
                ref = step.carried_from or request.request_id
                kept.setdefault(
                    step.authority, Decided(step.authority, inputs, step.decided_by, step.on_behalf_of, ref)
                )
            elif step.state == "rejected":
                kept.setdefault(step.authority, Decided(step.authority, {}, "", None, request.request_id))
    return [each for each in kept.values() if each.decided_by]


def steps_of(request: Request, planned: Sequence[Planned[UUID]], at: datetime, hours: int) -> list[Step]:
    """Carried steps are done; of the others the first stage is asked and the rest wait."""
    first = min((each.stage for each in planned if each.carried is None), default=0)
    made = []
    for number, each in enumerate(planned, 1):
        asked = each.carried is None and each.stage == first
        inputs = each.carried.inputs if each.carried else each.inputs
        made.append(
            Step(
                request_id=request.request_id,
                number=number,
                stage=each.stage,
                authority=each.authority,
                state="carried" if each.carried else "asked" if asked else "waiting",
                inputs={name: None if value is None else str(value) for name, value in inputs.items()},
                asked_at=at if asked else None,
                due_at=at + timedelta(hours=hours) if asked else None,
                escalated_at=None,
                carried_from=each.carried.ref if each.carried else None,
                decided_by=each.carried.decided_by if each.carried else None,
                on_behalf_of=each.carried.on_behalf_of if each.carried else None,
                decided_at=None,
            )
        )
    return made


def request_of(
    quote: Quote,
    held: PolicyVersion,
    verdict: Verdict,
    differences: Sequence[Difference],
    authors: list[str],
    reason: Reason | None,
    note: str,
    pairs: Sequence[Pair],
    submitted_by: str,
    at: datetime,
    year: int,
) -> Request:
    request = Request(
        request_id=new_id(),
        version=1,
        quote_id=quote.quote_id,
        revision=quote.revision,
        content_hash=quote.content_hash,
        policy_version=held.version,
        level=verdict.level,
        state="open",
        findings=[finding_as_text(each) for each in verdict.findings],
        differences=[difference_as_text(each) for each in differences],
        reason=reason,
        note=note,
        pairs=[pair_as_text(each) for each in pairs],
        shortfall=verdict.shortfall,
        currency=quote.currency,
        year=year,
        seen="",
        authors=authors,
        submitted_by=submitted_by,
        submitted_at=at,
        closed_at=None,
    )
    content = [
        str(request.request_id),
        request.content_hash,
        request.policy_version,
        request.level,
        request.findings,
        request.differences,
        request.reason,
        request.note,
        request.pairs,
    ]
    return replace(request, seen=hashlib.sha256(orjson.dumps(content)).hexdigest())


def pair_as_text(each: Pair) -> dict[str, Any]:
    return asdict(each) | {"value": None if each.value is None else str(each.value)}


def pair_of(text: Mapping[str, Any]) -> Pair:
    """A pair as it was kept."""
    return Pair(**{**text, "value": None if text["value"] is None else Decimal(text["value"])})


def finding_as_text(each: Finding) -> dict[str, Any]:
    return {
        "measure": each.measure,
        "subject": each.subject,
        "value": None if each.value is None else str(each.value.quantize(Decimal("0.000001"))),
        "limit": None if each.limit is None else str(each.limit),
        "level": each.level,
    }


def difference_as_text(each: Difference) -> dict[str, Any]:
    return {
        "authority": each.authority,
        "input": each.input,
        "before": None if each.before is None else str(each.before),
        "after": None if each.after is None else str(each.after),
        "is_new": each.is_new,
    }
