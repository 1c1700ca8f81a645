"""Which won contracts end when, and how much of each a renewal deal speaks for, so that nothing is expected twice. Pure.

A renewal speaks for contracts of its own account. Each decides one contract, the one that ends nearest to its day, and of several
one for which nobody speaks yet; what it brings beyond that contract speaks for others near it. It depends on the deals alone and
not on the order in which they became known. ADR 26 says why.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

import numpy as np

from services.forecast.projection.steps import GONE, OPEN, WON, Codes, Flags, Floats, Ints, Small

EARLY: Final = 270
LATE: Final = 90
"""A closed renewal is of a contract that ends at most so many days after it, or before it."""
NEVER: Final = np.iinfo(np.int64).max
_NOTHING: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Sold:
    """Deals as they stand, a row per deal number. `code` is a deal's place in `names`, its ids.

    `account`: its code, 0 unknown. `renews`: a renewal, or a contraction. `day`: closed on, else expected on, else created on.
    `created`: with the time of the day. `amount` in the base currency, nan unknown, is that of so many months (`per`): 12 of ARR
    and ACV, the `term` of TCV, 0 where that is unknown or it is sold once. `recurs`: it is not sold once. `term`: months, 0 unknown.
    """

    names: Sequence[str | None]
    code: Codes
    account: Codes
    state: Small
    renews: Flags
    recurs: Flags
    day: Floats
    created: Floats
    amount: Floats
    per: Codes
    term: Codes


@dataclass(frozen=True, slots=True)
class Contracts:
    """Contracts by deal number. `end`: the day on which each falls due. `amount`: of what is due then, in the base currency.

    `left`: the share of it that no renewal speaks for. `kept`: the share that was renewed so far; nan where a renewal's amount is
    unknown. `spoken`: the day on which the first deal that decides it was created, NEVER without. By deal number: `covering`, the
    renewals that speak for a contract, and `unknown`, what was won and recurs, of which nobody can say when how much ends.
    """

    deal: Ints
    end: Ints
    amount: Floats
    left: Floats
    kept: Floats
    spoken: Ints
    covering: Flags
    unknown: Flags

    def __len__(self) -> int:
        return len(self.deal)


_NONE: Final = np.empty(0)
NO_CONTRACTS: Final = Contracts(
    *(_NONE.astype(np.int64), _NONE.astype(np.int64), _NONE, _NONE, _NONE, _NONE.astype(np.int64)),
    *(_NONE.astype(bool), _NONE.astype(bool)),
)


def contracts(sold: Sold) -> Contracts:
    """The contracts among deals as they stand, and who speaks for them."""
    is_won = (sold.state == WON) & sold.recurs
    known = is_won & (sold.account > 0) & (sold.term > 0) & (sold.per > 0) & (np.nan_to_num(sold.amount) > 0)
    deal = np.flatnonzero(known)
    found = Contracts(
        deal=deal,
        end=later(np.floor(sold.day[deal]).astype(np.int64), sold.term[deal]),
        amount=sold.amount[deal],
        left=np.ones(len(deal)),
        kept=np.zeros(len(deal)),
        spoken=np.full(len(deal), NEVER),
        covering=np.zeros(len(known), dtype=bool),
        unknown=is_won & ~known,
    )
    renews = sold.renews & (sold.state != GONE) & (sold.account > 0)
    both = np.intersect1d(sold.account[deal], sold.account[renews])
    numbers = np.flatnonzero((known | renews) & np.isin(sold.account, both))
    numbers = numbers[np.argsort(sold.account[numbers], kind="stable")]
    place = np.full(len(known), -1, dtype=np.int64)
    place[deal] = np.arange(len(deal))
    for _, account in groupby(numbers.tolist(), key=lambda number: int(sold.account[number])):
        _Account(sold, found, place).settle(list(account))
    return found


def later(day: Ints, months: Codes) -> Ints:
    """The same day so many months later; the last of the month where it has none."""
    days = day.astype("datetime64[D]")
    month = days.astype("datetime64[M]")
    then = month + months.astype(np.int64)
    last = (then + 1).astype("datetime64[D]") - 1
    found: Ints = np.minimum(then.astype("datetime64[D]") + (days - month), last).astype(np.int64)
    return found


class _Account:
    """Who speaks for the contracts of one account: changes their rows in `found`."""

    def __init__(self, sold: Sold, found: Contracts, place: Ints) -> None:
        self._sold, self._found, self._place = sold, found, place
        self._there: list[int] = []
        self._decided: set[int] = set()

    def settle(self, numbers: list[int]) -> None:
        """Closed deals in the order of their days, a contract before a renewal of it; then those that are open."""
        for number in sorted(numbers, key=self._order):
            own = self._speak(number) if self._sold.renews[number] else None
            at = int(self._place[number])
            if at >= 0:
                # What is renewed early goes on from where it would have ended.
                if own is not None and self._found.end[own] > self._sold.day[number]:
                    self._found.end[at] = later(self._found.end[own : own + 1], self._sold.term[number : number + 1])[0]
                self._there.append(at)

    def _order(self, number: int) -> tuple[bool, float, bool, bool, float, float, str]:
        sold, amount = self._sold, float(self._sold.amount[number])
        return (
            bool(sold.state[number] == OPEN),
            float(np.floor(sold.day[number])),
            bool(sold.renews[number]),
            bool(sold.state[number] != WON),
            0.0 if np.isnan(amount) else -amount,
            float(sold.created[number]),
            sold.names[sold.code[number]] or "",
        )

    def _speak(self, number: int) -> int | None:
        """Give a renewal the contracts it speaks for; the one it decides, None where there is none for it."""
        sold, found = self._sold, self._found
        day, created = float(np.floor(sold.day[number])), float(sold.created[number])
        near = [at for at in self._there if found.end[at] - EARLY <= day <= found.end[at] + LATE]
        fit = near if sold.state[number] != OPEN else [at for at in self._there if found.end[at] + LATE >= created]
        if not fit:
            return None
        own = min(fit, key=lambda at: (at in self._decided, abs(float(found.end[at]) - day), self._order_of(at)))
        brings, is_won = self._monthly(number, own), bool(sold.state[number] == WON)
        before = float(found.left[own])
        found.covering[number] = True
        self._decide(own, created)
        found.left[own] = 0.0
        beyond = max(brings - before * self._month(own), 0.0) if not np.isnan(brings) else 0.0
        renewed = brings - beyond
        others = [at for at in near if at not in self._decided]
        for at in sorted(others, key=lambda each: (abs(float(found.end[each]) - day), self._order_of(each))):
            share = min(float(found.left[at]), beyond / self._month(at))
            beyond -= share * self._month(at)
            found.left[at] -= share
            found.kept[at] += share if is_won else 0.0
            if found.left[at] <= _NOTHING:
                found.left[at] = 0.0
                self._decide(at, created)
        if is_won:
            found.kept[own] += (renewed + beyond) / self._month(own)
        return own

    def _decide(self, at: int, created: float) -> None:
        self._decided.add(at)
        self._found.spoken[at] = min(int(self._found.spoken[at]), int(np.floor(created)))

    def _order_of(self, at: int) -> tuple[bool, float, bool, bool, float, float, str]:
        return self._order(int(self._found.deal[at]))

    def _month(self, at: int) -> float:
        """What a contract is worth a month."""
        return float(self._found.amount[at]) / float(self._sold.per[self._found.deal[at]])

    def _monthly(self, number: int, own: int) -> float:
        """What a renewal is worth a month; nan unknown. Of how many months it is told as often as of the contract, where it says nothing."""
        months = float(self._sold.per[number]) or float(self._sold.per[self._found.deal[own]])
        return max(float(self._sold.amount[number]), 0.0) / months if months else np.nan
