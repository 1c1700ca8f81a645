"""Whom a CRM credits with a deal. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from services.deals.credit.rest import as_said, beyond_the_whole, leaves_a_rest, revenue_in, shares_told
from services.deals.credit.share import WHOLE, percent
from services.deals.statements.heard import CannotStand, Said
from services.deals.statements.models import Held


def meaning(told: Mapping[str, Any], deal: Held | None, before: Mapping[str, Any]) -> Sequence[Said]:
    """Revenue and overlay shares, whole, where they differ from before. Revenue shares under the whole say nothing by themselves: what
    they leave is the owner's, whoever that is when.

    Raises CannotStand for revenue shares beyond the whole and for a share beyond the deal.
    """
    del deal
    shares = {beside: shares_told(told, beside) for beside in (False, True)}
    known = {beside: shares_told(before, beside) for beside in (False, True)} if before else {False: {}, True: {}}
    for each in (*shares[False].values(), *shares[True].values()):
        if not 0 < each <= WHOLE:
            raise CannotStand(
                f"The CRM credits somebody with {percent(each)} %; a share is more than 0 and at most 100 %."
            )
    said = []
    if shares[False] != known[False]:
        if beyond := beyond_the_whole(shares[False]):
            raise CannotStand(
                f"The CRM's shares make {percent(WHOLE + beyond)} %, more than the deal; mend them there."
            )
        revenue = revenue_in(told)
        said += [] if leaves_a_rest(revenue) else [Said("revenue", as_said(revenue))]
    if shares[True] != known[True]:
        said.append(Said("overlay", as_said(shares[True])))
    return said
