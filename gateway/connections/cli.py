"""Commands on connections: `python -m gateway connection-put FILE`, `python -m gateway connections`."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from gateway.config import Settings
from gateway.connections import service
from gateway.connections.documents import parsed
from gateway.connections.schemas import ConnectionIn
from gateway.connections.secrets import WrongSecretsKey
from libs.common.db import Database
from libs.common.web.auth import Principal
from libs.common.web.errors import Problem

app = typer.Typer()


@app.command("connection-put")
def connection_put(
    file: Annotated[
        str, typer.Argument(help="YAML or JSON: one connection document or a list; - reads standard input")
    ],
) -> None:
    """Create or change connections. Repeating it changes nothing."""
    try:
        for key, done in asyncio.run(_put(documents_in(file))):
            typer.echo(f"{key}: {done}")
            if done == "remapped":
                typer.echo("  its records are mapped again within seconds; those it refuses keep their old form")
    except (Problem, WrongSecretsKey, OSError, ValueError) as error:
        raise _ended(error) from None


@app.command("seal-secrets")
def seal_secrets() -> None:
    """Encrypt the secrets of all connections under the first key of FORETELL_SECRETS_KEY."""

    async def run() -> int:
        settings = Settings()
        database = Database(settings)
        try:
            async with database.transaction() as session:
                return await service.seal_anew(session, settings=settings, principal=Principal.system("gateway"))
        finally:
            await database.close()

    try:
        typer.echo(f"secrets of {asyncio.run(run())} connections are under the first key")
    except WrongSecretsKey as error:
        raise _ended(error) from None


@app.command("connections")
def connections() -> None:
    """List the connections with the URLs that their CRMs send to."""

    async def run() -> list[str]:
        settings = Settings()
        database = Database(settings)
        try:
            async with database.reading() as session:
                found = await service.listed(session, settings=settings, principal=Principal.system("gateway"))
            return [f"{each.key}  {each.provider}  {each.state}  {each.webhook_url}" for each in found]
        finally:
            await database.close()

    try:
        for line in asyncio.run(run()):
            typer.echo(line)
    except WrongSecretsKey as error:
        raise _ended(error) from None


def _ended(error: Exception) -> typer.Exit:
    """The end of a command that could not be done, said in one line."""
    typer.echo(str(error), err=True)
    return typer.Exit(code=1)


def documents_in(file: str) -> list[ConnectionIn]:
    """The documents of a file, or of standard input for `-`. Raises OSError, and as `parsed`."""
    return parsed(sys.stdin.read() if file == "-" else Path(file).read_text())


async def _put(documents: list[ConnectionIn]) -> list[tuple[str, str]]:
    settings = Settings()
    database = Database(settings)
    principal = Principal.system("gateway")
    try:
        async with database.transaction() as session:
            return [
                (each.key, await service.put(session, each, settings=settings, principal=principal))
                for each in documents
            ]
    finally:
        await database.close()
