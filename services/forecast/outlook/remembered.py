"""Sayings that outlive a process: what follows from the past alone is worked out once.

A saying is kept under a digest of everything it follows from: what was valid and known when it was said (history only grows, so as
many rows are the same rows), rates, calendar, settings, and the code that said it. Whatever of these is another, a late correction
among them, is another digest, and it is said anew.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import scipy
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import calendar, clock, money
from libs.common.calendar import Period
from services.forecast.outlook.sayings import Said
from services.forecast.outlook.sight import Sight
from services.forecast.projection.landing import Landing

_ARRAYS: Final = ("weight", "shift", "means", "variances")
_TYPES: Final = {
    "digest": "text",
    "period_start": "date",
    "period_end": "date",
    "lead": "integer",
    "made_at": "timestamptz",
    **dict.fromkeys(("closed", "stretch"), "double precision"),
    **dict.fromkeys(_ARRAYS, "double precision[]"),
    "methods": "text[]",
    "points": "double precision[]",
    "ended": "integer[]",
    "came": "double precision[]",
}
_NOTHING: Final = dict.fromkeys(("closed", "stretch", *_ARRAYS, "methods", "points", "ended", "came"))
_SERVICE: Final = Path(__file__).parents[1]


def digest(sight: Sight, rows: int, period: Period, lead: int) -> str:
    """Of all that follows what is said of a period on its day number `lead`, from so many rows of history."""
    at = sight.midnight(period.start + timedelta(days=lead))
    about = (
        _code(),
        (period, lead, at.isoformat(), sight.known_by(at).isoformat(), rows),
        (sight.calendar, str(sight.zone), sight.rates, sight.settings(at)),
    )
    return hashlib.sha256(repr(about).encode()).hexdigest()


async def read(session: AsyncSession, wanted: Mapping[str, tuple[Period, int]]) -> dict[str, Said | None]:
    """The sayings that are kept, by digest; None where there was too little to say anything from."""
    if not wanted:
        return {}
    found = await session.execute(
        text(f"SELECT {', '.join(_TYPES)} FROM engine_saying WHERE digest = ANY(:digests)"),  # noqa: S608 - constants
        {"digests": list(wanted)},
    )
    return {row["digest"]: _said(row, *wanted[row["digest"]]) for row in found.mappings()}


async def append(session: AsyncSession, said: Mapping[str, tuple[Period, int, Said | None]]) -> None:
    """Keep sayings by digest; those that another process kept before stay."""
    if not said:
        return
    rows = [_row(each, *of_period) for each, of_period in sorted(said.items())]
    values = ", ".join(f"cast(:{name} AS {kind})" for name, kind in _TYPES.items())
    await session.execute(
        text(f"INSERT INTO engine_saying ({', '.join(_TYPES)}) VALUES ({values}) ON CONFLICT (digest) DO NOTHING"),  # noqa: S608
        rows,
    )


def _row(name: str, period: Period, lead: int, said: Said | None) -> dict[str, Any]:
    head = {
        "digest": name,
        "period_start": period.start,
        "period_end": period.end,
        "lead": lead,
        "made_at": clock.now(),
    }
    if said is None:
        return head | _NOTHING
    landing = said.modelled
    return head | {
        "closed": landing.closed,
        "stretch": landing.stretch,
        **{each: getattr(landing, each).tolist() for each in _ARRAYS},
        "methods": list(said.points),
        "points": list(said.points.values()),
        "ended": list(said.came),
        "came": list(said.came.values()),
    }


def _said(row: Mapping[Any, Any], period: Period, lead: int) -> Said | None:
    if row["closed"] is None:
        return None
    weight, shift, means, variances = (np.array(row[each], dtype=np.float64) for each in _ARRAYS)
    landing = Landing(row["closed"], weight, shift, means, variances, row["stretch"])
    points = dict(zip(row["methods"], row["points"], strict=True))
    return Said(period, lead, landing, points, dict(zip(row["ended"], row["came"], strict=True)))


@cache
def _code() -> str:
    """Of this service's code and the libraries that count: what another version said is not repeated."""
    files: Sequence[Path] = sorted(_SERVICE.rglob("*.py"))
    read = [each.read_bytes() for each in (*files, *(Path(str(each.__file__)) for each in (calendar, money)))]
    versions = (np.__version__, scipy.__version__)
    return hashlib.sha256(b"\0".join([*read, repr(versions).encode()])).hexdigest()
