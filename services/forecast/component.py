"""The forecast service: two-clock history of deals, roll-up, readings."""

import asyncio

import typer

from libs.common.db import Database
from libs.common.messaging.topics import DEAL_EVENTS, FORECAST_EVENTS
from libs.common.runtime import Component, Job, Runtime
from services.forecast.config import Settings
from services.forecast.consumers import HANDLERS
from services.forecast.history.endpoints import router as history_router
from services.forecast.metrics.endpoints import router as metrics_router
from services.forecast.movement.endpoints import router as movement_router
from services.forecast.readings.endpoints import router as readings_router
from services.forecast.rollup import repository, service
from services.forecast.rollup.endpoints import router as rates_router

cli = typer.Typer()


@cli.command("check-rollup")
def check_rollup() -> None:
    """Compare the cells with what the deals make them; exit code 1 and the cells that differ, if any do."""
    wrong = asyncio.run(_differences())
    for cell in wrong[:20]:
        typer.echo(", ".join(f"{name}={value}" for name, value in cell.items()))
    typer.echo(f"{len(wrong)} cells differ from the deals")
    if wrong:
        raise typer.Exit(1)


@cli.command("rebuild-rollup")
def rebuild_rollup() -> None:
    """Value every deal anew and make all cells from the deals, while no change is applied."""
    asyncio.run(_rebuild())
    typer.echo("the roll-up was made anew from the deals")


async def _differences() -> list[dict[str, object]]:
    database = Database(Settings())
    try:
        async with database.reading() as session:
            return [dict(row) for row in await repository.differences(session)]
    finally:
        await database.close()


async def _rebuild() -> None:
    database = Database(Settings())
    try:
        async with database.transaction() as session:
            await service.rebuild(session)
    finally:
        await database.close()


async def sweep(runtime: Runtime) -> None:
    """Drop cells in which nothing stands any more."""
    async with runtime.database.transaction() as session:
        await repository.sweep(session)


COMPONENT = Component(
    name="forecast",
    package="services.forecast",
    settings=Settings,
    publishes=FORECAST_EVENTS,
    consumes=(DEAL_EVENTS,),
    handlers=HANDLERS,
    routers=(readings_router, history_router, movement_router, metrics_router, rates_router),
    jobs=(Job("sweep empty roll-up cells", 3600, sweep),),
    cli=(cli,),
)
