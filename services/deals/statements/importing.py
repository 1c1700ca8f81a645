"""Statements of many deals at once, out of a file: what cannot be kept is told by line and column, and costs no other."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.web.auth import Principal, require
from services.deals.statements import service
from services.deals.statements.models import Wanted
from services.deals.statements.schemas import LoadOut, ResultOut


@dataclass(frozen=True, slots=True)
class Told:
    """A statement of a file: `wanted`, or the column and the reason why it cannot be."""

    line: int
    deal_id: str
    about: str
    wanted: Wanted | None
    column: str | None = None
    reason: str | None = None


async def take(session: AsyncSession, told: Sequence[Told], *, dry_run: bool, principal: Principal) -> LoadOut:
    """Keep what can be kept and is not what stands already; `dry_run` keeps nothing. Raises MissingRole."""
    require(principal, *service.WRITERS)
    wanted = [each.wanted for each in told if each.wanted is not None]
    deals = await service.held(session, {each.deal_id for each in wanted}, principal=principal)
    parts = sorted({each.part for each in wanted})
    standing = {
        (each.deal_id, each.part, each.subject): each.said
        for each in await service.standing(session, deals, parts, principal=principal)
    }
    results: list[ResultOut] = []
    kept: list[Wanted] = []
    for each in told:
        outcome, column, reason = "refused", each.column, each.reason
        if each.wanted is not None and each.wanted.deal_id not in deals:
            column, reason = "deal_id", f"No deal {each.deal_id} is known to you."
        elif each.wanted is not None:
            place = (each.wanted.deal_id, each.wanted.part, each.wanted.subject)
            outcome = "unchanged" if standing.get(place) == each.wanted.said else "kept"
            kept += [each.wanted] if outcome == "kept" else []
        results.append(
            ResultOut.model_validate(
                {"line": each.line, "deal_id": each.deal_id, "about": each.about, "outcome": outcome}
                | {"column": column, "reason": reason}
            )
        )
    if kept and not dry_run:
        await service.keep(session, kept, principal=principal)
    counts = {name: sum(each.outcome == name for each in results) for name in ("kept", "unchanged", "refused")}
    return LoadOut(tried=dry_run, results=results, **counts)


def mistake(error: ValidationError) -> tuple[str, str]:
    """The column and the reason of what is wrong first."""
    first = error.errors()[0]
    named = [str(each) for each in first["loc"] if isinstance(each, str)]
    return named[-1] if named else "line", first["msg"].removeprefix("Value error, ")
