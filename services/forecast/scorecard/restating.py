"""What became of a month that was signed: its bookings now against then, by deal. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from services.forecast.scorecard.document import DealRestated, Restated, Win


@dataclass(frozen=True, slots=True)
class Signed:
    """What a signed document says of its month: per deal its name and amount, and the sum of them."""

    period: str
    label: str
    version: int
    deals: Mapping[UUID, tuple[str, Decimal | None]]

    @classmethod
    def of(cls, version: int, contents: Mapping[str, Any]) -> "Signed":
        """From the text of a document, of its value basis."""
        deals = {
            UUID(win["deal_id"]): (win["name"], None if win["amount_base"] is None else Decimal(win["amount_base"]))
            for win in contents["wins"]
            if win["value_basis"] == contents["value_basis"]
        }
        return cls(contents["period"], contents["label"], version, deals)


def restated(signed: Signed, now: Sequence[Win]) -> Restated | None:
    """The deals that count otherwise than was signed, greatest change first; None when there is none."""
    standing = {win.deal_id: (win.name, win.amount_base) for win in now}
    deals = []
    for deal in signed.deals.keys() | standing.keys():
        (name, before), (now_name, after) = signed.deals.get(deal, ("", None)), standing.get(deal, ("", None))
        is_same = before == after and (deal in signed.deals) == (deal in standing)
        if not is_same:
            change = (after or Decimal()) - (before or Decimal())
            deals.append(DealRestated(deal_id=deal, name=now_name or name, signed=before, now=after, change=change))
    if not deals:
        return None
    was = sum((amount for _, amount in signed.deals.values() if amount is not None), Decimal())
    change = sum((deal.change for deal in deals), Decimal())
    return Restated(
        line=f"restated.{signed.period}",
        period=signed.period,
        label=signed.label,
        version=signed.version,
        signed=was,
        now=was + change,
        change=change,
        deals=sorted(deals, key=lambda deal: (-abs(deal.change), str(deal.deal_id))),
    )
