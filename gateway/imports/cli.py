"""`python -m gateway import`: bring a pipeline's history in from CSV files."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.console import Console
from sqlalchemy.exc import SQLAlchemyError

from gateway.config import Settings
from gateway.imports import service
from gateway.imports.progress import meter
from gateway.imports.reading.document import MappingDocument
from gateway.imports.reading.files import Files, locate
from gateway.imports.reading.load import MappingProblem, load_mapping
from gateway.imports.reading.stream import Batch, Stream
from gateway.imports.report import RefusalReport, print_summary
from libs.common import clock, crash
from libs.common.db import Database
from libs.common.web.auth import Principal

app = typer.Typer()


@app.command("import")
def import_files(
    path: Annotated[Path, typer.Argument(help="a CSV file (plain or .gz), or a folder of them")],
    mapping: Annotated[str, typer.Option(help="a mapping's YAML file, or the name of one that ships with Foretell")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="read and report only; needs no database and writes nothing")
    ] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="read at most so many rows of each record")] = None,
    report: Annotated[
        Path | None, typer.Option(help="where refused rows are listed; default: import-refused-<name>.csv, here")
    ] = None,
) -> None:
    """Import deals, accounts, people, leads and products with their history. Repeating it continues or does nothing."""
    console = Console(stderr=True, soft_wrap=True)
    try:
        document = load_mapping(mapping)
        files = locate(path, document)
        where = report or Path(f"import-refused-{document.name}.csv")
        if dry_run:
            _dry_run(console, document, files, limit, where)
        else:
            _import(console, document, files, limit, where)
    except MappingProblem as problem:
        console.print(str(problem), markup=False, highlight=False)
        raise typer.Exit(code=2) from None
    except (OSError, SQLAlchemyError) as error:
        console.print(f"The import stopped: {_first_line(error)}", markup=False, highlight=False)
        console.print("Nothing is lost: run the same command again and it continues.", highlight=False)
        raise typer.Exit(code=1) from None


def _dry_run(console: Console, document: MappingDocument, files: Files, limit: int | None, where: Path) -> None:
    stream = Stream(document, files, received_at=clock.now(), limit=limit)
    with RefusalReport(where) as refusals, meter(console) as progress:
        for batch in stream.batches():
            _report(refusals, batch)
            progress.show(stream)
    console.print(f"Dry run of {document.name}: {', '.join(files.names())}. Nothing was written.", highlight=False)
    _summary(console, stream, refusals, progress.elapsed_s)


def _import(console: Console, document: MappingDocument, files: Files, limit: int | None, where: Path) -> None:
    settings = _settings()
    crash.arm(settings.crash_at)
    clock.set_offset(settings.clock_offset_s)
    with RefusalReport(where) as refusals, meter(console) as progress:

        def watch(stream: Stream, batch: Batch) -> None:
            _report(refusals, batch)
            progress.show(stream)

        async def run() -> service.Result:
            database = Database(settings)
            try:
                return await service.run(
                    database, document, files, principal=Principal.system("import"), limit=limit, watch=watch
                )
            finally:
                await database.close()

        result = asyncio.run(run())
    if result.stream is None:
        console.print(
            f"Already imported on {result.found.finished_at:%Y-%m-%d %H:%M} UTC: the same files with the same mapping."
            " Nothing to do.",
            highlight=False,
        )
        return
    resumed = f", {result.batches_resumed:,} batches were there from an earlier run" if result.batches_resumed else ""
    console.print(f"Imported {document.name}: {', '.join(files.names())}{resumed}.", highlight=False)
    _summary(console, result.stream, refusals, progress.elapsed_s)


def _summary(console: Console, stream: Stream, refusals: RefusalReport, elapsed_s: float) -> None:
    print_summary(console, stream.tally)
    refusals.discard_old()
    if refusals.count:
        console.print(f"The {refusals.count:,} refused rows are listed in {refusals.path}.", markup=False)
    rate = stream.tally.rows / max(elapsed_s, 1e-6)
    console.print(f"{elapsed_s:,.1f} s, {rate:,.0f} rows/s.", highlight=False)


def _report(refusals: RefusalReport, batch: Batch) -> None:
    for refusal in batch.refusals:
        refusals.add(refusal)


def _settings() -> Settings:
    try:
        return Settings()
    except ValidationError as error:
        missing = ", ".join(f"FORETELL_{str(fault['loc'][0]).upper()}" for fault in error.errors())
        raise MappingProblem(f"These settings are missing or wrong: {missing}. Start it with 'make import'.") from None


def _first_line(error: Exception) -> str:
    cause = getattr(error, "orig", None) or error
    return str(cause).splitlines()[0] if str(cause) else type(cause).__name__
