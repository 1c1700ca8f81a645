"""Teams with people in a leads database, and leads that nobody owns."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from libs.common import clock
from libs.common.db import Database
from libs.common.events.deals import PersonPlaced, UnitChanged
from libs.common.ids import ROOT_UNIT, new_id
from libs.common.web.auth import Principal
from services.leads.assignment import service as assignment
from tests.integration.leads.given import AT, handle, received
from tests.support.keys import bearer
from tests.unit.leads.records import record

NORTH, SOUTH = UUID(int=901), UUID(int=902)
ANN, BOB, CLEO, LEADER, CHIEF = (UUID(int=number) for number in (911, 912, 913, 920, 930))
SYSTEM = Principal.system("leads")
OPS = bearer("sales_ops", subject="olga")
ALWAYS_OPEN = {"works_on": [1, 2, 3, 4, 5, 6, 7], "works_from": "00:00", "works_until": "24:00"}
"""Working time that does not depend on when a test runs."""


async def place(database: Database) -> None:
    """Ann, Bob and Cleo sell in North under a leader of their unit, who reports to a chief above."""
    units = [(NORTH, "North"), (SOUTH, "South")]
    await handle(
        database,
        *(
            received(
                UnitChanged(unit_id=unit, version=1, valid_from=AT, parent_id=ROOT_UNIT, name=name, kind="team"), unit
            )
            for unit, name in units
        ),
    )
    people = [(ANN, NORTH, LEADER), (BOB, NORTH, LEADER), (CLEO, NORTH, LEADER), (LEADER, NORTH, CHIEF)]
    await handle(database, *(placed(*each) for each in (*people, (CHIEF, ROOT_UNIT, None))))


def placed(person_id: UUID, unit_id: UUID, manager_id: UUID | None, version: int = 1, **fields: Any) -> Any:
    data = PersonPlaced(
        person_id=person_id, version=version, valid_from=AT, unit_id=unit_id, manager_id=manager_id, **fields
    )
    return received(data, person_id, version)


def lead(
    lead_id: UUID | None = None, *, ago: timedelta = timedelta(), at: datetime | None = None, **fields: Any
) -> Any:
    """A lead of grade A3 from the German market, owned by nobody unless `fields` say so."""
    lead_id, at = lead_id or new_id(), at or clock.now() - ago
    strong = {"employees": 5000, "industry": "software", "role": "CFO", "engagement_count": 9, "last_activity_at": at}
    found = record(1, **(strong | {"market": "DE", "created_at": at, "company": "Acme"} | fields))
    timed = found.model_copy(
        update={
            "lead_id": lead_id,
            "external_id": str(lead_id),
            "clock": found.clock.model_copy(update={"crm_time": at}),
        }
    )
    return received(timed, lead_id)


async def send(client: Any, method: str, path: str, body: Any = None, status: int = 200, headers: Any = OPS) -> Any:
    answer = await client.request(method, f"/v1/leads/{path}", json=body, headers=headers)
    assert answer.status_code == status, answer.text
    return answer.json()


async def route(database: Database) -> int:
    async with database.transaction() as session:
        return await assignment.route_next(session, principal=SYSTEM)
