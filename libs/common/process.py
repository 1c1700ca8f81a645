"""How a component runs: `python -m services.deals run [role ...]`, `migrate`, `openapi`, and its own commands."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import Coroutine, Iterator
from typing import Annotated, Any, NoReturn

import httpx
import orjson
import typer
import uvicorn
from pydantic import SecretStr, ValidationError

from libs.common import clock, crash, scheduler, statehash, telling_again
from libs.common.config import CommonSettings
from libs.common.db import Database, is_passing
from libs.common.loading import loading
from libs.common.messaging import backlog, deadletter, neighbours, schema
from libs.common.messaging.applier import Applier
from libs.common.messaging.consumer import Consumer
from libs.common.messaging.relay import Relay
from libs.common.observe import log as logs
from libs.common.observe import tracing
from libs.common.runtime import ROLES, Component, Job, Runtime, Worker
from libs.common.web.api import create_app
from libs.common.web.auth import TokenSigner

__all__ = ["Component", "Job", "Runtime", "Worker", "main"]

log = logs.get_logger(__name__)

GRACE_S = 3
SETTLED_S = 10.0


def main(component: Component) -> None:
    """The command line of a component."""
    cli = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

    @cli.command()
    def run(roles: Annotated[list[str] | None, typer.Argument()] = None) -> None:
        """Run the named roles (api, worker, relay, scheduler) in this process; all of them when none is named."""
        unknown = sorted(set(roles or ()) - set(ROLES))
        if unknown:
            _fail(f"unknown role {', '.join(unknown)}; there are: {', '.join(ROLES)}")
        settings = settings_of(component)
        logs.configure(component.name, form=settings.log_format, level=settings.log_level)
        asyncio.run(_run(component, settings, tuple(roles or ROLES)))

    @cli.command()
    def migrate() -> None:
        """Bring this component's database to the newest revision, as its owner."""
        from libs.common import migrations  # noqa: PLC0415 - only this command needs the migration tool, slow to load

        settings = settings_of(component)
        if settings.owner_database_url is None:
            _fail("FORETELL_OWNER_DATABASE_URL is not set; migrations run as the owner role")
        asyncio.run(migrations.upgrade(component.package, settings.owner_database_url.get_secret_value()))

    @cli.command("state-hash")
    def state_hash() -> None:
        """Print one JSON line: a fingerprint of what this component knows, by level and table."""
        sys.stdout.buffer.write(orjson.dumps(asyncio.run(_state_hash(component, settings_of(component)))) + b"\n")

    @cli.command("dead-letters")
    def dead_letters(replay: Annotated[bool, typer.Option("--replay", help="apply them again first")] = False) -> None:
        """Print one JSON line per event that could not be applied, newest first; exit code 1 when there is any."""
        letters = asyncio.run(_dead_letters(component, settings_of(component), replay=replay))
        for letter in letters:
            sys.stdout.buffer.write(orjson.dumps(letter) + b"\n")
        raise typer.Exit(1 if letters else 0)

    @cli.command()
    def openapi() -> None:
        """Print the component's OpenAPI document."""
        sys.stdout.write(openapi_of(component).decode())

    telling_again.add_to(cli, component, lambda: settings_of(component))
    for extra in component.cli:
        cli.registered_commands.extend(extra.registered_commands)
        cli.registered_groups.extend(extra.registered_groups)
    cli()


def openapi_of(component: Component) -> bytes:
    """The component's OpenAPI document as JSON, the same bytes for the same code; needs neither database nor broker."""
    settings = component.settings(database_url=SecretStr("postgresql+asyncpg://none@127.0.0.1/none"))
    app = create_app(component, Runtime(component, settings, Database(settings)))
    return orjson.dumps(app.openapi(), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n"


async def _dead_letters(component: Component, settings: CommonSettings, *, replay: bool) -> list[dict[str, Any]]:
    runtime = runtime_for(component, settings)
    try:
        if replay and runtime.applier is not None:
            await runtime.applier.replay()
        async with runtime.database.reading() as session:
            return await deadletter.listing(session)
    finally:
        await runtime.database.close()


async def _state_hash(component: Component, settings: CommonSettings) -> dict[str, Any]:
    database = Database(settings)
    try:
        async with database.reading() as session:
            found = await statehash.of_component(session, component.fingerprint)
    finally:
        await database.close()
    return {"name": "state-hash", "component": component.name, **found}


def settings_of(component: Component) -> CommonSettings:
    """The component's settings from the environment; one line on the terminal and exit code 2 when they are wrong."""
    try:
        return component.settings()
    except ValidationError as error:
        for found in error.errors(include_input=False, include_url=False):
            name = "".join(f"FORETELL_{str(part).upper()}: " for part in found["loc"][:1])
            sys.stderr.write(f"{component.name}: {name}{found['msg']}\n")
        raise SystemExit(2) from None


def _fail(message: str) -> NoReturn:
    sys.stderr.write(message + "\n")
    raise SystemExit(2)


def runtime_for(component: Component, settings: CommonSettings) -> Runtime:
    """The things a process shares; closes nothing."""
    database = Database(settings)
    return Runtime(
        component=component,
        settings=settings,
        database=database,
        tokens=TokenSigner(settings) if settings.internal_signing_key else None,
        applier=Applier(database, component.handlers) if component.handlers else None,
    )


async def _run(component: Component, settings: CommonSettings, roles: tuple[str, ...]) -> None:
    crash.arm(settings.crash_at)
    clock.set_offset(settings.clock_offset_s)
    tracing.configure(component.name, send_to=settings.traces_url)
    _check_retention(component)
    runtime = runtime_for(component, settings)
    with loading():
        app = create_app(component, runtime, serve_api="api" in roles)
    server = _Server(
        uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=GRACE_S,
            server_header=False,
        )
    )
    work = [asyncio.create_task(task, name=name) for name, task in _work(runtime, roles)]
    serving = asyncio.create_task(server.serve(), name="http")
    loop = asyncio.get_running_loop()

    def stop() -> None:
        runtime.stopping.set()
        server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    log.info("started", roles=list(roles), port=settings.port)
    try:
        done, _ = await asyncio.wait([serving, *work], return_when=asyncio.FIRST_COMPLETED)
        for task in done - {serving}:
            log.error("a role ended", role=task.get_name(), exc_info=task.exception())
        server.should_exit = True
        await serving
        if done - {serving}:
            raise SystemExit(1)
    finally:
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)
        await runtime.database.close()
        log.info("stopped")


class _Server(uvicorn.Server):
    """uvicorn without its own signal handling: the process stops its parts in order."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _check_retention(component: Component) -> None:
    """An inbox that forgets earlier than a repetition can come would let events count twice."""
    for topic in component.consumes:
        needed = schema.OUTBOX_RETENTION + topic.retention + schema.REPAIR_TIME
        if needed > schema.INBOX_RETENTION:
            _fail(f"{component.name}: the inbox keeps {schema.INBOX_RETENTION}, but {topic.name} needs {needed}")


def _work(runtime: Runtime, roles: tuple[str, ...]) -> Iterator[tuple[str, Coroutine[Any, Any, None]]]:
    component, settings = runtime.component, runtime.settings
    if "worker" in roles:
        if component.consumes:
            consumer = Consumer(
                settings,
                runtime.database,
                name=component.name,
                topics=component.consumes,
                handlers=component.handlers,
                ask_rewind=neighbours.ask_rewind(runtime),
            )
            runtime.applier = consumer.applier
            yield "consumer", consumer.run()
        for worker in component.workers:
            yield worker.name, _forever(worker, runtime)
    if "api" in roles:
        for task in component.api_tasks:
            yield task.name, _forever(task, runtime)
    if "relay" in roles and component.publishes is not None:
        relay = Relay(
            settings,
            runtime.database,
            component.publishes,
            origin=neighbours.origin_of(component),
            applied=neighbours.applied(runtime),
        )
        yield "relay", relay.run()
    if "scheduler" in roles:
        yield "scheduler", scheduler.run(runtime, [*component.jobs, scheduler.KEEP_PARTITIONS, backlog.MEASURE])
    if settings.wake_by_notify and "relay" not in roles:
        yield "notifier", runtime.database.wake.notify_others(runtime.database.engine)


async def _forever(worker: Worker, runtime: Runtime) -> None:
    """Run a worker; start it over after infrastructure trouble, end the process by anything else."""
    delay_s = 0.1
    while True:
        started = clock.monotonic()
        try:
            await worker.run(runtime)
        except Exception as error:
            if not (is_passing(error) or isinstance(error, httpx.TransportError)):
                raise
            log.warning("worker starts over", worker=worker.name, reason=f"{type(error).__name__}: {error}"[:300])
        delay_s = 0.1 if clock.monotonic() - started > SETTLED_S else min(delay_s * 2, 5.0)
        await asyncio.sleep(delay_s)
