"""Price realisation within the scope of whoever asks."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.calendar import add_months, local_date
from libs.common.web.auth import Principal, require
from services.pricing.config import business_day, settings_of
from services.pricing.quotes.arithmetic import Priced, of_line, of_quote
from services.pricing.quotes.offering import taken_off
from services.pricing.realisation import repository
from services.pricing.realisation.share import Realised, Sold, realised

READERS = ("manager", "sales_ops", "finance", "cso", "ceo")


async def read(
    session: AsyncSession,
    *,
    months: int,
    currency: str | None,
    market: str | None,
    segment: str | None,
    principal: Principal,
) -> tuple[str, list[str], Realised]:
    """The last months with this one, of one currency (without one, that of most quotes), and which currencies there are."""
    require(principal, *READERS)
    zone = settings_of(session).org_timezone
    known = await repository.currencies(session, principal=principal)
    chosen = currency or (known[0] if known else settings_of(session).base_currency)
    first = add_months(business_day(session).replace(day=1), 1 - months)
    since = datetime.combine(first, time(), ZoneInfo(zone)).astimezone(UTC)
    rows = await repository.sold(
        session, since=since, currency=chosen, market=market, segment=segment, principal=principal
    )
    sold = [
        Sold(
            str(quote_id),
            local_date(at, zone),
            of_quote(
                [
                    of_line(Priced(line.quantity, line.unit_price, taken_off(line), line.list_price, line.cost), chosen)
                    for line in lines
                ]
            ),
        )
        for quote_id, (at, lines) in rows.items()
    ]
    return chosen, known, realised(sold, _months(first, months))


def _months(first: date, count: int) -> list[date]:
    return [add_months(first, number) for number in range(count)]
