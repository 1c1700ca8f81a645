"""The journal of streamed changes beside the configuration: what happened, and what was delivered. One JSON object per line."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from simulator.config import Provider
from simulator.records import DealRecord, LeadRecord, as_json, from_json
from simulator.sending.change import Change, Event


@dataclass(frozen=True)
class Entry:
    """Change number `number` of the stream."""

    number: int
    provider: Provider
    change: Change


@dataclass
class Counters:
    """The next numbers of changes, deals and leads."""

    change: int
    deal: int
    lead: int


class Journal:
    """Appends are visible to a restarted process as soon as they return; a torn last line is dropped.

    Opening compacts: the last state of every record remains, and every change that was not delivered.
    """

    def __init__(self, path: Path, first: Counters) -> None:
        self._path = path
        self.counters = first
        self.latest: dict[tuple[Provider, str, str], Entry] = {}
        self.pending: dict[int, Entry] = {}
        self.dropped = 0
        if path.exists():
            self._read()
        self._compact()
        self._file = path.open("a", encoding="utf-8")

    def append(self, provider: Provider, change: Change) -> Entry:
        """Record a change before anything is sent."""
        entry = Entry(self.counters.change, provider, change)
        self.counters.change += 1
        self._remember(entry)
        self._write(_entry_json(entry) | {"deals": self.counters.deal, "leads": self.counters.lead})
        return entry

    def settle(self, numbers: list[int], *, dropped: bool = False) -> None:
        """Changes that were delivered, or given up as that CRM gives up."""
        for number in numbers:
            self.pending.pop(number, None)
        self.dropped += len(numbers) if dropped else 0
        self._write({"dropped" if dropped else "sent": numbers})

    def close(self) -> None:
        self._file.close()

    def _write(self, document: Mapping[str, Any]) -> None:
        self._file.write(json.dumps(document, separators=(",", ":")) + "\n")
        self._file.flush()

    def _remember(self, entry: Entry) -> None:
        record = entry.change.record
        self.latest[entry.provider, entry.change.kind, record.external_id] = entry
        self.pending[entry.number] = entry

    def _read(self) -> None:
        with self._path.open(encoding="utf-8") as file:
            for line in file:
                try:
                    document = json.loads(line)
                except ValueError:
                    continue
                self._apply(document)

    def _apply(self, document: dict[str, Any]) -> None:
        self.counters.deal = max(self.counters.deal, document.get("deals", 0))
        self.counters.lead = max(self.counters.lead, document.get("leads", 0))
        self.counters.change = max(self.counters.change, document.get("next", 0), document.get("n", -1) + 1)
        self.dropped += document.get("given_up", 0) + len(document.get("dropped", ()))
        if "record" in document:
            entry = _entry(document)
            self._remember(entry)
            if document.get("done"):
                self.pending.pop(entry.number)
        for number in (*document.get("sent", ()), *document.get("dropped", ())):
            self.pending.pop(number, None)

    def _compact(self) -> None:
        kept = {entry.number: entry for entry in (*self.latest.values(), *self.pending.values())}
        partial = self._path.with_name(self._path.name + ".partial")
        with partial.open("w", encoding="utf-8") as file:
            numbers = {"next": self.counters.change, "deals": self.counters.deal, "leads": self.counters.lead}
            file.write(json.dumps(numbers | {"given_up": self.dropped}) + "\n")
            for number in sorted(kept):
                done = {} if number in self.pending else {"done": True}
                file.write(json.dumps(_entry_json(kept[number]) | done, separators=(",", ":")) + "\n")
        partial.replace(self._path)


def _entry_json(entry: Entry) -> dict[str, Any]:
    change = entry.change
    return {
        "n": entry.number,
        "provider": entry.provider,
        "kind": change.kind,
        "event": change.event,
        "record": as_json(change.record),
        "previous": as_json(change.previous) if change.previous else None,
    }


def _entry(document: dict[str, Any]) -> Entry:
    def record(value: dict[str, Any] | None) -> DealRecord | LeadRecord | None:
        if value is None:
            return None
        return from_json(DealRecord, value) if document["kind"] == "deal" else from_json(LeadRecord, value)

    now = cast("DealRecord | LeadRecord", record(document["record"]))
    event = cast("Event", document["event"])
    change = Change(now, event, record(document["previous"]))
    return Entry(document["n"], cast("Provider", document["provider"]), change)
