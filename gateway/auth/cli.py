"""Commands that let people and programs in: `python -m gateway sign-in-link | api-key | password`."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar
from uuid import UUID

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.auth import service
from gateway.config import Settings
from libs.common import clock
from libs.common.db import Database
from libs.common.web.errors import Problem

app = typer.Typer()

T = TypeVar("T")


def _in_transaction(work: Callable[[AsyncSession], Awaitable[T]], settings: Settings) -> T:
    async def run() -> T:
        clock.set_offset(settings.clock_offset_s)
        database = Database(settings)
        try:
            async with database.transaction() as session:
                return await work(session)
        finally:
            await database.close()

    try:
        return asyncio.run(run())
    except Problem as problem:
        typer.echo(str(problem), err=True)
        raise typer.Exit(code=1) from None


@app.command("sign-in-link")
def sign_in_link(
    email: Annotated[str, typer.Option(help="whom to sign in; made if unknown")] = "admin@localhost",
    role: Annotated[str | None, typer.Option(help="role to give; an existing user keeps theirs by default")] = None,
    scope: Annotated[UUID | None, typer.Option(help="unit the user sees, with all below; default: the company")] = None,
) -> None:
    """Print a link that signs one person in, once, within 15 minutes."""
    settings = Settings()
    scopes = [scope] if scope else []
    token = _in_transaction(lambda session: service.create_link(session, email, role=role, scope=scopes), settings)
    typer.echo(f"{settings.public_url.rstrip('/')}/sign-in/{token}")


@app.command("api-key")
def api_key(
    name: Annotated[str, typer.Option(help="what the key is for; an earlier key of that name stops working")],
    role: Annotated[str, typer.Option(help="role of the program")] = "viewer",
    scope: Annotated[
        UUID | None, typer.Option(help="unit the program sees, with all below; default: the company")
    ] = None,
) -> None:
    """Print a key for `Authorization: Bearer`. It is shown this once."""
    scopes = [scope] if scope else []
    typer.echo(_in_transaction(lambda session: service.create_key(session, name, role=role, scope=scopes), Settings()))


@app.command("password")
def password(email: Annotated[str, typer.Option(help="an existing user")]) -> None:
    """Set a user's password; it is asked for, never given on the command line."""
    secret = typer.prompt("New password", hide_input=True, confirmation_prompt=True)
    _in_transaction(lambda session: service.set_password(session, email, password=secret), Settings())
