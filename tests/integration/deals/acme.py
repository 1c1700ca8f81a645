"""Two accounts whose deals belong to two teams, and what is asked of the deals service about them."""

from datetime import datetime, timedelta
from typing import Any

from libs.common import clock
from libs.common.events.crm import CrmAccountChanged, RecordClock
from libs.common.ids import entity_id, unit_id
from tests.integration.deals.books import apply
from tests.support.keys import bearer
from tests.unit.deals.given import START, day, deal_id, record, user, user_id

ACCOUNT = entity_id("crm", "account", "acme")
OTHER = entity_id("crm", "account", "other")
NORTH = bearer("seller", scope=(unit_id("EMEA/North"),), subject="nora")
SOUTH = bearer("seller", scope=(unit_id("EMEA/South"),), subject="sam")
OPS = bearer("sales_ops", subject="olga")


def account(name: str, **fields: Any) -> CrmAccountChanged:
    return CrmAccountChanged(
        connection="crm",
        external_id=name,
        account_id=entity_id("crm", "account", name),
        name=name.title(),
        clock=RecordClock(crm_time=START),
        received_at=START,
        **fields,
    )


async def world(runtime: Any) -> None:
    """Acme with a deal of North, another account with none, and South which has nothing to do with either."""
    async with runtime.database.transaction() as session:
        people = [user(START, "nora", team_path="EMEA/North"), user(START, "sam", team_path="EMEA/South")]
        deals = [record(day(0), "D", account_id=ACCOUNT, owner_id=user_id("nora"))]
        deals.append(record(day(0), "E", account_id=ACCOUNT, owner_id=user_id("sam")))
        deals.append(record(day(0), "S", account_id=OTHER, owner_id=user_id("sam")))
        await apply(session, [*people, account("acme"), account("other"), *deals])


async def ok(answer: Any) -> Any:
    found = await answer
    assert found.is_success, found.text
    return found.json()


def ago(days: float) -> datetime:
    return (clock.now() - timedelta(days=days)).replace(microsecond=0)


def spoke(days: float, *names: Any, direction: str = "both", **of: Any) -> dict[str, Any]:
    of = of or {"deal_id": str(deal_id("D"))}
    return {
        "at": ago(days).isoformat(),
        "kind": "call",
        "direction": direction,
        "contacts": [str(n) for n in names],
        **of,
    }
