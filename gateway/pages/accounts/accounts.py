"""The pages on accounts: what is open, what of it is at risk; and one account with its people, promises and deals."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Annotated, Any, Literal
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from gateway.auth.dependencies import CurrentUser
from gateway.pages.accounts.promised import promised_in_return
from gateway.pages.accounts.whitespace import MAY_ACT, STATES
from gateway.pages.names import names_of
from gateway.pages.templates import page
from gateway.proxy.client import services_of
from libs.common.ids import new_id
from libs.common.web.api import Reading

router = APIRouter(include_in_schema=False)

REASONS = {
    "single_threaded": "one thread",
    "no_thread": "no thread",
    "silent": "silent for 30 days",
    "cover_lapsed": "executive cover lapsed",
}
DIRECTIONS = {"ours": "we spoke", "theirs": "they spoke", "both": "both spoke"}
Word = Annotated[str, Query(max_length=200)]


@dataclass(frozen=True)
class AccountsView:
    """What the address asks for."""

    q: str = ""
    tier: str = ""
    region: str = ""
    at_risk: str = ""
    cursor: str = ""

    def asked(self, **changes: str) -> dict[str, str]:
        """The parameters of the API."""
        return {name: value for name, value in asdict(replace(self, **changes)).items() if value}

    def href(self, **changes: str) -> str:
        """The address of this view with changes; on its first page unless a cursor is named."""
        given = self.asked(**({"cursor": ""} | changes))
        return f"/accounts?{urlencode(given)}" if given else "/accounts"


def accounts_view(
    q: Word = "",
    tier: Word = "",
    region: Word = "",
    at_risk: Literal["", "true"] = "",
    cursor: Annotated[str, Query(max_length=500)] = "",
) -> AccountsView:
    return AccountsView(q, tier, region, at_risk, cursor)


@router.get("/accounts")
async def accounts(
    request: Request, principal: CurrentUser, view: Annotated[AccountsView, Depends(accounts_view)]
) -> Response:
    """Accounts by name with what is open and what of it hangs on few, silent or lapsed relationships."""
    found = await services_of(request).get("deals", "accounts/cover", principal=principal, params=view.asked())
    csv = urlencode(view.asked(cursor=""))
    return page(
        request,
        "accounts/accounts.html",
        view=view,
        found=found,
        reasons=REASONS,
        csv_href=f"/api/v1/accounts/cover.csv?{csv}" if csv else "/api/v1/accounts/cover.csv",
        next_href=view.href(cursor=found["next_cursor"]) if found["next_cursor"] else None,
    )


@router.get("/accounts/{account_id}")
async def account(
    request: Request,
    session: Reading,
    principal: CurrentUser,
    account_id: UUID,
    opened: UUID | None = None,
    refused: Annotated[str, Query(max_length=500)] = "",
) -> Response:
    """One account: hierarchy, people by role, who spoke with whom, promises, executives, open deals and white space.

    `opened`: the deal that was just opened here; `refused`: why what was said of a product was not taken.
    """
    services, at = services_of(request), f"accounts/{account_id}"

    async def read(path: str, **params: str) -> dict[str, Any]:
        return await services.get("deals", path, principal=principal, params=params)

    known, people, relationship, touched, promises, pairs, deals, below, space, in_return = await asyncio.gather(
        read(at),
        read(f"{at}/contacts"),
        read(f"{at}/relationship"),
        read(f"{at}/touchpoints", limit="50"),
        read(f"{at}/commitments"),
        read(f"{at}/cover"),
        read("deals", account=str(account_id), state="open", limit="100"),
        read("accounts/cover", parent=str(account_id), limit="100"),
        read(f"{at}/whitespace"),
        promised_in_return(request, account_id, principal=principal),
    )
    above = await read(f"accounts/{known['parent_id']}") if known["parent_id"] else None
    names = await names_of(session, _people(people, touched, promises, pairs, deals), principal=principal)
    told = {each["contact_id"]: each["person"]["name"] for each in people["items"] if each["person"]}
    return page(
        request,
        "accounts/account.html",
        account=known,
        above=above,
        below=below["items"],
        contacts=people["items"],
        relationship=relationship,
        touched=touched["items"],
        promises=promises,
        in_return=in_return,
        pairs=pairs["items"],
        deals=deals["items"],
        more_deals=bool(deals["next_cursor"]),
        deal_names={each["deal_id"]: each["name"] for each in deals["items"]},
        directions=DIRECTIONS,
        cells=space["cells"],
        states=STATES,
        may_act=bool(principal.roles & MAY_ACT),
        once=str(new_id()),
        opened=str(opened) if opened else None,
        refused=refused,
        names={str(key): name for key, name in names.items()} | told,
    )


def _people(*readings: Mapping[str, Any]) -> set[UUID]:
    """Everybody whom the readings name, ours and theirs."""
    found: set[str | None] = set()
    for each in (item for reading in readings for item in _items(reading)):
        found |= {each.get(name) for name in ("contact_id", "owner_id")}
        found |= {*_listed(each.get("ours")), *_listed(each.get("contacts")), *_listed(each.get("theirs"))}
    return {UUID(identifier) for identifier in found if identifier}


def _items(reading: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    items: list[Mapping[str, Any]] = reading["items"]
    return items


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value] if value else []
