"""What is different between two entries of a deal's timeline, in words. Pure; nothing is added up."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from gateway.pages import format as written

Entry = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """One property before and after, written for people; both the same where it did not change."""

    name: str
    was: str
    now: str

    @property
    def is_change(self) -> bool:
        return self.was != self.now

    @property
    def label(self) -> str:
        return PROPERTIES[self.name]


PROPERTIES = {
    "stage": "stage",
    "category": "category",
    "amount": "amount",
    "close": "close date",
    "booked": "booking date",
    "line": "line",
    "owner": "owner",
    "next_step": "next step",
    "activity": "last activity",
}
"""What they are called, in the order in which they are told."""


CARE = {"next_step": ("next_step", "next_step_known"), "activity": ("last_activity_at", "activity_known")}
"""What not every CRM tells: the value, and whether it is known."""
NOT_TOLD = "not told"
"""What is written where a CRM does not tell it: not the same as that there is none."""


def compared(
    before: Entry | None, after: Entry | None, names: Mapping[UUID, str], zone: str = "UTC"
) -> dict[str, Change]:
    """Every property on both sides, by its name; a dash where there was no deal. `zone` makes days of instants."""
    return {
        name: Change(name, _written(before, name, names, zone), _written(after, name, names, zone))
        for name in PROPERTIES
    }


def told(changes: Mapping[str, Change]) -> list[Change]:
    """Those that are changes. The line goes without saying where the category says it."""
    follows = changes["category"].is_change
    return [each for each in changes.values() if each.is_change and not (follows and each.name == "line")]


def _written(entry: Entry | None, name: str, names: Mapping[UUID, str], zone: str) -> str:
    if entry is None:
        return written.NONE
    if name == "amount":
        amount = written.whole(entry["amount"])
        return f"{amount} {entry['currency'] or ''}".strip() if entry["amount"] is not None else written.NONE
    if name in ("close", "booked"):
        return written.day(entry["close_date" if name == "close" else "closed_on"])
    if name in CARE:
        return _care(entry, name, zone)
    if name == "owner":
        owner = entry["owner_id"]
        return names.get(UUID(owner), f"Person {owner[:8]}") if owner else "Nobody"
    value = entry[name]
    if name == "stage":
        return value or written.NONE
    return written.words(value) if value else written.NONE


def _care(entry: Entry, name: str, zone: str) -> str:
    """Next step or the day of the last activity; apart, that there is none and that nobody told."""
    value, is_known = (entry.get(each) for each in CARE[name])
    if not is_known:
        return NOT_TOLD
    if value is None:
        return "none"
    return str(value) if name == "next_step" else written.day_of(value, zone)
