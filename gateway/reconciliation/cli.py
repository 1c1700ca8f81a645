"""Commands on comparisons: `python -m gateway comparisons`, `python -m gateway compare KEY`."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.config import Settings
from gateway.reconciliation import service
from gateway.reconciliation.schemas import ComparisonOut
from libs.common.db import Database
from libs.common.web.auth import Principal
from libs.common.web.errors import Problem

app = typer.Typer()
Done = TypeVar("Done")
_SELF = Principal.system("gateway")


@app.command("comparisons")
def comparisons() -> None:
    """The newest comparison of each connection with its CRM; exit code 1 if one of them is not whole or not known."""
    found = _with(lambda session, _: service.newest(session, principal=_SELF))
    for each in found.values():
        typer.echo(_line(each))
    if not found or any(each.share != 1 for each in found.values()):
        raise typer.Exit(1)


@app.command("compare")
def compare(key: Annotated[str, typer.Argument(help="key of the connection")]) -> None:
    """Have a connection compared with its CRM within seconds by the running scheduler."""
    try:
        wished = _with(lambda session, settings: service.wish(session, key, settings=settings, principal=_SELF))
    except Problem as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    typer.echo(f"{key}: wished for at {wished.wished_at:%Y-%m-%d %H:%M:%S} UTC; `comparisons` shows it when it is done")


def _line(each: ComparisonOut) -> str:
    begun = f"{each.connection}  {each.begun_at:%Y-%m-%d %H:%M} UTC"
    if each.outcome != "compared":
        return f"{begun}  {each.outcome.replace('_', ' ')}: {each.reason}"
    share = "nothing to compare" if each.share is None else f"{each.share:.4%} equal"
    return (
        f"{begun}  {share}; CRM {each.crm_count}, here {each.our_count}, missing {each.missing}, different {each.different},"
        f" only here {each.ours_only}, not understood {each.unreadable}, under way {each.under_way}"
    )


def _with(work: Callable[[AsyncSession, Settings], Awaitable[Done]]) -> Done:
    async def run() -> Done:
        settings = Settings()
        database = Database(settings)
        try:
            async with database.transaction() as session:
                return await work(session, settings)
        finally:
            await database.close()

    return asyncio.run(run())
