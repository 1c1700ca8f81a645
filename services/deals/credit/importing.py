"""Splits out of a file: a line per person, all lines of a deal and kind together."""

from uuid import UUID

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.web.auth import Principal
from libs.common.web.idempotency import sent
from services.deals.credit import repository
from services.deals.credit.schemas import SplitIn
from services.deals.credit.share import DoesNotAdd, Share, check_people, check_revenue
from services.deals.statements.importing import Told, mistake, take
from services.deals.statements.models import Wanted
from services.deals.statements.schemas import LoadOut
from services.deals.statements.table import Lines, grouped

COLUMNS = ("deal_id", "kind", "person_id", "share")


async def load(session: AsyncSession, body: bytes, *, dry_run: bool, principal: Principal) -> LoadOut:
    """Keep the splits of a file; `share` in (0, 1]. Raises UnreadableTable, MissingRole."""
    told = [_told(each, principal) for each in grouped(body, COLUMNS, by=("deal_id", "kind"))]
    named = {UUID(one["person_id"]) for each in told if each.wanted for one in each.wanted.said["shares"]}
    unknown = {str(person) for person in named - await repository.known(session, named)}
    checked = [_known(each, unknown) for each in told]
    return await take(session, checked, dry_run=dry_run, principal=principal)


def _told(lines: Lines, principal: Principal) -> Told:
    deal_id, kind = lines.key
    try:
        deal = UUID(deal_id)
    except ValueError:
        return Told(lines.line, deal_id, kind, None, "deal_id", f"{deal_id!r} is no id of a deal.")
    try:
        given = [{"person_id": row["person_id"], "share": row["share"]} for row in lines.rows]
        split = SplitIn.model_validate({"kind": kind, "shares": given})
        shares = [Share(each.person_id, each.share) for each in split.shares]
        (check_revenue if split.kind == "revenue" else check_people)(shares)
    except ValidationError as error:
        return Told(lines.line, deal_id, kind, None, *mistake(error))
    except DoesNotAdd as error:
        return Told(lines.line, deal_id, kind, None, "share", str(error))
    said = {"shares": [each.model_dump(mode="json") for each in split.shares]}
    request = sent("split", split.model_dump_json(), None, principal=principal)
    return Told(lines.line, deal_id, kind, Wanted(request, deal, split.kind, said))


def _known(told: Told, unknown: set[str]) -> Told:
    """The same, refused where it credits somebody whom nobody knows."""
    people = {each["person_id"] for each in told.wanted.said["shares"]} if told.wanted else set()
    nobody = min(people & unknown, default=None)
    if nobody is None:
        return told
    return Told(told.line, told.deal_id, told.about, None, "person_id", f"Nobody with the id {nobody} is known.")
