"""Whether a deal would bring its account a product that it does not have from us: by what people state, else by what it bought. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

import numpy as np

from services.forecast.history.columns import NO_DAY, Columns, Flags, Index, Ints, day_number
from services.forecast.projection.steps import Floats

Says = Literal["owned", "potential", "competitor", "not_applicable"]
SAYS: Final[tuple[Says, ...]] = ("owned", "potential", "competitor", "not_applicable")
OPENS: Final = {"owned": 0.0, "potential": 1.0, "competitor": 1.0, "not_applicable": 0.0}
_NEVER: Final = np.iinfo(np.int64).min


@dataclass(frozen=True, slots=True)
class Stated:
    """What stands of a product at an account, and since when."""

    account_id: UUID
    product: str
    says: Says
    at: datetime


@dataclass(frozen=True, slots=True)
class Opened:
    """Of each deal: 1 where it opens white space, 0 where it does not, nan where account or product are unknown.

    `by`: the place in SAYS of the statement that says so, -1 where what was bought does.
    """

    share: Floats
    by: Ints

    def said(self, at: int) -> Says | None:
        """The statement that counts for a deal."""
        return SAYS[self.by[at]] if self.by[at] >= 0 else None


def opened(columns: Columns, newest: Index, rows: Index, stated: Sequence[Stated]) -> Opened:
    """White space of the deals in `rows`; `newest` are the versions by which all deals stand.

    A win after the day of a statement goes before it; a statement after the last win goes before that, since a customer may have
    left. `owned` holds in either case.
    """
    won = newest[columns.is_in("state", ("won",), newest) & ~columns.gone[newest]]
    here, bought = _pairs(columns, rows), _pairs(columns, won)
    share = np.where(np.isin(here, bought), 0.0, 1.0)
    by = np.full(len(rows), -1, dtype=np.int64)
    known = {code: each for each in stated if (code := _pair(columns, str(each.account_id), each.product)) is not None}
    if known:
        keys = np.array(sorted(known), dtype=np.int64)
        says = np.array([SAYS.index(known[key].says) for key in keys.tolist()])
        day = np.array([day_number(known[key].at.date()) for key in keys.tolist()], dtype=np.int64)
        counts = (day > _last(keys, bought, columns.closed_on[won].astype(np.int64))) | (says == SAYS.index("owned"))
        place = np.minimum(np.searchsorted(keys, here), len(keys) - 1)
        hit = (keys[place] == here) & counts[place]
        by[hit] = says[place[hit]]
        share[hit] = np.array([OPENS[each] for each in SAYS])[by[hit]]
    unknown = (columns.account[rows] == 0) | (columns.product[rows] == 0)
    share[unknown], by[unknown] = np.nan, -1
    return Opened(share, by)


def _last(keys: Ints, bought: Ints, day: Ints) -> Ints:
    """The day of the last win of each pair, long ago where there is none or its day is unknown."""
    last = np.full(len(keys), _NEVER, dtype=np.int64)
    place = np.minimum(np.searchsorted(keys, bought), len(keys) - 1)
    is_told: Flags = (keys[place] == bought) & (day != NO_DAY)
    np.maximum.at(last, place[is_told], day[is_told])
    return last


def _pairs(columns: Columns, rows: Index) -> Ints:
    """Account and product of each row as one number."""
    found: Ints = columns.account[rows].astype(np.int64) * len(columns.words["product"].texts) + columns.product[rows]
    return found


def _pair(columns: Columns, account: str, product: str) -> int | None:
    """The same of an account and a product; None where no deal is of them."""
    codes = columns.code("account", account), columns.code("product", product)
    return None if min(codes) < 0 else codes[0] * len(columns.words["product"].texts) + codes[1]
