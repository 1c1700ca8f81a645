"""`python -m services.forecast verify-scorecards`: are all signed documents what was signed?"""

import asyncio

import typer

from libs.common.db import Database
from libs.common.web.auth import Principal
from services.forecast.config import Settings
from services.forecast.scorecard import service
from services.forecast.scorecard.schemas import VerifiedOut

app = typer.Typer()


@app.command("verify-scorecards")
def verify_scorecards() -> None:
    """Walk the chain of signed scorecards; exit code 1, and the document from which on it is broken, if it is."""
    found = asyncio.run(_verify())
    if found.broken is not None:
        at = found.broken
        typer.echo(f"broken from document {at.position} on: {at.period}, version {at.version}: {at.why}", err=True)
        raise typer.Exit(1)
    typer.echo(f"{found.documents} signed scorecards are what was signed; newest digest: {found.head or 'none'}")


async def _verify() -> VerifiedOut:
    database = Database(Settings())
    try:
        async with database.reading() as session:
            return await service.verify(session, principal=Principal.system("verify"))
    finally:
        await database.close()
