"""Price realisation as it goes out by HTTP. Shares are of the list amount; unknown is null."""

from datetime import date
from decimal import Decimal
from typing import Self
from uuid import UUID

from libs.common.web.schemas import Out
from services.pricing.quotes.arithmetic import Kind
from services.pricing.realisation.share import Leak, Month, Realised

_PLACES = Decimal("0.0001")


def _share(part: Decimal, whole: Decimal) -> Decimal | None:
    return (part / whole).quantize(_PLACES) if whole > 0 else None


class MonthOut(Out):
    """`unlisted` quotes have an unknown list price and stand in no amount; `uncosted` have no margin."""

    month: date
    quotes: int
    unlisted: int
    uncosted: int
    list_amount: Decimal
    invoice: Decimal
    paid: Decimal
    pocket: Decimal
    margin: Decimal | None
    invoice_share: Decimal | None
    pocket_share: Decimal | None
    margin_share: Decimal | None

    @classmethod
    def of(cls, row: Month) -> Self:
        costed = row.quotes - row.unlisted - row.uncosted
        return cls(
            month=row.month,
            quotes=row.quotes,
            unlisted=row.unlisted,
            uncosted=row.uncosted,
            list_amount=row.listed,
            invoice=row.invoice,
            paid=row.paid,
            pocket=row.pocket,
            margin=row.margin if costed else None,
            invoice_share=_share(row.invoice, row.listed),
            pocket_share=_share(row.pocket, row.listed),
            margin_share=_share(row.margin, row.margin_base) if costed else None,
        )


class LeakOut(Out):
    """`worst` is the quote that lost most by it."""

    name: str
    kind: Kind
    amount: Decimal
    share: Decimal | None
    quotes: int
    worst: UUID | None
    worst_amount: Decimal

    @classmethod
    def of(cls, leak: Leak, listed: Decimal) -> Self:
        return cls(
            name=leak.name,
            kind=leak.kind,
            amount=leak.amount,
            share=_share(leak.amount, listed),
            quotes=leak.quotes,
            worst=UUID(leak.worst) if leak.worst else None,
            worst_amount=leak.worst_amount,
        )


class RealisationOut(Out):
    """Accepted quotes of one currency by month, and what took away from the list price, the largest first."""

    currency: str
    currencies: list[str]
    whole: MonthOut
    months: list[MonthOut]
    leaks: list[LeakOut]

    @classmethod
    def of(cls, currency: str, currencies: list[str], found: Realised) -> Self:
        return cls(
            currency=currency,
            currencies=currencies,
            whole=MonthOut.of(found.whole),
            months=[MonthOut.of(month) for month in found.months],
            leaks=[LeakOut.of(leak, found.whole.listed) for leak in found.leaks],
        )
