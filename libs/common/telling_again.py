"""The command `republish` of a component that keeps versions."""

import asyncio
import sys
from collections.abc import Callable, Sequence
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from libs.common import clock
from libs.common.config import CommonSettings
from libs.common.db import Database
from libs.common.messaging.republishing import Source, Told, chosen, republish
from libs.common.runtime import Component
from libs.common.web.auth import Principal

_HELP = """Tell every version of what this component keeps again, to build or repair what others keep of it.

There are: {names}; all of them when none is named. It changes nothing for whoever has it, and can be stopped and repeated at any
time while everything runs."""


def add_to(cli: typer.Typer, component: Component, settings: Callable[[], CommonSettings]) -> None:
    """Give the component's command line the command, if it keeps something that can be told again."""
    if not component.republishes:
        return

    @cli.command("republish", help=_HELP.format(names=", ".join(source.name for source in component.republishes)))
    def command(names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...")] = None) -> None:
        try:
            sources = chosen(component.republishes, names or ())
        except ValueError as error:
            sys.stderr.write(f"{component.name}: {error}\n")
            raise typer.Exit(2) from None
        asyncio.run(_republish(sources, settings(), Principal.system(component.name)))


async def _republish(sources: Sequence[Source], settings: CommonSettings, principal: Principal) -> None:
    clock.set_offset(settings.clock_offset_s)
    database = Database(settings)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    try:
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            for source in sources:
                task = bar.add_task(source.name)

                def shown(told: Told, *, task: object = task, name: str = source.name) -> None:
                    bar.update(task, description=f"{name}: {told.things:,} told in {told.events:,} events")  # type: ignore[arg-type]

                told = await republish(database, source, principal=principal, shown=shown)
                bar.remove_task(task)
                sys.stdout.write(f"{source.name}: {told.things} told again in {told.events} events\n")
    finally:
        await database.close()
