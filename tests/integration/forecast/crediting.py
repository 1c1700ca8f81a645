"""Teams, and who is credited with deals in them."""

from decimal import Decimal
from typing import Any

from libs.common.events.base import Received
from libs.common.events.splits import SplitEntry, SplitShare, SplitsStated
from tests.integration.forecast.given import AT, named, received

TEAMS = {"EMEA/North": ["ann", "bob"], "EMEA/South": ["cid"], "Americas/East": ["dan"]}


def split(
    name: str,
    version: int = 1,
    *,
    at: Any = AT,
    recorded_at: Any = AT,
    overlay: Any = None,
    **shares: Any,
) -> Received[Any]:
    """Who is credited with a deal since `at`."""
    said = SplitsStated(
        deal_id=named(name),
        version=version,
        revenue=(entry(at, shares),),
        overlay=(entry(at, overlay),) if overlay else (),
    )
    return received(said, said.deal_id, version, at=recorded_at)


def entry(at: Any, shares: dict[str, str]) -> SplitEntry:
    return SplitEntry(
        at=at, shares=tuple(SplitShare(person_id=named(who), share=Decimal(share)) for who, share in shares.items())
    )


PEOPLE = ("ann", "bob", "cid", "dan")
