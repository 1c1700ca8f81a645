"""The forecast service: two-clock history of deals, roll-up, readings."""

import asyncio

import typer

from libs.common.db import Database
from libs.common.messaging.topics import DEAL_EVENTS, FORECAST_EVENTS, LEAD_EVENTS, PRICING_EVENTS
from libs.common.runtime import Component, Job, Runtime, Worker
from libs.common.web.auth import Principal
from services.forecast import gauges
from services.forecast.accuracy.endpoints import router as accuracy_router
from services.forecast.assumptions import watching as assumptions
from services.forecast.assumptions.endpoints import router as assumptions_router
from services.forecast.attainment.endpoints import plans_router as reached_router
from services.forecast.attainment.endpoints import router as attainment_router
from services.forecast.calls import ledger
from services.forecast.calls.cli import app as calls_cli
from services.forecast.calls.endpoints import router as calls_router
from services.forecast.campaigns.endpoints import router as campaigns_router
from services.forecast.config import Settings
from services.forecast.consumers import HANDLERS
from services.forecast.fingerprint import FINGERPRINT
from services.forecast.focus.endpoints import router as focus_router
from services.forecast.history.endpoints import router as history_router
from services.forecast.locks import service as locks
from services.forecast.locks.endpoints import router as locks_router
from services.forecast.metrics.endpoints import router as metrics_router
from services.forecast.movement.endpoints import router as movement_router
from services.forecast.outlook import known
from services.forecast.outlook import service as outlook
from services.forecast.outlook.endpoints import router as outlook_router
from services.forecast.past import service as past
from services.forecast.periods.endpoints import router as periods_router
from services.forecast.plans.endpoints import router as plans_router
from services.forecast.promotions.endpoints import router as promotions_router
from services.forecast.readings.endpoints import router as readings_router
from services.forecast.record import service as record
from services.forecast.record import weighing
from services.forecast.record.endpoints import router as record_router
from services.forecast.reviews import assumed
from services.forecast.reviews import watching as reviews
from services.forecast.reviews.endpoints import router as reviews_router
from services.forecast.rollup import repository, service
from services.forecast.rollup.endpoints import router as rates_router
from services.forecast.scenarios.endpoints import router as scenarios_router
from services.forecast.scorecard.cli import app as scorecard_cli
from services.forecast.scorecard.endpoints import router as scorecard_router
from services.forecast.variance.endpoints import router as variance_router

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


FOLDED_AT_ONCE = 20_000
HISTORY_EVERY_S = 30.0
PROJECTION_EVERY_S = 60.0


async def sweep(runtime: Runtime) -> None:
    """Fold the cells of all slots into one, and drop those in which nothing stands any more."""
    folded = FOLDED_AT_ONCE
    while folded == FOLDED_AT_ONCE:
        async with runtime.database.transaction() as session:
            folded = await service.fold(session, limit=FOLDED_AT_ONCE)
    async with runtime.database.transaction() as session:
        await repository.sweep(session)


async def make_locks(runtime: Runtime) -> None:
    """Freeze calls and readings as at every instant that has become due."""
    await locks.make_due(runtime.database, principal=Principal.system("forecast"))


async def freeze_projections(runtime: Runtime) -> None:
    """Freeze beside every lock what the projection and simpler methods said at its instant."""
    await record.freeze_made(runtime.database, principal=Principal.system("forecast"))


async def watch_assumptions(runtime: Runtime) -> None:
    """Hold what plans in force assume against history at every lock."""
    await assumptions.watch(runtime.database, principal=Principal.system("forecast"))


async def weigh_challenger(runtime: Runtime) -> None:
    """After a period was closed, switch to the challenger if the rule set beforehand is met."""
    weighed = runtime.state.get("closing_weighed")
    runtime.state["closing_weighed"] = await weighing.weigh(
        runtime.database, weighed, principal=Principal.system("forecast")
    )


async def expire_adjustments(runtime: Runtime) -> None:
    """Write the end of adjustments that have reached their expiry."""
    async with runtime.database.transaction() as session:
        await ledger.expire(session, principal=Principal.system("forecast"))


async def open_reviews(runtime: Runtime) -> None:
    """Open the reviews that the plans' policies call for, with their evidence as it stands."""
    principal = Principal.system("forecast")
    async with runtime.database.reading() as session:
        breaks = await assumed.broken(session, principal=principal)
    await reviews.open_due(runtime.database, breaks=breaks, principal=principal)


async def score_decisions(runtime: Runtime) -> None:
    """Write beside decisions whose check date is over what came of them."""
    await reviews.score_due(runtime.database, principal=Principal.system("forecast"))


async def keep_history(runtime: Runtime) -> None:
    """Read history into memory before somebody asks, and what is new from time to time."""
    while True:
        async with runtime.database.reading() as session:
            await past.columns(session)
        await asyncio.sleep(HISTORY_EVERY_S)


async def keep_projection(runtime: Runtime) -> None:
    """Learn before somebody asks: at the start, when a day has begun, and when what had arrived by then changed.

    From time to time deals are moved on as well, so that a reading has only the newest left to do.
    """
    while True:
        async with runtime.database.reading() as session:
            found = await outlook.warm(session, principal=Principal.system("forecast"))
        await known.write(runtime.database)
        if found is not None:
            gauges.show(found, runtime.settings)
        await asyncio.sleep(PROJECTION_EVERY_S)


async def follow_calendar(runtime: Runtime) -> None:
    """Rebuild the roll-up after a change of the fiscal calendar in the settings."""
    async with runtime.database.transaction() as session:
        await service.follow_calendar(session)


COMPONENT = Component(
    name="forecast",
    package="services.forecast",
    fingerprint=FINGERPRINT,
    settings=Settings,
    publishes=FORECAST_EVENTS,
    consumes=(DEAL_EVENTS, LEAD_EVENTS, PRICING_EVENTS),
    handlers=HANDLERS,
    routers=(
        readings_router,
        history_router,
        movement_router,
        metrics_router,
        periods_router,
        rates_router,
        scorecard_router,  # its imports/orders goes before imports/{kind}
        calls_router,
        locks_router,
        accuracy_router,
        outlook_router,
        record_router,
        attainment_router,
        scenarios_router,
        focus_router,
        campaigns_router,
        variance_router,
        promotions_router,
        assumptions_router,  # its draft and imports go before plans/{plan_id}/{step}
        plans_router,
        reached_router,
        reviews_router,
    ),
    jobs=(
        Job("follow the fiscal calendar", 60, follow_calendar),
        Job("fold and sweep roll-up cells", 60, sweep),
        Job("make locks that are due", 20, make_locks),
        Job("freeze the projections of locks", 20, freeze_projections),
        Job("weigh the challenger", 60, weigh_challenger),
        Job("hold assumptions against history", 20, watch_assumptions),
        Job("open reviews that are due", 20, open_reviews),
        Job("score decisions whose check date is over", 60, score_decisions),
        Job("end adjustments that have expired", 20, expire_adjustments),
        Job("measure the forecast", 10, gauges.measure),
    ),
    api_tasks=(Worker("history in memory", keep_history), Worker("projection in memory", keep_projection)),
    cli=(cli, calls_cli, scorecard_cli),
)
