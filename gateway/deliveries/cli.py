"""Commands on deliveries: `python -m gateway audit | replay | remap`."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.config import Settings
from gateway.connectors import remapping
from gateway.deliveries import service
from libs.common.db import Database
from libs.common.web.auth import Principal

app = typer.Typer()

T = TypeVar("T")


def _in_transaction(work: Callable[[AsyncSession], Awaitable[T]]) -> T:
    async def run() -> T:
        database = Database(Settings())
        try:
            async with database.transaction() as session:
                return await work(session)
        finally:
            await database.close()

    return asyncio.run(run())


@app.command("audit")
def audit() -> None:
    """Check that every accepted item has exactly one outcome, per connection and hour; exit 1 if not."""
    found = _in_transaction(service.audit)
    for row in found.hours:
        counts = ", ".join(f"{name} {row[name]}" for name in row if name not in ("connection", "hour"))
        typer.echo(f"{row['connection']}  {row['hour']:%Y-%m-%d %H:%M}  {counts}")
    for row in found.violations:
        typer.echo(f"VIOLATED  {row['connection']}  {row['hour']:%Y-%m-%d %H:%M}  e.g. {row['example']}", err=True)
    typer.echo(f"{len(found.hours)} connection-hours, {len(found.violations)} violated")
    raise typer.Exit(code=1 if found.violations else 0)


@app.command("replay")
def replay(
    connection: Annotated[str | None, typer.Option(help="key of one connection; default: all")] = None,
) -> None:
    """Read everything parked again, with the mappings as they are now."""
    principal = Principal.system("gateway")
    done = _in_transaction(lambda session: service.replay_all(session, connection=connection, principal=principal))
    typer.echo(f"{done.items} parked items in {done.deliveries} deliveries are read again")


@app.command("remap")
def remap(connection: Annotated[str, typer.Argument(help="key of a connection whose mapping changed")]) -> None:
    """Map the newest records of a connection again; the changes supersede what the old mapping made of them."""

    async def run() -> tuple[int, int]:
        settings = Settings()
        database = Database(settings)
        try:
            return await remapping.remap(database, settings, connection)
        finally:
            await database.close()

    try:
        changed, refused = asyncio.run(run())
    except LookupError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(code=1) from None
    typer.echo(f"{changed} records mapped again, {refused} refused by the new mapping")
