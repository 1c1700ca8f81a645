"""Those whose rights were last changed before that was told at all are told once, when the gateway starts anew."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text

from gateway.auth import service
from gateway.auth.keeping import tell_untold
from libs.common import migrations
from libs.common.db import Database
from libs.common.events.crm import CrmRightsChanged
from libs.common.ids import ROOT_UNIT, new_id
from libs.common.process import runtime_for
from libs.common.runtime import Runtime
from tests.integration.pricing.desk import MANAGER, TEAM, open_desk
from tests.integration.pricing.given import handle, received
from tests.integration.pricing.test_delegated_rights import delegated, waiting
from tests.support.databases import DatabaseServer, component_of
from tests.support.keys import bearer

LONG_AGO = datetime(2025, 5, 5, tzinfo=UTC)
GIVER, LEFT = new_id(), new_id()


async def _told(database: Database) -> list[CrmRightsChanged]:
    async with database.reading() as session:
        rows = await session.execute(
            text("SELECT data FROM outbox WHERE type = 'crm.rights.changed.v1' ORDER BY txid, position")
        )
        return [CrmRightsChanged.model_validate(orjson.loads(row.data)) for row in rows]


async def _from_before(server: DatabaseServer, name: str) -> Runtime:
    """A gateway's database with people and keys from before rights were told, brought to the newest revision."""
    server.postgres.create_database(name)
    url = server.postgres.url(name, owner=True)
    await asyncio.to_thread(asyncio.run, migrations.upgrade("gateway", url, "0017"))
    settings = server.settings("gateway", name)
    runtime = runtime_for(component_of("gateway"), settings)
    user = text(
        "INSERT INTO app_user (user_id, email, name, roles, scope, is_active, created_at) VALUES (:id, :email, '', :roles, :scope, :active, :at)"
    )
    key = text(
        "INSERT INTO api_key (key_id, fingerprint, name, roles, scope, created_at, revoked_at) VALUES (:id, :f, :name, '{manager}', :scope, :at, :revoked)"
    )
    async with runtime.database.transaction() as session:
        for each, role, active in ((GIVER, "seller", True), (LEFT, "cso", False)):
            given = {"id": each, "email": f"{each}@example.com", "roles": [role], "scope": [TEAM], "active": active}
            await session.execute(user, given | {"at": LONG_AGO})
        for name_, mark, revoked in (("robot", b"a", LONG_AGO), ("robot", b"b", None), ("gone", b"c", LONG_AGO)):
            given = {"id": new_id(), "f": mark, "name": name_, "scope": [ROOT_UNIT], "at": LONG_AGO}
            await session.execute(key, given | {"revoked": revoked})
    await asyncio.to_thread(asyncio.run, migrations.upgrade("gateway", url))
    return runtime


async def test_what_people_may_do_is_told_once_of_those_from_before_and_cuts_what_they_delegated(
    database_server: DatabaseServer, api_for: Callable[..., Any]
) -> None:
    runtime = await _from_before(database_server, "gateway_from_before")
    desk = await open_desk(api_for)
    giver = bearer("manager", subject=f"user:{GIVER}", scope=(TEAM,))
    assert giver != MANAGER
    await delegated(desk, giver)
    assert await waiting(desk) == 1
    for _ in range(2):
        await tell_untold(runtime)
    told = await _told(runtime.database)
    assert {(each.subject, each.roles) for each in told} == {
        (f"user:{GIVER}", ("seller",)), (f"user:{LEFT}", ()), ("key:robot", ("manager",)), ("key:gone", ()),
    }  # fmt: skip
    assert len(told) == 4, "once"
    for each in told:
        await handle(desk.database, received(each, new_id(), each.version))
    assert await waiting(desk) == 0, "the giver is a seller now, so nothing of the manager's is delegated"
    await runtime.database.close()


async def test_a_change_that_is_told_goes_before_what_is_told_of_before_and_nobody_is_told_twice(
    database_server: DatabaseServer,
) -> None:
    runtime = await _from_before(database_server, "gateway_from_before_too")
    async with runtime.database.transaction() as session:
        await service.create_link(session, f"{LEFT}@example.com", role="finance")
    await tell_untold(runtime)
    told = await _told(runtime.database)
    assert [each.roles for each in told if each.subject == f"user:{LEFT}"] == [("finance",)]
    changed = next(each for each in told if each.subject == f"user:{LEFT}")
    assert all(each.version < changed.version for each in told if each is not changed)
    assert UUID(changed.subject.removeprefix("user:")) == LEFT
    await runtime.database.close()
