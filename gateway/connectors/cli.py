"""Commands on documents of connections: `python -m gateway connection-catalogue`, `python -m gateway connection-new NAME`."""

from typing import Annotated

import typer

from gateway.connectors.generic import catalogue

app = typer.Typer()


@app.command("connection-catalogue")
def connection_catalogue() -> None:
    """List the CRMs that a document ships for."""
    width = max(len(name) for name in catalogue.names())
    for name in catalogue.names():
        typer.echo(f"{name:<{width}}  {catalogue.summary(name)}")


@app.command("connection-new")
def connection_new(name: Annotated[str, typer.Argument(help="a name of connection-catalogue")]) -> None:
    """Print a document to fill in; what stands in <> is yours. Then: python -m gateway connection-put FILE."""
    try:
        typer.echo(catalogue.document(name), nl=False)
    except LookupError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(code=1) from None
