"""The parts of a deal that people are credited with. Pure: the twin, deal by deal, of `columns`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from libs.common import money
from libs.common.events.splits import SplitEntry, SplitShare

_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Part:
    """What somebody is credited with, in the base currency; the parts of a deal add to what it is worth, to the cent."""

    person_id: UUID
    share: Decimal
    amount: Decimal | None
    weighted: Decimal | None


def booked_until(closed_on: date | None, zone: ZoneInfo) -> datetime | None:
    """The last instant whose statements count: the end of the closing day; None while a deal is open."""
    if closed_on is None:
        return None
    return datetime.combine(closed_on + timedelta(days=1), datetime.min.time(), tzinfo=zone) - _TICK


def counting(entries: Sequence[SplitEntry], until: datetime | None) -> list[SplitShare]:
    """The shares of the last entry that holds by an instant, greatest first; none where all is the owner's."""
    found = [each for each in entries if until is None or each.at <= until]
    return sorted(found[-1].shares, key=lambda each: (-each.share, each.person_id)) if found else []


def parts(row: Mapping[str, Any], shares: Sequence[SplitShare], currency: str) -> list[Part]:
    """A deal's worth and weight cut to the minor unit by largest remainder; unknown is unknown for each."""

    def cut(whole: Decimal | None) -> Sequence[Decimal | None]:
        return (
            [None] * len(shares) if whole is None else money.allocate(whole, [each.share for each in shares], currency)
        )

    cuts = zip(shares, cut(row["amount_base"]), cut(row["weighted_base"]), strict=True)
    return [Part(each.person_id, each.share, amount, weighted) for each, amount, weighted in cuts]
