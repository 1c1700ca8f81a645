"""Imports against a real database: everything once, whatever happens in between."""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import text

from gateway.imports import service
from gateway.imports.reading.document import MappingDocument
from gateway.imports.reading.files import Files, locate
from gateway.imports.reading.load import parse_mapping
from gateway.imports.reading.stream import Batch, Stream
from libs.common.db import Database
from libs.common.ids import entity_id
from libs.common.web.auth import MissingRole, Principal

IMPORTER = Principal.system("import")

MAPPING = """
version: 1
name: small
connection: acme
currency: EUR
files:
  people: {match: people.csv}
  deals: {match: deals.csv}
stages: {Open: {category: pipeline}, Won: {state: won}}
records:
  - object: user
    file: people
    id: id
    person: {name: name, email: mail}
    fields: {team_path: team}
    changes: [{at: since}]
  - object: deal
    file: deals
    id: id
    fields: {amount: amount, owner_id: owner}
    changes:
      - {at: opened, fields: {stage: {constant: Open}}}
      - {at: closed, when: {stage: [Won]}, fields: {stage: stage}}
"""
DEALS = 25


@pytest.fixture
def document() -> MappingDocument:
    return parse_mapping(MAPPING, where="small")


@pytest.fixture
def files(tmp_path: Path, document: MappingDocument) -> Files:
    people = "id,name,mail,team,since\nu1,Ada Low,ada@acme.example,EMEA/North,2020-01-01\n"
    rows = "".join(
        f"d{n},{n}.5,u1,2024-01-01,{'2024-02-01' if n % 2 else ''},{'Won' if n % 2 else 'Open'}\n" for n in range(DEALS)
    )
    (tmp_path / "people.csv").write_text(people)
    (tmp_path / "deals.csv").write_text("id,amount,owner,opened,closed,stage\n" + rows + "bad,1,u1,,,Open\n")
    return locate(tmp_path, document)


async def rows_of(database: Database, sql: str) -> list[Any]:
    async with database.reading() as session:
        return list((await session.execute(text(sql))).mappings())


async def events_of(database: Database) -> list[dict[str, Any]]:
    rows = await rows_of(
        database, "SELECT type, key, topic, occurred_at, recorded_at, attributes, data FROM outbox ORDER BY position"
    )
    return [dict(row) | {"data": orjson.loads(row["data"])} for row in rows]


def content(events: list[dict[str, Any]]) -> Counter[tuple[str, str, str]]:
    """What was told, without when it was received."""
    return Counter((event["type"], str(event["key"]), event["data"]["clock"]["digest"]) for event in events)


class Killed(Exception):
    pass


def killing_after(batches: int) -> Callable[[Stream, Batch], None]:
    seen = 0

    def watch(_stream: Stream, _batch: Batch) -> None:
        nonlocal seen
        seen += 1
        if seen == batches:
            raise Killed

    return watch


async def test_an_import_that_is_killed_and_run_again_tells_everything_exactly_once(
    database_for: Callable[[str], Database], document: MappingDocument, files: Files
) -> None:
    whole, broken = database_for("gateway"), database_for("gateway")
    await service.run(whole, document, files, principal=IMPORTER, rows_per_batch=4)

    for _ in range(2):
        with pytest.raises(Killed):
            await service.run(broken, document, files, principal=IMPORTER, rows_per_batch=4, watch=killing_after(3))
    result = await service.run(broken, document, files, principal=IMPORTER, rows_per_batch=4)

    assert result.batches_resumed == 3
    assert result.batches_written == 4
    expected = content(await events_of(whole))
    assert content(await events_of(broken)) == expected
    assert expected.total() == 1 + DEALS + DEALS // 2
    assert max(expected.values()) == 1


async def test_a_failure_inside_a_batch_leaves_nothing_of_it(
    database_for: Callable[[str], Database], document: MappingDocument, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = database_for("gateway")

    def die(name: str) -> None:
        if name == "gateway.import_batch_not_committed":
            raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(service.crash, "point", die)
        with pytest.raises(Killed):
            await service.run(database, document, files, principal=IMPORTER, rows_per_batch=4)
    assert await events_of(database) == []
    assert await rows_of(database, "SELECT id FROM person") == []
    assert await rows_of(database, "SELECT batch_no FROM import_batch") == []

    await service.run(database, document, files, principal=IMPORTER, rows_per_batch=4)
    assert content(await events_of(database)).total() == 1 + DEALS + DEALS // 2


async def test_importing_the_same_files_again_does_nothing_and_says_so(
    database_for: Callable[[str], Database], document: MappingDocument, files: Files
) -> None:
    database = database_for("gateway")
    first = await service.run(database, document, files, principal=IMPORTER)
    before = await events_of(database)
    second = await service.run(database, document, files, principal=IMPORTER)

    assert first.stream is not None
    assert second.stream is None
    assert second.found.finished_at is not None
    assert await events_of(database) == before


async def test_a_raised_mapping_version_is_a_new_import_whose_records_supersede(
    database_for: Callable[[str], Database], document: MappingDocument, files: Files
) -> None:
    database = database_for("gateway")
    await service.run(database, document, files, principal=IMPORTER)
    again = await service.run(database, document.model_copy(update={"version": 2}), files, principal=IMPORTER)

    assert again.stream is not None
    versions = Counter(event["data"]["clock"]["mapping_version"] for event in await events_of(database))
    assert versions[1] == versions[2] > 0


async def test_names_and_mails_stay_in_the_gateway_and_never_travel(
    database_for: Callable[[str], Database], document: MappingDocument, files: Files
) -> None:
    database = database_for("gateway")
    await service.run(database, document, files, principal=IMPORTER)

    (person,) = await rows_of(database, "SELECT id, kind, name, email FROM person")
    assert dict(person) == {
        "id": entity_id("acme", "user", "u1"),
        "kind": "user",
        "name": "Ada Low",
        "email": "ada@acme.example",
    }
    told = b"".join(row["data"] for row in await rows_of(database, "SELECT data FROM outbox"))
    assert b"Ada" not in told
    assert b"ada@" not in told


async def test_a_newer_name_from_the_crm_survives_an_import_of_older_history(
    database_for: Callable[[str], Database], document: MappingDocument, files: Files
) -> None:
    database = database_for("gateway")
    async with database.transaction() as session:
        await session.execute(
            text(
                "INSERT INTO person (id, connection, kind, external_id, name, clock)"
                " VALUES (:id, 'acme', 'user', 'u1', 'Ada High', :clock)"
            ),
            {"id": entity_id("acme", "user", "u1"), "clock": datetime(2025, 1, 1, tzinfo=UTC)},
        )
    await service.run(database, document, files, principal=IMPORTER)

    assert [row["name"] for row in await rows_of(database, "SELECT name FROM person")] == ["Ada High"]


async def test_events_carry_the_change_time_and_where_they_came_from(
    database_for: Callable[[str], Database], document: MappingDocument, files: Files
) -> None:
    database = database_for("gateway")
    result = await service.run(database, document, files, principal=IMPORTER)
    user, *deals = await events_of(database)

    assert user["occurred_at"] == datetime(2020, 1, 1, 12, tzinfo=UTC)
    assert {event["topic"] for event in deals} == {"crm-changes"}
    assert deals[0]["attributes"] == {"cause": {"connection": "acme"}, "actor": "system:import"}
    assert all(event["data"]["reconstructed"] for event in deals)
    assert {event["data"]["received_at"] for event in deals} == {
        result.found.started_at.isoformat().replace("+00:00", "Z")
    }


async def test_two_runs_at_once_write_every_batch_once(
    database_for: Callable[[str], Database], document: MappingDocument, files: Files
) -> None:
    database = database_for("gateway")
    first, second = await asyncio.gather(
        *(service.run(database, document, files, principal=IMPORTER, rows_per_batch=4) for _ in range(2))
    )

    assert first.batches_written + second.batches_written == 7
    written = content(await events_of(database))
    assert written.total() == 1 + DEALS + DEALS // 2
    assert max(written.values()) == 1


async def test_what_was_imported_is_listed_with_its_counts_and_business_date(
    database_for: Callable[[str], Database], document: MappingDocument, files: Files
) -> None:
    database = database_for("gateway")
    await service.run(database, document, files, principal=IMPORTER)
    async with database.reading() as session:
        (found,) = await service.listing(session, principal=IMPORTER, before=None, limit=10)

    assert found.business_date == date(2024, 2, 1)
    assert found.files == ["deals.csv", "people.csv"]
    assert found.counts["deals"] == {"open": 13, "won": 12}
    assert found.counts["refused"] == {"opened: no date: cannot be placed in time": 1}


async def test_a_viewer_may_not_import(
    database_for: Callable[[str], Database], document: MappingDocument, files: Files
) -> None:
    viewer = Principal("viewer@acme.example", frozenset({"viewer"}), ())
    with pytest.raises(MissingRole):
        await service.run(database_for("gateway"), document, files, principal=viewer)
