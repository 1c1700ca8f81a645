"""What each component of a running system knows, as `state-hash` says it, without a process for each."""

import asyncio
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from deploy.documents import COMPONENTS
from deploy.local import books
from deploy.local.stack import Stack
from libs.common import statehash
from libs.common.runtime import Component


def of(stack: Stack) -> dict[str, Any]:
    """By component, level and table. Needs the databases up, nothing else."""

    async def one(component: Component) -> dict[str, Any]:
        async def read(connection: AsyncConnection) -> dict[str, Any]:
            async with AsyncSession(bind=connection) as session:
                return await statehash.of_component(session, component.fingerprint)

        return await books.within(stack, component.name, read)

    async def all_of_them() -> dict[str, Any]:
        return {component.name: await one(component) for component in COMPONENTS}

    return asyncio.run(all_of_them())


def differing(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """Component, level and table of every fingerprint that is not the same in both."""
    return [
        f"{name} {level} {table}"
        for name in one
        for level in statehash.LEVELS
        for table, was in one[name][level]["tables"].items()
        if other[name][level]["tables"][table] != was
    ]
