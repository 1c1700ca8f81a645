"""`python -m services.deals measure-signals`: measure at once instead of in the night, after an import for instance."""

import asyncio

import typer

from libs.common import clock
from libs.common.db import Database
from libs.common.web.auth import Principal
from services.deals.config import Settings
from services.deals.signals import service

app = typer.Typer()
SELF = Principal.system("deals")


@app.command("measure-signals")
def measure_signals() -> None:
    """Measure every signal on what is known now, then raise and clear. Can be repeated: the same weeks turn nothing twice."""
    settings = Settings()
    clock.set_offset(settings.clock_offset_s)
    told = asyncio.run(_measure(Database(settings)))
    typer.echo(f"measured; {told} signals were raised or cleared")


async def _measure(database: Database) -> int:
    try:
        await service.measure_nightly(database, again=True, principal=SELF)
        return await service.raise_and_clear(database, principal=SELF)
    finally:
        await database.close()
