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
    """Revenue and overlay shares, whole, where they differ from before. Revenue shares under the whole say nothing by themselves: what
    they leave is the owner's, whoever that is when.

    Raises CannotStand for revenue shares beyond the whole and for a share beyond the deal.
    """
    del deal
    shares = {beside: _shares(told, beside) for beside in (False, True)}
    known = {beside: _shares(before, beside) for beside in (False, True)} if before else {False: {}, True: {}}
    for each in (*shares[False].values(), *shares[True].values()):
        if not 0 < each <= WHOLE:
            raise CannotStand(
                f"The CRM credits somebody with {percent(each)} %; a share is more than 0 and at most 100 %."
            )
    said = []
    if shares[False] != known[False]:
        revenue = revenue_in(told)
        said += [] if leaves_a_rest(revenue) else [Said("revenue", as_said(revenue))]
    if shares[True] != known[True]:
        said.append(Said("overlay", as_said(shares[True])))
    return said


def revenue_in(told: Mapping[str, Any]) -> dict[str, Decimal]:
    """The revenue shares, which make the whole or leave a rest. Raises CannotStand beyond the whole."""
    return _whole(_shares(told, False))


def leaves_a_rest(shares: Mapping[str, Decimal]) -> bool:
    """Whether somebody else has a part of the deal; no shares at all say nothing of anybody."""
    return bool(shares) and _rest(shares) > 0


def without_owner(shares: Mapping[str, Decimal]) -> str:
    """Why shares that leave a rest do not stand."""
    return f"The CRM's shares make {percent(WHOLE - _rest(shares))} %, and no owner is known whose the rest could be."


def as_said(shares: Mapping[str, Decimal]) -> dict[str, Any]:
    return {"shares": [{"person_id": who, "share": str(share)} for who, share in sorted(shares.items())]}


def _shares(told: Mapping[str, Any], beside: bool) -> dict[str, Decimal]:
    shares = {each["person_id"]: Decimal(each["share"]) for each in told.get("shares", ()) if each["overlay"] is beside}
    return {who: share.quantize(STEP, ROUND_DOWN) for who, share in shares.items()}


def _rest(shares: Mapping[str, Decimal]) -> Decimal:
    return WHOLE - sum(shares.values(), Decimal())


def _whole(shares: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """What thirds leave over is the largest share's."""
    rest = _rest(shares)
    if rest < -SLACK:
        raise CannotStand(f"The CRM's shares make {percent(WHOLE - rest)} %, more than the deal; mend them there.")
    if not shares or abs(rest) > SLACK:
        return dict(shares)
    largest = max(sorted(shares), key=lambda who: shares[who])
    return {**shares, largest: shares[largest] + rest}
