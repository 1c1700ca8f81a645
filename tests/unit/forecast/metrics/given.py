"""Companies small enough to be worked out by hand, as scenes."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from libs.common.calendar import FiscalCalendar
from services.forecast.history.columns import day_number, effective
from services.forecast.metrics.contracts import CONTRACTS
from services.forecast.metrics.formulas.figures import Figure
from services.forecast.metrics.formulas.items import Items, Sums
from services.forecast.metrics.formulas.scene import Scene
from services.forecast.past.population import Population
from services.forecast.rates.conversion import Rates
from tests.unit.forecast.given import Recorded, columns_of, state

CALENDAR = FiscalCalendar()
RATES = Rates("EUR", {"EUR": Decimal(1)})


def on(month: int, day: int, hour: int = 12, year: int = 2026) -> datetime:
    return datetime(year, month, day, hour, tzinfo=UTC)


END = on(12, 31, 23)


def life(number: int, *entries: tuple[datetime, dict[str, Any]], **always: Any) -> list[Recorded]:
    """A deal's entries, each with what changed; it was created by the first, and a change of stage enters it."""
    fields: dict[str, Any] = {
        "created_at": entries[0][0],
        "close_date": date(2026, 12, 1),
        "value_basis": "one_off",
        "deal_type": "new",
        "stage": "first",
        "stage_probability": Decimal("0.1"),
        **always,
    }
    found: list[Recorded] = []
    for version, (at, changes) in enumerate(entries, 1):
        if version == 1 or "stage" in changes:
            fields["stage_entered_at"] = at
        fields |= changes
        found.append((state(number, version, valid_from=at, **fields), at))
    return found


def won(at: date, **fields: Any) -> dict[str, Any]:
    return {"state": "won", "category": None, "closed_on": at, "stage_probability": Decimal(1), **fields}


def lost(at: date, **fields: Any) -> dict[str, Any]:
    return {"state": "lost", "category": None, "closed_on": at, "stage_probability": Decimal(0), **fields}


def scene(
    lives: Sequence[Sequence[Recorded]],
    *,
    period: str = "2026Q4",
    as_of: datetime = END,
    target: int | None = None,
    zone: str = "UTC",
    plan_ends: Mapping[int, date] | None = None,
    below_floor: Mapping[int, bool] | None = None,
    **matching: str,
) -> Scene:
    columns = columns_of([entry for life in lives for entry in life])
    population = Population.of(columns, effective(columns, as_of, as_of), RATES)
    for column, text in matching.items():
        population = population.where(columns.is_in(column, [text], population.rows))
    return Scene(
        population,
        as_of,
        as_of,
        CALENDAR.parse(period),
        as_of.astimezone(ZoneInfo(zone)).date(),
        CALENDAR,
        ZoneInfo(zone),
        target,
        {str(state(number, 1).deal_id): day_number(ends) for number, ends in (plan_ends or {}).items()},
        {str(state(number, 1).deal_id): is_below for number, is_below in (below_floor or {}).items()},
    )


def whole(name: str, at: Scene) -> Figure:
    """A metric of the whole scene."""
    contract = CONTRACTS[name]
    items = contract.find(at)
    return contract.figure(sums(items, at, np.zeros(len(items), dtype=np.intp), 1).of(0), at)


def parts(name: str, at: Scene, by: str) -> dict[str | None, Figure]:
    """A metric by a column of the deals, or by `slot`."""
    contract = CONTRACTS[name]
    items = (contract.find_by_slot or contract.find)(at) if by == "slot" else contract.find(at)
    if by == "slot":
        present, part = np.unique(items.slot, return_inverse=True)
        keys: list[str | None] = [items.slots[slot] for slot in present.tolist()]
    else:
        codes = getattr(at.columns, by)[at.population.rows[items.at]]
        present, part = np.unique(codes, return_inverse=True)
        keys = [at.columns.words[by].texts[code] for code in present.tolist()]
    made = sums(items, at, part, len(keys))
    return {key: contract.figure(made.of(index), at) for index, key in enumerate(keys)}


def sums(items: Items, at: Scene, part: Any, size: int) -> Sums:
    return Sums(items, part, size, at.columns.value_basis[at.population.rows[items.at]])


def roles(name: str, at: Scene) -> list[tuple[int, str]]:
    """The number of each deal behind a metric and its role."""
    items = CONTRACTS[name].find(at)
    deals = at.columns.texts("deal", at.population.rows[items.at])
    return sorted(
        (int((deal or "0").replace("-", ""), 16), items.roles[role].name)
        for deal, role in zip(deals, items.role.tolist(), strict=True)
    )


def factors(figure: Figure) -> dict[str, float | None]:
    return {each.name: each.value for each in figure.factors}
