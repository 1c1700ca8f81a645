"""A region that calls: its people, their deals, and what they send by HTTP."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from libs.common.ids import unit_id
from tests.integration.forecast.given import deal, handle, named, organisation
from tests.support.keys import bearer

NOW = datetime(2024, 11, 20, 9, tzinfo=UTC)
NORTH, SOUTH, EMEA = unit_id("EMEA/North"), unit_id("EMEA/South"), unit_id("EMEA")
PERIOD = "2024Q4"


def seller(name: str, *, team: Any = NORTH) -> dict[str, str]:
    return bearer("seller", scope=(team,), subject=f"user:{named(name)}")


def manager(team: Any = NORTH, subject: str = "user:boss") -> dict[str, str]:
    return bearer("manager", scope=(team,), subject=subject)


CSO = bearer("cso", subject="user:cso")


async def a_region(database: Any) -> None:
    """North: ann (won 100, commit 200, pipeline 50) and bob (commit 400). South: cyd (commit 1000)."""
    await organisation(database, {"EMEA/North": ["ann", "bob"], "EMEA/South": ["cyd"]})
    won = {"state": "won", "category": None, "closed_on": date(2024, 10, 5)}
    await handle(
        database,
        [
            deal("ann won", owner_id=named("ann"), amount=Decimal(100), **won),
            deal("ann commit", owner_id=named("ann"), amount=Decimal(200)),
            deal("ann pipeline", owner_id=named("ann"), amount=Decimal(50), category="pipeline"),
            deal("bob commit", owner_id=named("bob"), amount=Decimal(400)),
            deal("cyd commit", owner_id=named("cyd"), amount=Decimal(1000)),
        ],
    )


async def post(client: Any, what: str, headers: dict[str, str], status: int = 201, **body: Any) -> dict[str, Any]:
    extra = {"Idempotency-Key": body.pop("key")} if "key" in body else {}
    answer = await client.post(f"/v1/forecast/{what}", json=body, headers=headers | extra)
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def get(client: Any, what: str, headers: dict[str, str] = CSO, **parameters: Any) -> dict[str, Any]:
    answer = await client.get(f"/v1/forecast/{what}", params=parameters, headers=headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found
