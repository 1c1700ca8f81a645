"""What pricing, leads and deals told, as sections of a scorecard. Pure; never changed for a format that was signed."""

from datetime import date
from decimal import Decimal

from libs.common.web.schemas import Out


class Valued(Out):
    """What was left of the month's bookings, of the deals whose quote tells it.

    Price realisation: pocket price (`part`) of list price (`whole`). Margin: pocket less cost, of pocket. `bookings` are those of the
    `deals` of which it is known, `covered` their share of the month's.
    """

    line: str
    label: str
    part: Decimal
    whole: Decimal
    share: Decimal | None
    deals: int
    bookings: Decimal
    covered: Decimal | None


class Touch(Out):
    """What became of leads that were touched first, or last, by a campaign. Unknown money is null: a rate is missing."""

    leads: int
    pipeline: Decimal | None
    won: Decimal | None
    roi: Decimal | None


class Campaign(Out):
    """A campaign, or all of them: what it cost and brought; `reason`: why there is no return. Return is (won - cost) / cost."""

    line: str
    label: str
    market: str | None
    cost: Decimal | None
    first: Touch
    last: Touch
    reason: str | None


class Campaigns(Out):
    """Of the leads that arrived in the twelve months from `since` to `until`, and costs of their days, dearest first."""

    since: date
    until: date
    caveat: str
    total: Campaign
    parts: list[Campaign]


class Covered(Out):
    """Open money of accounts on the day of the document, and that of accounts at which an executive of ours looks after theirs.

    `share` = with_executive / open. `at_risk`: closes in that quarter or the next on thin, silent or lapsed relationships; `lapsed`: of
    it where an executive is overdue; null, with the `reason`, while nobody tells who spoke with whom. Money without a rate is null.
    """

    line: str
    label: str
    open: Decimal | None
    with_executive: Decimal | None
    share: Decimal | None
    at_risk: Decimal | None
    lapsed: Decimal | None
    accounts: int
    covered: int
    reason: str | None
