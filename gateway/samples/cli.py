"""`python -m gateway send-sample CONNECTION`: what a delivery of this connection meets at its own door, and what becomes of it."""

import asyncio
from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import httpx
import typer

from gateway.config import Settings
from gateway.deliveries import repository as stored
from gateway.deliveries import service as deliveries
from gateway.deliveries.schemas import DeliveryDetail
from gateway.samples import service
from gateway.samples.bodies import Kind, Sample
from libs.common import clock
from libs.common.db import Database
from libs.common.web.auth import Principal
from libs.common.web.errors import Problem

app = typer.Typer()

LOOK_EVERY_S = 0.1


class Object(StrEnum):
    DEAL = "deal"
    LEAD = "lead"


@app.command("send-sample")
def send_sample(
    connection: Annotated[str, typer.Argument(help="key of a connection")],
    kind: Annotated[Object, typer.Option("--object", help="what the sample tells of")] = Object.DEAL,
    external_id: Annotated[
        str | None, typer.Option("--id", help="the record's id in the CRM; HubSpot's must be one that it has")
    ] = None,
    change_event: Annotated[
        bool, typer.Option("--change-event", help="Salesforce: a change event by a callout, of a record that it has")
    ] = False,
    wait_s: Annotated[float, typer.Option(help="longest wait for what becomes of it")] = 10.0,
) -> None:
    """Send a signed sample delivery to the connection's own webhook, and say what became of it.

    It is a delivery like any other: a sample deal that can be mapped is in the forecast afterwards. Exit 0 when it was taken
    and is not parked.
    """
    try:
        status, found = asyncio.run(_send(connection, kind.value, external_id, change_event, wait_s))
    except (Problem, httpx.HTTPError) as error:
        typer.echo(str(error) or type(error).__name__, err=True)
        raise typer.Exit(code=1) from None
    typer.echo(f"answered with status {status}")
    for line in became(found):
        typer.echo(line)
    raise typer.Exit(code=0 if found is not None and found.state == "processed" else 1)


def became(found: DeliveryDetail | None) -> list[str]:
    """What became of a sample, for the terminal."""
    if found is None:
        return ["it was not stored"]
    lines = [f"delivery {found.id} is {found.state}"]
    for item in found.items:
        what = f"{item.object_type or 'item'} {item.external_id or ''}".rstrip()
        lines.append(f"  {what}: {item.outcome}" + (f", {item.reason}" if item.reason else ""))
        lines += [f"    {item.advice}"] * bool(item.advice)
    return lines


async def _send(
    key: str, kind: Kind, external_id: str | None, change_event: bool, wait_s: float
) -> tuple[int, DeliveryDetail | None]:
    settings = Settings()
    database = Database(settings)
    try:
        async with httpx.AsyncClient(timeout=10, trust_env=False) as http:
            return await send(
                database, settings, http, key, kind, external_id=external_id, change_event=change_event, wait_s=wait_s
            )
    finally:
        await database.close()


async def send(
    database: Database,
    settings: Settings,
    http: httpx.AsyncClient,
    key: str,
    kind: Kind,
    *,
    external_id: str | None = None,
    change_event: bool = False,
    wait_s: float = 10.0,
) -> tuple[int, DeliveryDetail | None]:
    """The status that the door answered with, and the delivery once it has been read and fetched, if it was stored.

    Raises Problem where no sample can be made, httpx.HTTPError where the gateway cannot be reached.
    """
    at = clock.now()
    principal = Principal.system("gateway")
    async with database.reading() as session:
        sample = await service.make(
            session,
            key,
            kind,
            external_id=external_id,
            change_event=change_event,
            at=at,
            settings=settings,
            principal=principal,
        )
    answer = await http.post(sample.url, content=sample.body, headers=sample.headers)
    return answer.status_code, await _found(database, key, sample, at, wait_s)


async def _found(database: Database, key: str, sample: Sample, since: datetime, wait_s: float) -> DeliveryDetail | None:
    """The delivery once it has been read and fetched, or as it is when the time is over; None when it was not stored."""
    deadline = clock.monotonic() + wait_s
    while True:
        async with database.reading() as session:
            identifier: UUID | None = await stored.stored_as(session, connection=key, body=sample.stored, since=since)
            found = (
                None
                if identifier is None
                else await deliveries.detail(session, identifier, principal=Principal.system("gateway"))
            )
        if found is None or found.state in ("processed", "parked") or clock.monotonic() > deadline:
            return found
        await asyncio.sleep(LOOK_EVERY_S)
