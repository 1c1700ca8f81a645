"""A file of costs: a campaign, day and amount per row, each row taken or refused for itself."""

import csv
import io
from typing import Any

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.web.auth import Principal, require
from libs.common.web.errors import Invalid
from services.leads.campaigns import service
from services.leads.campaigns.schemas import CostFileOut, CostRowIn, RefusedOut

MOST_ROWS = 5000
COLUMNS = ("campaign", "day", "amount", "currency", "source", "channel", "market")


class UnreadableCosts(Invalid):
    """The file is not CSV with a header of known columns, or too long."""


async def load(session: AsyncSession, content: bytes, *, principal: Principal) -> CostFileOut:
    """Take the costs of a CSV file; the same file again changes nothing. Raises UnreadableCosts, and then takes nothing.

    A cell without an amount is no cost of 0: such a row is refused.
    """
    require(principal, *service.WRITERS)
    taken: list[CostRowIn] = []
    refused: list[RefusedOut] = []
    for number, row in enumerate(_rows(content), 2):
        try:
            taken.append(CostRowIn.model_validate(row))
        except ValidationError as wrong:
            refused += [
                RefusedOut(
                    row=number,
                    field=str(each["loc"][0]).replace("name", "campaign") if each["loc"] else "",
                    message=each["msg"],
                )
                for each in wrong.errors()
            ]
    await service.add_cost_rows(session, taken, principal=principal)
    return CostFileOut(taken=len(taken), refused=refused)


def _rows(content: bytes) -> list[dict[str, Any]]:
    try:
        reader = csv.DictReader(io.StringIO(content.decode("utf-8-sig")), strict=True)
        given = set(reader.fieldnames or ())
        if given - set(COLUMNS) or not {"campaign", "day", "amount", "currency"} <= given:
            raise UnreadableCosts(
                f"The header is {', '.join(reader.fieldnames or ()) or 'empty'}; a file of costs has campaign, day, amount, "
                "currency and any of source, channel, market."
            )
        rows = list(reader)
    except (UnicodeDecodeError, csv.Error) as error:
        raise UnreadableCosts(f"This is not a CSV file in UTF-8: {error}.") from None
    if len(rows) > MOST_ROWS:
        raise UnreadableCosts(
            f"The file has {len(rows)} rows; at most {MOST_ROWS} are taken at once. Send it in parts."
        )
    return [
        {
            "name" if name == "campaign" else str(name): cell.strip()
            for name, cell in row.items()
            if isinstance(cell, str) and cell.strip()
        }
        for row in rows
    ]
