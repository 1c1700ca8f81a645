"""Taking an organisation over from CSV: what can be said is kept once, what cannot is named by line, column and value."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.ids import entity_id
from libs.common.messaging import outbox
from libs.common.web.auth import Principal, require
from libs.common.web.errors import Invalid
from services.deals.config import business_zone
from services.deals.organisation import found, kept, ledger
from services.deals.organisation.schemas import ImportOut, RefusedRow
from services.deals.organisation.standing import Statement
from services.deals.organisation.table import COLUMN_OF, Line, UnreadableTable, read

MOST = 5000


class UnreadableFile(Invalid):
    """The file as a whole is no such table."""


async def take(session: AsyncSession, body: bytes, *, dry_run: bool, principal: Principal) -> ImportOut:
    """Make the statements of a file; a line that cannot be is named and the others are made. The same line again changes nothing.

    Raises UnreadableFile when the header is not the one of such a file, or it has more than 5,000 lines.
    """
    require(principal, "sales_ops")
    try:
        lines = list(read(body, business_zone()))
    except UnreadableTable as error:
        raise UnreadableFile(str(error)) from None
    if len(lines) > MOST:
        raise UnreadableFile(f"The file has {len(lines)} lines; send at most {MOST} at once.")
    await kept.lock(session)
    at = await outbox.stamp(session)
    said: dict[UUID, tuple[Line, Statement]] = {}
    for line in lines:
        if line.values is not None:
            identifier = entity_id("foretell", "org_statement_line", repr(sorted(line.values.items(), key=str)))
            said.setdefault(
                identifier,
                (line, Statement(statement_id=identifier, recorded_at=at, position=line.number, **line.values)),
            )
    known = await kept.digests(session, list(said))
    wanted = [statement for identifier, (_, statement) in said.items() if identifier not in known]
    refused = {line.number: _row(line, line.refusal) for line in lines if line.refusal is not None}
    if wanted:
        admission = await found.admission(session, wanted, principal=principal)
        for identifier, why in admission.refused.items():
            line = said[identifier][0]
            column = COLUMN_OF.get(why.field, why.field)
            refused[line.number] = RefusedRow(
                line=line.number, column=column, value=line.cells.get(column), reason=why.reason
            )
        wanted = admission.admitted
        if not dry_run:
            await ledger.keep(session, dict.fromkeys(wanted, "imported"), principal=principal)
    now = clock.now()
    return ImportOut(
        dry_run=dry_run,
        rows=len(lines),
        accepted=len(wanted),
        planned=sum(statement.valid_from > now for statement in wanted),
        known=len(lines) - len(refused) - len(wanted),
        refused=[refused[number] for number in sorted(refused)],
    )


def _row(line: Line, refusal: object) -> RefusedRow:
    return RefusedRow.model_validate(
        {"line": line.number, **{name: getattr(refusal, name) for name in ("column", "value", "reason")}}
    )
