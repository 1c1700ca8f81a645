"""What several tests of the forecast are given."""

from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio

from libs.common.db import Database
from tests.support.databases import DatabaseServer


@pytest_asyncio.fixture(scope="module")
async def databases(database_server: DatabaseServer) -> AsyncIterator[tuple[Any, Database]]:
    """The settings of one database for all examples of a property, and its owner, who may empty it."""
    chosen = database_server.copy_for("forecast")
    owner = Database(chosen.model_copy(update={"database_url": chosen.owner_database_url}))
    yield chosen, owner
    await owner.close()
    database_server.drop(chosen)
