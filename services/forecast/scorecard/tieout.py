"""Deals beside finance's orders: which match, which differ and in what, which one side lacks. Pure.

Every deal of the month stands in one line, and so does every order of the month: sums add up, whatever came in.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from libs.common.calendar import Period
from services.forecast.scorecard.document import Differs, Tied, TieOut, Win

Convert = Callable[[Decimal, str, date], Decimal | None]
"""An amount of a currency in the document's, at the rate of a day; None without a rate."""

LINE = "tie_out"


@dataclass(frozen=True, slots=True)
class Order:
    """An order or invoice as finance gave it. `deal`: a deal's id, its id in the CRM, or connection:id. `amount` 0: cancelled."""

    number: str
    revision: int
    kind: str
    deal: str
    amount: Decimal
    currency: str
    day: date


def in_force(orders: Iterable[Order]) -> list[Order]:
    """The highest revision of each order that is not cancelled, in order of their numbers."""
    newest: dict[str, Order] = {}
    for order in orders:
        if order.number not in newest or order.revision > newest[order.number].revision:
            newest[order.number] = order
    return [newest[number] for number in sorted(newest) if newest[number].amount != 0]


def tie(
    orders: Iterable[Order],
    wins: Sequence[Win],
    elsewhere: Mapping[UUID, str],
    others: Sequence[Win],
    month: Period,
    convert: Convert,
) -> TieOut:
    """The tie-out of a month's wins. `others` count in another month, `elsewhere` says in which."""
    standing = in_force(orders)
    resolve = _resolver([*wins, *others])
    mine = {win.deal_id for win in wins}
    of_deal: dict[UUID, list[Order]] = defaultdict(list)
    lines: list[Tied] = []
    names = {win.deal_id: win for win in others}
    for order in standing:
        deal = resolve(order.deal)
        if deal in mine:
            of_deal[deal].append(order)
        elif order.day in month:
            lines.append(_lone(order, names.get(deal) if deal else None, elsewhere, convert))
    lines += [_of_win(win, of_deal.get(win.deal_id, []), month, convert) for win in wins]
    lines.sort(key=_place)
    return _summed(lines, is_given=bool(of_deal) or any(order.day in month for order in standing))


def _resolver(wins: Sequence[Win]) -> Callable[[str], UUID | None]:
    """Which deal a reference names; None when it names none or, by its id in the CRM alone, several."""
    by_id = {str(win.deal_id): win.deal_id for win in wins}
    by_external: dict[str, set[UUID]] = defaultdict(set)
    for win in wins:
        if win.external_id:
            by_external[win.external_id].add(win.deal_id)
            by_external[f"{win.connection}:{win.external_id}"].add(win.deal_id)

    def resolve(reference: str) -> UUID | None:
        if reference.lower() in by_id:
            return by_id[reference.lower()]
        found = by_external.get(reference, set())
        return next(iter(found)) if len(found) == 1 else None

    return resolve


def _lone(order: Order, other: Win | None, elsewhere: Mapping[UUID, str], convert: Convert) -> Tied:
    """An order of the month whose deal does not count in it."""
    finance = convert(order.amount, order.currency, order.day)
    return Tied(
        status="elsewhere" if other else "missing_in_crm",
        differs=["date"] if other else ["deal"],
        deal_id=other.deal_id if other else None,
        name=other.name if other else None,
        reference=order.deal,
        booked_on=other.booked_on if other else None,
        crm_amount=other.amount if other else None,
        crm_currency=other.currency if other else None,
        crm=None,
        orders=[order.number],
        ordered_on=order.day,
        finance_amount=order.amount,
        finance_currency=order.currency,
        finance=finance,
        difference=None if other else finance,
        counts_in=elsewhere[other.deal_id] if other else None,
    )


def _of_win(win: Win, orders: Sequence[Order], month: Period, convert: Convert) -> Tied:
    """A deal that counts in the month, with all orders that name it."""
    currencies = sorted({order.currency for order in orders})
    single = currencies[0] if len(currencies) == 1 else None
    amount = sum((order.amount for order in orders), Decimal()) if single else None
    finance = _base(win, orders, single, amount, convert)
    differs = _differs(win, orders, single, amount, month)
    is_known = win.amount_base is not None or finance is not None
    return Tied(
        status="missing_in_finance" if not orders else "differing" if differs else "matched",
        differs=differs,
        deal_id=win.deal_id,
        name=win.name,
        reference=win.external_id,
        booked_on=win.booked_on,
        crm_amount=win.amount,
        crm_currency=win.currency,
        crm=win.amount_base,
        orders=[order.number for order in orders],
        ordered_on=min((order.day for order in orders), default=None),
        finance_amount=amount,
        finance_currency=single,
        finance=finance,
        difference=(finance or Decimal()) - (win.amount_base or Decimal()) if is_known else None,
        counts_in=None,
    )


def _base(
    win: Win, orders: Sequence[Order], single: str | None, amount: Decimal | None, convert: Convert
) -> Decimal | None:
    """What the orders are worth in the document's currency: the same as the deal where they say the same."""
    if not orders:
        return None
    if single == win.currency and amount == win.amount:
        return win.amount_base
    worth = [convert(order.amount, order.currency, win.booked_on) for order in orders]
    known = [each for each in worth if each is not None]
    return sum(known, Decimal()) if known else None


def _differs(
    win: Win, orders: Sequence[Order], single: str | None, amount: Decimal | None, month: Period
) -> list[Differs]:
    if not orders:
        return []
    differs: list[Differs] = []
    if single != win.currency:
        differs.append("currency")
    elif amount != win.amount:
        differs.append("amount")
    first = min(order.day for order in orders)
    if first not in month and first != win.booked_on:
        differs.append("date")
    return differs


_ORDER = ("missing_in_crm", "missing_in_finance", "differing", "elsewhere", "matched")


def _place(line: Tied) -> tuple[int, Decimal, str, str]:
    """What needs somebody first, the greatest difference first."""
    by = abs(line.difference) if line.difference is not None else Decimal()
    return _ORDER.index(line.status), -by, str(line.deal_id or ""), ",".join(line.orders)


def _summed(lines: list[Tied], *, is_given: bool) -> TieOut:
    counts = {status: sum(line.status == status for line in lines) for status in _ORDER}
    inside = [line for line in lines if line.status != "elsewhere"]
    crm = sum((line.crm for line in inside if line.crm is not None), Decimal())
    finance = sum((line.finance for line in inside if line.finance is not None), Decimal())
    unmatched = sum((abs(line.difference) for line in inside if line.difference is not None), Decimal())
    unknown = sum(
        (line.crm is None and line.status != "missing_in_crm") or (line.finance is None and bool(line.orders))
        for line in inside
    )
    return TieOut(
        line=LINE,
        is_given=is_given,
        crm=crm,
        finance=finance if is_given else None,
        unmatched=unmatched if is_given else None,
        **counts,
        without_rate=unknown,
        lines=lines,
    )
