"""A trial: everything known of a connection, understood by a document that is not in use, down to the forecast.

Nothing is written. Deals and forecast are asked to rehearse, by their real path in a transaction that is taken back.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson

from gateway.config import Settings
from gateway.connections import service as connections
from gateway.connections.schemas import ConnectionIn
from gateway.connections.service import Connection
from gateway.connectors.items import FullRecord, Signal
from gateway.connectors.outcomes import Outcome
from gateway.connectors.records import Incoming
from gateway.connectors.understanding import mapped_or_parked, parse
from gateway.proxy.client import Services
from gateway.trials import repository
from gateway.trials.comparison import Tally
from gateway.trials.schemas import Effect, Movement, TrialOut
from libs.common.db import Database
from libs.common.events.base import REHEARSED_AT_ONCE
from libs.common.web.auth import Principal

DELIVERIES = 5_000
"""So many unread or parked deliveries one trial reads."""
RECORDS = 20_000
"""So many stored records a trial by HTTP looks at."""
_BATCH = 500

Watch = Callable[[int], None]
"""Told how many records have been looked at."""
Key = tuple[str, str]


@dataclass
class _Moved:
    """What deals would move in the forecast, added up over the rehearsals."""

    currency: str = ""
    deals: int = 0
    lines: dict[tuple[str, str], list[Decimal]] = field(default_factory=dict)

    def add(self, answer: Mapping[str, Any]) -> None:
        self.currency = answer["currency"]
        for each in answer["moved"]:
            sums = self.lines.setdefault((each["month"], each["line"]), [Decimal()] * 3)
            found = (Decimal(each["deals"]), Decimal(each["amount"]), Decimal(each["weighted"]))
            self.lines[each["month"], each["line"]] = [a + b for a, b in zip(sums, found, strict=True)]

    def as_effect(self) -> Effect | None:
        if not self.deals:
            return None
        moved = [
            Movement(month=date.fromisoformat(month), line=line, deals=int(count), amount=amount, weighted=weighted)
            for (month, line), (count, amount, weighted) in sorted(self.lines.items())
            if count or amount or weighted
        ]
        return Effect(currency=self.currency, deals=self.deals, moved=moved)


@dataclass
class _Trial:
    connection: Connection
    zone: ZoneInfo
    services: Services
    principal: Principal
    tally: Tally = field(default_factory=Tally)
    moved: _Moved = field(default_factory=_Moved)
    _deals: list[dict[str, Any]] = field(default_factory=list)

    def map(self, source: FullRecord, delivery: UUID | None, received_at: Any) -> Incoming | Outcome:
        return mapped_or_parked(
            source, self.connection, zone=self.zone, delivery_id=delivery or UUID(int=0), received_at=received_at
        )

    def look(self, key: Key, before: Mapping[str, Any] | None, found: Incoming | Outcome) -> None:
        """Compare a record with what is in use; a deal that differs waits for its rehearsal."""
        if isinstance(found, Outcome):
            self.tally.refuse(key[1], found)
            return
        event = found.mapped.event
        after = orjson.loads(event.model_dump_json()) if event is not None else None
        if self.tally.compare(*key, before, after) and after is not None and key[0] == "deal":
            self._deals.append(after)

    async def rehearse(self, *, at_least: int) -> None:
        """Have the deals that wait rehearsed, if they are as many as that."""
        while self._deals and len(self._deals) >= at_least:
            batch, self._deals = self._deals[:REHEARSED_AT_ONCE], self._deals[REHEARSED_AT_ONCE:]
            self.moved.deals += len(batch)
            told = await self.services.post("deals", "deals/rehearsal", {"records": batch}, principal=self.principal)
            last: dict[str, dict[str, Any]] = {}
            for entry in told["entries"]:
                known = last.setdefault(entry["deal_id"], entry)
                last[entry["deal_id"]] = max(known, entry, key=_order)
            if last:
                body = {"entries": list(last.values())}
                self.moved.add(
                    await self.services.post("forecast", "forecast/rehearsal", body, principal=self.principal)
                )


def _order(entry: Mapping[str, Any]) -> tuple[datetime, int]:
    """The greatest entry is the deal as it stands."""
    return datetime.fromisoformat(entry["valid_from"]), entry["version"]


async def run(
    database: Database,
    services: Services,
    document: ConnectionIn,
    *,
    settings: Settings,
    principal: Principal,
    limit: int | None = RECORDS,
    watch: Watch = lambda _count: None,
) -> TrialOut:
    """Try a document. Raises what `connections.hypothetical` does, and ServiceDown when a service does not answer."""
    async with database.reading() as session:
        connection = await connections.hypothetical(session, document, settings=settings, principal=principal)
        trial = _Trial(connection, ZoneInfo(settings.org_timezone), services, principal)
        deliveries = await repository.without_effect(session, connection.key, DELIVERIES)
        newer = _newest_of(trial, deliveries)
        last: Key = ("", "")
        while limit is None or trial.tally.records < limit:
            rows = await repository.records(session, connection.key, last, _BATCH)
            if not rows:
                break
            for row in rows:
                last = (row.object_type, row.external_id)
                newest = newer.pop(last, None)
                if newest is not None and newest.mapped.clock.order()[:2] > (row.crm_time, row.sequence):
                    trial.look(last, row.canonical, newest)
                else:
                    trial.look(last, row.canonical, trial.map(_source(row), row.delivery_id, row.received_at))
            watch(trial.tally.records)
            await trial.rehearse(at_least=REHEARSED_AT_ONCE)
        complete = limit is None or trial.tally.records < limit
        if complete:
            for key, found in newer.items():
                trial.look(key, None, found)
        await trial.rehearse(at_least=1)
    return trial.tally.as_out(
        connection=connection.key,
        deliveries=len(deliveries),
        forecast=trial.moved.as_effect(),
        complete=complete and len(deliveries) < DELIVERIES,
    )


def _source(row: Any) -> FullRecord:
    return FullRecord(
        row.object_type,
        row.external_id,
        row.record,
        row.crm_time,
        row.sequence,
        row.deleted,
        row.merged_into,
        actor=row.actor,
    )


def _newest_of(trial: _Trial, deliveries: list[Any]) -> dict[Key, Incoming]:
    """The newest record of each key in deliveries that have had no effect; what cannot be read is counted."""
    newest: dict[Key, Incoming] = {}
    asked: set[Key] = set()
    for delivery in deliveries:
        for entry in parse(delivery, trial.connection):
            match entry.item:
                case Signal() as signal:
                    asked.add((signal.object_type, signal.external_id))
                case FullRecord() as source:
                    found = trial.map(source, delivery.id, delivery.received_at)
                    if isinstance(found, Outcome):
                        trial.tally.refuse(source.external_id, found)
                        continue
                    key = found.key[1:]
                    known = newest.get(key)
                    if known is None or found.mapped.clock.order() > known.mapped.clock.order():
                        newest[key] = found
                case _ if entry.outcome is not None and entry.outcome.name == "parked":
                    trial.tally.refuse("", entry.outcome)
    trial.tally.to_be_fetched = len(asked)
    return newest
