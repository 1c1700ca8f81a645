"""Commands on deliveries: `python -m gateway deliveries list | show | record | edit | tail | waiting | replay`, `audit`, `remap`."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar
from uuid import UUID

import orjson
import typer
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.config import Settings
from gateway.connectors import remapping
from gateway.deliveries import editing, records, service
from gateway.deliveries.asked import Selection, parse
from gateway.deliveries.schemas import DeliveryOut, EditIn, ReplayPlan
from libs.common import clock
from libs.common.db import Database
from libs.common.web.auth import Principal
from libs.common.web.errors import Problem

app = typer.Typer()
group = typer.Typer(no_args_is_help=True, help="What the CRMs sent and what became of it.")
app.add_typer(group, name="deliveries")

FOLLOW_EVERY_S = 1.0
TAIL = 20
_PAGE = 200
_KNOWN = 5000
"""Deliveries whose changes of state are followed; older ones have had their time."""

T = TypeVar("T")
Asked = Annotated[
    str,
    typer.Option(
        "--query",
        "-q",
        help='terms such as: connection:hub state:parked id:77 since:2h until:2026-03-01 "unknown stage"; default: all',
    ),
]
PRINCIPAL = Principal.system("gateway")


def _run(work: Callable[[Database], Awaitable[T]]) -> T:
    """What goes wrong is one line and exit status 1."""

    async def run() -> T:
        database = Database(Settings())
        try:
            return await work(database)
        finally:
            await database.close()

    try:
        return asyncio.run(run())
    except Problem as problem:
        typer.echo(str(problem), err=True)
        raise typer.Exit(code=1) from None


def _in_transaction(work: Callable[[AsyncSession], Awaitable[T]]) -> T:
    async def run(database: Database) -> T:
        async with database.transaction() as session:
            return await work(session)

    return _run(run)


def _asked(query: str) -> Selection:
    try:
        return parse(query, now=clock.now())
    except Problem as problem:
        typer.echo(str(problem), err=True)
        raise typer.Exit(code=1) from None


@group.command("list")
def list_deliveries(query: Asked = "", limit: Annotated[int, typer.Option(min=1, max=500)] = 50) -> None:
    """Deliveries that meet the query, newest first."""
    asked = _asked(query)
    found = _in_transaction(lambda session: service.listed(session, asked, principal=PRINCIPAL, limit=limit))
    for each in found.items:
        typer.echo(line(each))
    taken = found.latency
    if taken.p50_s is not None and taken.p95_s is not None:
        typer.echo(
            f"half of them settled within {taken.p50_s:.3f} s, 95 % within {taken.p95_s:.3f} s (the newest {taken.settled})"
        )
    typer.echo(
        f"{len(found.items)} deliveries"
        + (", there are more: narrow the query or raise --limit" if found.next_cursor else "")
    )


@group.command("show")
def show(delivery: Annotated[UUID, typer.Argument(help="id of a delivery")]) -> None:
    """One delivery: its items with their outcomes, its headers, its body with credentials blanked."""
    found = _in_transaction(lambda session: service.detail(session, delivery, principal=PRINCIPAL))
    typer.echo(line(found))
    for item in found.items:
        typer.echo(
            f"  {item.position}  {item.outcome}  {item.object_type or '-'} {item.external_id or '-'}  {item.reason or ''}".rstrip()
        )
        if item.edit:
            typer.echo(f"     edited by {item.edit.actor}: {item.edit.reason}")
        if item.advice:
            typer.echo(f"     {item.advice}")
        if item.event_id:
            typer.echo(f"     change {item.event_id} of {item.entity_id}, CRM time {item.crm_time}")
    for name, value in sorted(found.headers.items()):
        typer.echo(f"  {name}: {value}")
    typer.echo(found.body if found.body is not None else "  (the raw body has been removed)")


@group.command("tail")
def tail(
    connection: Annotated[str | None, typer.Option(help="key of one connection; default: all")] = None,
    state: Annotated[str | None, typer.Option(help="accepted, pending, processed or parked; default: all")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="go on with what comes, until Ctrl-C")] = False,
) -> None:
    """The newest deliveries, oldest of them first; followed ones are shown again when their state changes."""
    asked = _asked(f"state:{state}" if state else "")
    asked = Selection(connection=connection, state=asked.state)

    async def work(database: Database) -> None:
        known: dict[UUID, str] = {}
        for each in reversed(await _newest(database, asked, {}, limit=TAIL)):
            typer.echo(line(each))
            known[each.id] = each.state
        while follow:
            await asyncio.sleep(FOLLOW_EVERY_S)
            for each in reversed(await _newest(database, asked, known, limit=_PAGE)):
                typer.echo(line(each))
                known[each.id] = each.state
            for old in sorted(known)[:-_KNOWN]:
                del known[old]

    try:
        _run(work)
    except KeyboardInterrupt:
        raise typer.Exit(code=130) from None


async def _newest(database: Database, asked: Selection, known: dict[UUID, str], *, limit: int) -> list[DeliveryOut]:
    """The newest deliveries that are not known in this state, newest first; pages back until all of a page is known."""
    found: list[DeliveryOut] = []
    cursor: str | None = None
    floor = min(known, default=None)
    while True:
        async with database.reading() as session:
            page = await service.listed(session, asked, principal=PRINCIPAL, cursor=cursor, limit=limit)
        fresh = [e for e in page.items if known.get(e.id) != e.state and (floor is None or e.id >= floor)]
        found += fresh
        cursor = page.next_cursor
        if not known or not fresh or cursor is None:
            return found


@group.command("waiting")
def waiting(older_than_s: float = 5.0) -> None:
    """What was accepted and has no effect yet; exit 1 when there is any."""
    found = _in_transaction(
        lambda session: service.waiting(session, principal=PRINCIPAL, older_than_s=older_than_s, limit=500)
    )
    for each in found.items:
        what = f"{each.object_type} {each.external_id}" if each.object_type else "unread"
        tried = f", tried {each.attempts} times" if each.attempts else ""
        typer.echo(f"{each.age_s:8.0f} s  {each.delivery_id}  {each.connection}  {what}: {each.reason}{tried}")
    typer.echo(f"{len(found.items)}{'' if found.is_complete else ' and more'} wait")
    raise typer.Exit(code=1 if found.items else 0)


@group.command("record")
def record(
    connection: Annotated[str, typer.Argument(help="key of a connection")],
    object_type: Annotated[str, typer.Argument(help="deal, lead or contact")],
    external_id: Annotated[str, typer.Argument(help="the record's id in the CRM")],
) -> None:
    """Where each value of a deal or lead is known from."""
    found = _in_transaction(
        lambda session: records.record(
            session, connection=connection, object_type=object_type, external_id=external_id, principal=PRINCIPAL
        )
    )
    typer.echo(
        f"{found.object_type} {found.external_id} of {found.connection}: {found.entity_id}, {found.versions} versions"
    )
    for each in found.fields:
        gap = f", not seen since {each.unobserved_since:%Y-%m-%d %H:%M:%S}" if each.unobserved_since else ""
        typer.echo(
            f"  {each.name:20} {'-' if each.value is None else each.value}  CRM {each.crm_time:%Y-%m-%d %H:%M:%S}{gap}"
            f"  by {each.actor or 'unknown'}  received {each.received_at:%Y-%m-%d %H:%M:%S}"
            f"  mapping {each.mapping_version}  delivery {each.delivery_id}"
        )


@group.command("edit")
def edit(
    delivery: Annotated[UUID, typer.Argument(help="id of a delivery")],
    position: Annotated[int, typer.Argument(min=0, help="place of the parked item in it, as `show` tells it")],
    patch: Annotated[str, typer.Option(help='JSON merge patch over the record as read, e.g. {"stage": "Propose"}')],
    reason: Annotated[str, typer.Option(help="why; goes into the audit trail")],
) -> None:
    """Change fields of a parked record and read it again with them; what came stays as it is."""
    try:
        wanted = EditIn.model_validate({"patch": orjson.loads(patch), "reason": reason})
    except (orjson.JSONDecodeError, ValidationError) as error:
        typer.echo(f"The edit cannot be used: {error}", err=True)
        raise typer.Exit(code=1) from None
    settings = Settings()
    done = _in_transaction(
        lambda session: editing.edit(session, delivery, position, wanted, settings=settings, principal=PRINCIPAL)
    )
    typer.echo("kept; the delivery is read again" if done.changed else "unchanged: the item has this edit already")
    typer.echo(line(done.delivery))


@app.command("replay")
@group.command("replay")
def replay(
    query: Asked = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only say what would be read again")] = False,
) -> None:
    """Read parked deliveries that meet the query again, with the mappings as they are now."""
    asked = _asked(query)
    done = _in_transaction(
        lambda session: service.replay_selected(session, asked, dry_run=dry_run, principal=PRINCIPAL)
    )
    for written in plan_lines(done):
        typer.echo(written)


def plan_lines(done: ReplayPlan) -> list[str]:
    """What a replay did, or would do, for the terminal."""
    lines = [f"{each.items:8}  {each.connection}  {each.reason or 'no reason'}" for each in done.reasons]
    verb = "would be read again" if done.dry_run else "are read again"
    lines.append(f"{done.items} parked items in {done.deliveries} deliveries {verb}")
    if done.remaining:
        lines.append(f"{done.remaining} more deliveries are parked; run it again for them")
    if done.forgotten:
        lines.append(f"{done.forgotten} deliveries cannot be: their raw bodies have been removed")
    return lines


def line(each: DeliveryOut) -> str:
    """A delivery in one line."""
    outcomes = ", ".join(f"{name} {count}" for name, count in sorted(each.outcomes.items()))
    took = "" if each.latency_s is None else f"after {each.latency_s:.3f} s"
    parts = [f"{each.received_at:%Y-%m-%d %H:%M:%S}", str(each.id), each.connection, each.state, ",".join(each.objects)]
    return "  ".join([part for part in (*parts, outcomes, took, each.reason or "") if part])


@app.command("audit")
def audit() -> None:
    """Check that every accepted item has exactly one outcome, per connection and hour; exit 1 if not."""
    found = _in_transaction(service.audit)
    for row in found.hours:
        counts = ", ".join(f"{name} {row[name]}" for name in row if name not in ("connection", "hour"))
        typer.echo(f"{row['connection']}  {row['hour']:%Y-%m-%d %H:%M}  {counts}")
    for row in found.violations:
        typer.echo(f"VIOLATED  {row['connection']}  {row['hour']:%Y-%m-%d %H:%M}  e.g. {row['example']}", err=True)
    typer.echo(f"{len(found.hours)} connection-hours, {len(found.violations)} violated")
    raise typer.Exit(code=1 if found.violations else 0)


@app.command("remap")
def remap(connection: Annotated[str, typer.Argument(help="key of a connection whose mapping changed")]) -> None:
    """Map the newest records of a connection again; the changes supersede what the old mapping made of them."""

    async def run() -> tuple[int, int]:
        settings = Settings()
        database = Database(settings)
        try:
            return await remapping.remap(database, settings, connection)
        finally:
            await database.close()

    try:
        changed, refused = asyncio.run(run())
    except LookupError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(code=1) from None
    typer.echo(f"{changed} records mapped again, {refused} refused by the new mapping")
