"""`python -m services.deals tell-again`: publish how the deals stand that name leads."""

import asyncio

import typer

from libs.common import clock
from libs.common.db import Database
from libs.common.web.auth import Principal
from services.deals.config import Settings
from services.deals.ledger import retelling

app = typer.Typer()


@app.command("tell-again")
def tell_again() -> None:
    """Publish the newest entry of every deal that names a lead again. Can be stopped and repeated at any time."""
    settings = Settings()
    clock.set_offset(settings.clock_offset_s)
    told = asyncio.run(_tell_all(Database(settings)))
    typer.echo(f"{told} deals that name a lead were told again")


async def _tell_all(database: Database) -> int:
    told, last = 0, None
    try:
        while True:
            async with database.transaction() as session:
                count, last = await retelling.tell_again(session, after=last, principal=Principal.system("deals"))
            told += count
            if last is None:
                return told
    finally:
        await database.close()
