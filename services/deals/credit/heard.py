"""Whom a CRM credits with a deal. Pure."""

from collections.abc import Mapping, Sequence
from decimal import ROUND_DOWN, Decimal
from typing import Any, Final

from services.deals.credit.share import WHOLE, percent
from services.deals.statements.heard import CannotStand, Said
from services.deals.statements.models import Held

STEP: Final = Decimal("0.000001")
SLACK: Final = Decimal("0.0001")
"""Thirds cannot be written out: what is missing to the whole by so little belongs to the largest share."""


def meaning(told: Mapping[str, Any], deal: Held | None, before: Mapping[str, Any]) -> Sequence[Said]:
    """Revenue and overlay shares, whole, where they differ from before. What no share has is the owner's.

    Raises CannotStand for revenue shares beyond the whole, for a rest without an owner, and for a share beyond the deal.
    """
    shares = {beside: _shares(told, beside) for beside in (False, True)}
    known = {beside: _shares(before, beside) for beside in (False, True)} if before else {False: {}, True: {}}
    for each in (*shares[False].values(), *shares[True].values()):
        if not 0 < each <= WHOLE:
            raise CannotStand(
                f"The CRM credits somebody with {percent(each)} %; a share is more than 0 and at most 100 %."
            )
    said = []
    if shares[False] != known[False]:
        said.append(Said("revenue", _as_said(_whole(shares[False], deal))))
    if shares[True] != known[True]:
        said.append(Said("overlay", _as_said(shares[True])))
    return said


def _shares(told: Mapping[str, Any], beside: bool) -> dict[str, Decimal]:
    shares = {each["person_id"]: Decimal(each["share"]) for each in told.get("shares", ()) if each["overlay"] is beside}
    return {who: share.quantize(STEP, ROUND_DOWN) for who, share in shares.items()}


def _whole(shares: Mapping[str, Decimal], deal: Held | None) -> dict[str, Decimal]:
    found, rest = dict(shares), WHOLE - sum(shares.values(), Decimal())
    if not found or rest == 0:
        return found
    if rest < -SLACK:
        raise CannotStand(f"The CRM's shares make {percent(WHOLE - rest)} %, more than the deal; mend them there.")
    if abs(rest) <= SLACK:
        largest = max(sorted(found), key=lambda who: found[who])
        return found | {largest: found[largest] + rest}
    if deal is None or deal.owner_id is None:
        raise CannotStand(
            f"The CRM's shares make {percent(WHOLE - rest)} %, and no owner is known whose the rest could be."
        )
    owner = str(deal.owner_id)
    return found | {owner: found.get(owner, Decimal()) + rest}


def _as_said(shares: Mapping[str, Decimal]) -> dict[str, Any]:
    return {"shares": [{"person_id": who, "share": str(share)} for who, share in sorted(shares.items())]}
