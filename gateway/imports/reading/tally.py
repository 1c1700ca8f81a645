"""What an import has read so far: counts, refusals by reason, dates, and where every deal ended."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from libs.common.clock import to_millis
from libs.common.events.crm import CrmDealChanged, CrmRecord

_STAGE_BITS = 12


@dataclass
class Tally:
    """Counts of one reading, from the first row whether or not a batch was written before."""

    zone: ZoneInfo
    rows: int = 0
    not_selected: int = 0
    changes: Counter[str] = field(default_factory=Counter)
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    ignored: Counter[str] = field(default_factory=Counter)
    first_at: datetime | None = None
    last_at: datetime | None = None
    _stages: list[tuple[str, str]] = field(default_factory=list)
    _stage_number: dict[tuple[str, str], int] = field(default_factory=dict)
    _deals: dict[int, int] = field(default_factory=dict)

    def count(self, object_type: str, event: CrmRecord) -> None:
        at = event.clock.crm_time
        self.changes[object_type] += 1
        if not isinstance(event, CrmDealChanged):
            return
        if self.first_at is None or at < self.first_at:
            self.first_at = at
        if self.last_at is None or at > self.last_at:
            self.last_at = at
        ending = ("deleted", "") if event.deleted else (event.stage, event.state)
        if (number := self._stage_number.get(ending)) is None:
            number = self._stage_number[ending] = len(self._stages)
            self._stages.append(ending)
        # One integer per deal, time and stage together: it has to fit a million deals into memory.
        standing = to_millis(at) << _STAGE_BITS | number
        key = event.deal_id.int >> 64
        if (known := self._deals.get(key)) is None or known >> _STAGE_BITS <= standing >> _STAGE_BITS:
            self._deals[key] = standing

    @property
    def refused_rows(self) -> int:
        return self.refused.total()

    @property
    def last_day(self) -> date | None:
        """The business date: the day of the newest change of a deal."""
        return self.last_at.astimezone(self.zone).date() if self.last_at else None

    def stages(self) -> dict[tuple[str, str], int]:
        """Deals by the stage and state in which the files leave them."""
        mask = (1 << _STAGE_BITS) - 1
        counted = Counter(standing & mask for standing in self._deals.values())
        return {self._stages[number]: count for number, count in counted.most_common()}

    def states(self) -> dict[str, int]:
        found: Counter[str] = Counter()
        for (stage, state), count in self.stages().items():
            found[state or stage] += count
        return dict(found)

    def as_json(self) -> dict[str, Any]:
        return {
            "rows": self.rows,
            "not_selected": self.not_selected,
            "changes": dict(self.changes),
            "refused": {f"{column}: {reason}" if column else reason: n for (column, reason), n in self.refused.items()},
            "ignored": dict(self.ignored),
            "deals": self.states(),
            "first_change_at": self.first_at.isoformat() if self.first_at else None,
            "last_change_at": self.last_at.isoformat() if self.last_at else None,
        }
