"""The executive brief: one printable page on an account, each line linked to where it is known from."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from gateway.auth.dependencies import CurrentUser
from gateway.pages.accounts.accounts import DIRECTIONS
from gateway.pages.accounts.promised import promised_in_return
from gateway.pages.accounts.whitespace import STATES
from gateway.pages.names import names_of
from gateway.pages.templates import page
from gateway.proxy.client import services_of
from libs.common.signals import SIGNALS
from libs.common.web.api import Reading

router = APIRouter(include_in_schema=False)

DEALS: Final = 5
PEOPLE: Final = 6
LINES: Final = 4
SHOWN_DAYS: Final = 90
WIDE: Final = 600
UNDONE: Final = ("overdue", "open")
NAMES: Final = {each.key: each.name for each in SIGNALS}


@dataclass(frozen=True, slots=True)
class Talk:
    """A talk on the line of the last 90 days, `x` from its left."""

    x: str
    direction: str
    label: str


@router.get("/accounts/{account_id}/brief")
async def brief(request: Request, session: Reading, principal: CurrentUser, account_id: UUID) -> Response:
    """Who they are, how close we are, what is open and how it stands, what was promised, and what changed."""
    services, at = services_of(request), f"accounts/{account_id}"

    async def read(path: str, **params: str) -> dict[str, Any]:
        return await services.get("deals", path, principal=principal, params=params)

    known, people, relationship, touched, promises, pairs, deals, space, sources, in_return = await asyncio.gather(
        read(at),
        read(f"{at}/contacts"),
        read(f"{at}/relationship"),
        read(f"{at}/touchpoints", limit="100"),
        read(f"{at}/commitments"),
        read(f"{at}/cover"),
        read("deals", account=str(account_id), state="open", limit="100"),
        read(f"{at}/whitespace"),
        read(f"{at}/brief"),
        promised_in_return(request, account_id, principal=principal),
    )
    above = await read(f"accounts/{known['parent_id']}") if known["parent_id"] else None
    active = sorted((each for each in people["items"] if each["active"]), key=_by_part)
    undone = [each for each in promises["items"] if each["state"] in UNDONE]
    open_deals = sorted(deals["items"], key=lambda each: -Decimal(each["amount"] or 0))
    named = {each["owner_id"] for each in (*open_deals, *undone)} | {each["contact_id"] for each in active}
    named |= {who for pair in pairs["items"] for who in (pair["ours"], pair["theirs"])}
    named |= {who for touch in touched["items"][:LINES] for who in (*touch["ours"], *touch["contacts"])}
    names = await names_of(session, {UUID(each) for each in named if each}, principal=principal)
    told = {each["contact_id"]: each["person"]["name"] for each in people["items"] if each["person"]}
    return page(
        request,
        "accounts/brief.html",
        account=known,
        above=above,
        record=_record(sources["record"], account_id),
        as_of=sources["as_of"],
        open=_sums(open_deals),
        deals=open_deals,
        sources={each["deal_id"]: each for each in sources["deals"]},
        people=active,
        relationship=relationship,
        touched=touched["items"],
        talks=talks(touched["items"], datetime.fromisoformat(sources["as_of"])),
        promises=promises,
        undone=undone,
        in_return=in_return,
        unanswered=[each for each in in_return["items"] if each["state"] == "not_known"],
        pairs=pairs["items"],
        space=_by_state(space["cells"]),
        changes=sources["changes"],
        deal_names={each["deal_id"]: each["name"] for each in open_deals},
        directions=DIRECTIONS,
        states=STATES,
        signal_names=NAMES,
        names={str(key): name for key, name in names.items()} | told,
        most={"deals": DEALS, "people": PEOPLE, "lines": LINES},
    )


def talks(touched: Sequence[Mapping[str, Any]], now: datetime) -> list[Talk]:
    """The talks of the last 90 days on a line that ends now."""
    found = []
    for each in touched:
        before = now - datetime.fromisoformat(each["at"])
        if timedelta() <= before <= timedelta(days=SHOWN_DAYS):
            x = WIDE - 6 - before / timedelta(days=SHOWN_DAYS) * (WIDE - 12)
            found.append(Talk(f"{x:.1f}", each["direction"], f"{each['kind']}, {DIRECTIONS[each['direction']]}"))
    return found


def _record(known: Mapping[str, str] | None, account_id: UUID) -> str | None:
    """Where what a CRM says of an account is shown; its own record is kept of deals and leads only."""
    return None if known is None else f"/accounts/{account_id}"


def _sums(deals: Sequence[Mapping[str, Any]]) -> list[tuple[str, Decimal]]:
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    for each in deals:
        if each["amount"] is not None and each["currency"] is not None:
            sums[each["currency"]] += Decimal(each["amount"])
    return sorted(sums.items())


def _by_state(cells: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    return {state: found for state in STATES if (found := [each for each in cells if each["state"] == state])}


def _by_part(contact: Mapping[str, Any]) -> tuple[bool, str]:
    """Those with a part in a deal first."""
    return not contact["roles"], str(contact["contact_id"])
