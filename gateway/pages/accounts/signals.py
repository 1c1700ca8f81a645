"""The pages on signals: what was measured of each, which are on, and the money at risk; and one signal with its deals and refits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from gateway.auth.dependencies import CurrentUser
from gateway.pages.axis import EXTENT, written
from gateway.pages.names import names_of
from gateway.pages.templates import page
from gateway.proxy.client import ServiceDown, ServiceRefused, services_of
from libs.common.web.api import Reading
from libs.common.web.auth import Principal

router = APIRouter(include_in_schema=False)

STANDS: Final = {
    "lowers": ("bad", "Lowers the chance to win"),
    "raises": ("good", "Raises the chance to win"),
    "no_effect": ("", "No effect found"),
    "too_little_data": ("", "Too little data"),
}
LEAST_REACH: Final = Decimal("0.1")
"""The axis of lifts reaches ten points to both sides at least."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Where a lift and its interval lie, in thousandths of the axis; `zero` is where there is no effect."""

    low: str
    at: str
    width: str
    zero: str


@dataclass(frozen=True, slots=True)
class Plot:
    """Intervals by signal on one axis from -`reach` to `reach`."""

    reach: Decimal
    intervals: Mapping[str, Interval]


def plotted(items: Sequence[Mapping[str, Any]]) -> Plot:
    """One axis for all lifts that were measured, the same to both sides of no effect."""
    known = [each for each in items if each["measured"] and each["measured"]["lift"] is not None]
    ends = [abs(Decimal(str(each["measured"][end]))) for each in known for end in ("low", "high")]
    reach = max([*ends, LEAST_REACH])

    def across(share: float) -> Decimal:
        return (Decimal(str(share)) + reach) / (2 * reach) * EXTENT

    intervals = {}
    for each in known:
        found = each["measured"]
        low, high = across(found["low"]), across(found["high"])
        width = max(high - low, Decimal(4))
        intervals[each["key"]] = Interval(
            written(low), written(across(found["lift"])), written(width), written(EXTENT / 2)
        )
    return Plot(reach, intervals)


@router.get("/signals")
async def signals(request: Request, principal: CurrentUser) -> Response:
    """All signals: what each was measured to mean, whether it is on, and the money of open deals that have it."""
    found = await services_of(request).get("deals", "signals", principal=principal)
    items = sorted(found["items"], key=_by_weight)
    return page(request, "accounts/signals.html", found=found, items=items, plot=plotted(items), stands=STANDS)


@router.get("/signals/{key}")
async def signal(request: Request, session: Reading, principal: CurrentUser, key: str) -> Response:
    """One signal: the deals on which it stands, and what every refit found."""
    found = await services_of(request).get("deals", f"signals/{key}", principal=principal)
    owners = {UUID(each["owner_id"]) for each in found["deals"] if each["owner_id"]}
    names = await names_of(session, owners, principal=principal)
    refits = [{"key": str(number), "measured": each} for number, each in enumerate(found["refits"])]
    return page(
        request,
        "accounts/signal.html",
        signal=found["signal"],
        deals=found["deals"],
        refits=found["refits"],
        plot=plotted(refits),
        names={str(who): name for who, name in names.items()},
        stands=STANDS,
    )


async def why_at_risk(request: Request, deal_id: UUID, *, principal: Principal) -> dict[str, Any] | None:
    """The signals of a deal, for its page; None while the deals service does not answer, or does not know the deal yet."""
    try:
        return await services_of(request).get("deals", f"deals/{deal_id}/signals", principal=principal)
    except (ServiceDown, ServiceRefused):
        return None


def _by_weight(each: Mapping[str, Any]) -> tuple[int, float]:
    """On before off before unknown; the strongest first."""
    found = each["measured"]
    if not found or found["lift"] is None:
        return 2, 0.0
    return (0 if found["is_on"] else 1), float(found["lift"])
