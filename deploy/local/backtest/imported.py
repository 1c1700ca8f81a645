"""From the files of an import to the engine's steps, by the product's own code: mapping, ledger, columns."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from operator import attrgetter
from pathlib import Path
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from gateway.imports.reading.files import locate
from gateway.imports.reading.load import load_mapping
from gateway.imports.reading.stream import Stream
from libs.common import clock
from libs.common.events.crm import CrmDealChanged
from libs.common.events.deals import DealState
from services.deals.ledger.entries import entries_for, event_of
from services.deals.ledger.timeline import Inputs, fold
from services.forecast.history.columns import (
    AMOUNT_SCALE,
    ARRAYS,
    DAYS,
    NO_AMOUNT,
    NO_DAY,
    NO_TIME,
    OPTIONAL_TIMES,
    TIMES,
    WORDS,
    Columns,
    day_number,
    empty,
    merged,
    micros,
    timeline,
    type_of,
)
from services.forecast.projection.reading import steps_of
from services.forecast.projection.steps import Steps
from services.forecast.rates.conversion import Rates

_NAMES = {
    "deal": "deal_id",
    "owner": "owner_id",
    "account": "account_id",
    "probability": "stage_probability",
    "recorded_at": "valid_from",
}
"""Columns that a version calls otherwise. Nobody knows when an imported change was recorded: when it happened, at best."""
_ALWAYS = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Imported:
    """A company's deals. `currency` is that of most of them; amounts in others have no rate and count as unknown."""

    company: str
    currency: str
    deals: int
    refused_rows: int
    steps: Steps


def read(target: Path, mapping: str, *, tell: Callable[[Stream], None]) -> Imported:
    """The deals of an import, as the running product would hold them after it. Nothing is written.

    `tell` sees the stream after each batch. Deals stand without their leads: a file's leads are not qualified here, so none
    holds a deal back. Raises MappingProblem.
    """
    document = load_mapping(mapping)
    stream = Stream(document, locate(target, document), received_at=clock.now())
    records: dict[UUID, list[CrmDealChanged]] = {}
    for batch in stream.batches():
        for change in batch.changes:
            if isinstance(change.event, CrmDealChanged):
                alone = change.event.model_copy(update={"lead_id": None}) if change.event.lead_id else change.event
                records.setdefault(change.key, []).append(alone)
        tell(stream)
    zone = ZoneInfo(document.timezone)
    columns = columns_of([state for deal, told in records.items() for state in states_of(deal, told, zone)])
    currencies = Counter(record.currency for told in records.values() for record in told if record.currency)
    currency = currencies.most_common(1)[0][0] if currencies else document.currency or "EUR"
    rows = timeline(columns, _ALWAYS, _ALWAYS)
    steps = steps_of(columns, rows, Rates(currency, {}), zone)
    company = document.connection or document.name
    return Imported(company, currency, len(records), stream.tally.refused_rows, steps)


def states_of(deal_id: UUID, records: Sequence[CrmDealChanged], zone: ZoneInfo) -> list[DealState]:
    """The versions of one deal that the ledger would tell of, in their order."""
    moments, _ = fold(Inputs(records=records), zone)
    entries, _ = entries_for(deal_id, [], moments, version=0, triggers=())
    return [event_of(entry) for entry in entries]


def columns_of(states: Sequence[DealState]) -> Columns:
    """Versions as the columns that the forecast reads them into."""
    known = empty()
    return merged(known, {name: _array(known, name, states) for name in ARRAYS})


def _quiet_since(state: DealState) -> datetime | None:
    """The last activity or the creation, whichever came later, as the database finds it."""
    if not state.activity_known:
        return None
    return max(state.last_activity_at or state.created_at, state.created_at)


_FOUND: Final[dict[str, Callable[[DealState], Any]]] = {
    "gone": lambda state: state.removed or state.absorbed_into is not None,
    "lacks_next_step": lambda state: state.next_step_known and state.next_step is None,
    "quiet_since": _quiet_since,
    "threads_known": lambda state: state.threads_until is not None,
    "second_thread_until": lambda state: (*(state.threads_until or ()), None, None)[1],
    "term": lambda state: state.term_months or 0,
}
"""Columns that are made of others."""


def _array(known: Columns, name: str, states: Sequence[DealState]) -> npt.NDArray[Any]:
    if name in _FOUND:
        values: list[Any] = list(map(_FOUND[name], states))
    else:
        values = list(map(attrgetter(_NAMES.get(name, name)), states))
    if name in WORDS:
        return known.words[name].encode([None if value is None else str(value) for value in values])
    if name == "amount":
        values = [NO_AMOUNT if value is None else _units(value) for value in values]
    elif name in TIMES or name in OPTIONAL_TIMES:
        values = [NO_TIME if value is None else micros(value) for value in values]
    elif name in DAYS:
        values = [NO_DAY if value is None else day_number(value) for value in values]
    return np.array(values, dtype=type_of(name))


def _units(amount: Decimal) -> int:
    return int(amount.scaleb(AMOUNT_SCALE).to_integral_value(ROUND_HALF_UP))
