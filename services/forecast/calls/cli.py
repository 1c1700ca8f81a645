"""`python -m services.forecast import-calls`: past calls, quotas and adjustments from a CSV file."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from libs.common import clock
from libs.common.db import Database
from libs.common.web.auth import Principal
from libs.common.web.errors import Problem
from services.forecast.calls import importing
from services.forecast.calls.schemas import ImportKind, ImportOut
from services.forecast.config import Settings

app = typer.Typer()


@app.command("import-calls")
def import_calls(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="a CSV file, UTF-8")],
    kind: Annotated[ImportKind, typer.Option(help="what the file holds")] = "calls",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="read and report only")] = False,
) -> None:
    """Take over what is new. Refused rows are printed with line and reason; exit code 1 when there are any."""
    try:
        done = asyncio.run(_take(file.read_bytes(), kind, dry_run))
    except Problem as problem:
        typer.echo(problem.detail, err=True)
        raise typer.Exit(2) from None
    for row in done.refused:
        typer.echo(f"line {row.line}: {row.column + ' ' if row.column else ''}{row.reason}", err=True)
    said = "would be taken over" if dry_run else "were taken over"
    typer.echo(f"{done.rows} rows: {done.accepted} {said}, {done.known} were there, {len(done.refused)} refused")
    if done.refused:
        raise typer.Exit(1)


async def _take(body: bytes, kind: ImportKind, dry_run: bool) -> ImportOut:
    settings = Settings()
    clock.set_offset(settings.clock_offset_s)
    database = Database(settings)
    try:
        async with database.transaction() as session:
            return await importing.take(session, kind, body, dry_run=dry_run, principal=Principal.system("import"))
    finally:
        await database.close()
