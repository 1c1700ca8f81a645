"""Bringing a component's database to its newest revision, and what migrations need for that."""

import asyncio
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from libs.common.revisions import folder_of

LOCK = 0x466F7265
"""Key of the advisory lock that lets only one process migrate a database at a time."""


def config_for(package: str) -> Config:
    """Alembic's configuration of a component, e.g. `services.deals`."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "alembic"))
    config.set_main_option("version_locations", str(folder_of(package)))
    config.set_main_option("path_separator", "os")
    return config


async def upgrade(package: str, owner_url: str, revision: str = "head") -> None:
    """Bring the database to `revision` as its owner; concurrent calls wait for each other."""
    engine = create_async_engine(owner_url, poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_upgrade, package, revision)
            await connection.commit()
    finally:
        await engine.dispose()


def _upgrade(connection: Connection, package: str, revision: str) -> None:
    connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": LOCK})
    try:
        config = config_for(package)
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        connection.commit()
    finally:
        connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": LOCK})


def execute_script(op: Any, script: str) -> None:
    """Execute statements separated by a line that holds only a semicolon, or by `;` at a line's end."""
    for statement in script.split(";\n"):
        if statement.strip().strip(";").strip():
            op.execute(text(statement.strip().rstrip(";").replace(":", "\\:")))


def grant(op: Any, table: str, *, append_only: bool = False) -> None:
    """Give the app role what it needs on a table; on history and audit only to read and to append."""
    rights = "SELECT, INSERT" if append_only else "SELECT, INSERT, UPDATE, DELETE"
    op.execute(f"GRANT {rights} ON {table} TO foretell_app")


def upgrade_blocking(package: str, owner_url: str) -> None:
    asyncio.run(upgrade(package, owner_url))
