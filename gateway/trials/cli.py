"""`python -m gateway connection-try FILE`: what a document would change, before it is put."""

import asyncio
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from gateway.config import Settings
from gateway.connections.cli import documents_in
from gateway.proxy.client import ServiceRefused, Services
from gateway.trials import service
from gateway.trials.schemas import TrialOut
from libs.common.db import Database
from libs.common.web.auth import Principal
from libs.common.web.errors import Problem

app = typer.Typer()


@app.command("connection-try")
def connection_try(
    file: Annotated[str, typer.Argument(help="YAML or JSON: one connection document; - reads standard input")],
) -> None:
    """Show what the document would change in records and in the forecast. Writes nothing."""
    try:
        (document,) = documents_in(file)
    except ValueError as error:
        message = "The file holds several documents; try one at a time." if "unpack" in str(error) else str(error)
        typer.echo(message, err=True)
        raise typer.Exit(code=1) from None
    except OSError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(code=1) from None

    async def run() -> TrialOut:
        settings = Settings()
        database, services = Database(settings), Services(settings)
        shown = Console(stderr=True)
        try:
            with shown.status("looking at records") as status:
                return await service.run(
                    database,
                    services,
                    document,
                    settings=settings,
                    principal=Principal.system("gateway"),
                    limit=None,
                    watch=lambda count: status.update(f"{count:,} records looked at"),
                )
        finally:
            await services.aclose()
            await database.close()

    try:
        _show(asyncio.run(run()))
    except (Problem, ServiceRefused, ValueError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(code=1) from None


def _show(trial: TrialOut) -> None:
    console = Console(highlight=False, soft_wrap=True)
    changed, added = sum(trial.changed.values()), sum(trial.added.values())
    refused = sum(each.count for each in trial.refused)
    console.print(
        f"{trial.connection}: {trial.records:,} records, {trial.unchanged:,} unchanged, {changed:,} changed, {added:,} new, "
        f"{refused:,} refused; {trial.deliveries:,} deliveries without effect read again"
        + (f", {trial.to_be_fetched:,} records to be asked for" if trial.to_be_fetched else "")
        + ("" if trial.complete else "; there are more than were looked at")
    )
    for each in trial.fields:
        sample = each.samples[0]
        console.print(
            f"  {each.object_type}.{each.field}: {each.count:,}, such as {sample.external_id}: {sample.before} -> {sample.after}",
            markup=False,
        )
    for found in trial.refused:
        console.print(f"  refused {found.count:,}: {found.reason} ({', '.join(found.external_ids)})", markup=False)
        if found.advice:
            console.print(f"    {found.advice}", markup=False)
    effect = trial.forecast
    if effect is None:
        console.print("No deal would differ: the forecast stays as it is.")
        return
    console.print(f"{effect.deals:,} deals would differ. In the forecast, {effect.currency}:")
    table = Table(box=None)
    table.add_column("month")
    table.add_column("line")
    for name in ("deals", "amount", "weighted"):
        table.add_column(name, justify="right")
    for move in effect.moved:
        month = "undated" if move.month.year == 1900 else f"{move.month:%Y-%m}"
        table.add_row(month, move.line, f"{move.deals:+,}", f"{move.amount:+,}", f"{move.weighted:+,}")
    console.print(table if effect.moved else "  nothing moves")
