"""The deals that count in months: read at a scorecard's two instants, from which all its cuts are made."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import money
from libs.common.calendar import Period
from libs.common.ids import ROOT_UNIT
from libs.common.web.auth import Principal
from services.forecast.rates.conversion import Rates
from services.forecast.readings import figures
from services.forecast.readings.asked import Asked, Question
from services.forecast.readings.service import decide
from services.forecast.scorecard.document import Win

MANY: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Instants:
    """As valid at one instant, as known at the other."""

    as_of: datetime
    known_at: datetime


@dataclass(frozen=True, slots=True)
class Sales:
    """Wins by the month in which they count, of two fiscal years; `asked` is the question about the later one.

    `since` is the first day of the earlier one: of no month before it is it known what counts in it.
    """

    asked: Asked
    since: date
    by_month: Mapping[str, Sequence[Win]]

    @property
    def rates(self) -> Rates:
        return self.asked.rates

    def worth(self, amount: Decimal, currency: str, day: date) -> Decimal | None:
        """The amount in the reading's currency; None without a rate."""
        return self.rates.convert(amount, currency, day)


async def read(session: AsyncSession, year: Period, instants: Instants, *, principal: Principal) -> Sales:
    """The wins of a fiscal year and of the one before it. Raises what readings raise."""
    found: dict[str, list[Win]] = defaultdict(list)
    asked = await _asked(session, year.key, instants, principal=principal)
    before = asked.calendar.before(year, 1)[0]
    for each in (asked, await _asked(session, before.key, instants, principal=principal)):
        rows = await figures.deals(session, each, buckets=("closed_won",), flag=None, only=None, after=None, limit=MANY)
        for row in rows:
            found[each.calendar.month(row["counted"]).key].append(_win(row, each.rates.base))
    return Sales(asked, before.start, found)


async def _asked(session: AsyncSession, period: str, instants: Instants, *, principal: Principal) -> Asked:
    question = Question(period=period, org=ROOT_UNIT, as_of=instants.as_of, known_at=instants.known_at)
    return await decide(session, question, principal=principal)


def _win(row: Mapping[str, Any], currency: str) -> Win:
    base = row["amount_base"]
    return Win(
        deal_id=row["deal_id"],
        name=row["name"],
        connection=row["connection"],
        external_id=row["external_id"],
        account_id=row["account_id"],
        booked_on=row["closed_on"] or row["close_date"] or row["counted"],
        counted_why=row["counted_why"],
        market=row["market"],
        product=row["product"],
        deal_type=row["deal_type"],
        value_basis=row["value_basis"],
        amount=row["amount"],
        currency=row["currency"],
        amount_base=None if base is None else money.quantise(Decimal(base), currency),
    )
