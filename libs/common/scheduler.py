"""Periodic jobs of a component, run by one leader among all its processes."""

import asyncio

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.db import is_passing
from libs.common.messaging import schema
from libs.common.observe import log as logs
from libs.common.observe import metrics
from libs.common.runtime import Job, Runtime

log = logs.get_logger(__name__)

LOCK = 0x53636864
"""Key of the session advisory lock that makes one process the scheduler of a database."""


async def _keep_partitions(runtime: Runtime) -> None:
    async with runtime.database.transaction() as session:
        await session.execute(
            text("SELECT keep_event_partitions(:outbox, :inbox)"),
            {"outbox": schema.OUTBOX_RETENTION.days, "inbox": schema.INBOX_RETENTION.days},
        )


KEEP_PARTITIONS = Job("keep-partitions", every_s=3600, run=_keep_partitions)


async def run(runtime: Runtime, jobs: list[Job]) -> None:
    """Lead by a session lock and run each job when due; a failing job is logged and tried again at its next time."""
    metrics.start_jobs_at_zero([job.name for job in jobs])
    while True:
        try:
            async with runtime.database.direct() as connection:
                await _lead(connection)
                async with asyncio.TaskGroup() as group:
                    for job in jobs:
                        group.create_task(_repeat(runtime, job))
                    group.create_task(_hold(connection))
        except* Exception as errors:
            if not is_passing(errors):
                raise
            log.warning("scheduler starts over", reason=str(errors.exceptions[0])[:300])
        metrics.forget_measured()
        await asyncio.sleep(1.0)


async def _lead(connection: AsyncConnection) -> None:
    """Ask for the lock again and again instead of waiting in the database."""
    while True:
        if await connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": LOCK}):
            return
        await asyncio.sleep(1.0)


async def _hold(connection: AsyncConnection) -> None:
    """Fail when the connection that holds the lock is gone."""
    while True:
        await connection.execute(text("SELECT 1"))
        await asyncio.sleep(2.0)


async def _repeat(runtime: Runtime, job: Job) -> None:
    while True:
        try:
            await job.run(runtime)
            metrics.JOB_RUNS.labels(job.name, "ok").inc()
        except Exception as error:
            metrics.JOB_RUNS.labels(job.name, "failed").inc()
            log.error("job failed", job=job.name, exc_info=error)
            if is_passing(error):
                raise
        await asyncio.sleep(job.every_s)
