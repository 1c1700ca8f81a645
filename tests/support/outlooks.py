"""Readings of the projection as the forecast answers them, of a company that exists only here."""

import math
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any
from uuid import UUID

from services.forecast.outlook.schemas import (
    MonthsReading,
    NeededReading,
    PastReading,
    ProjectionReading,
    SupposedReading,
)

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
START, TODAY, END = date(2026, 10, 1), date(2026, 11, 22), date(2026, 12, 31)
UNIT = UUID(int=7)
HEAD: dict[str, Any] = {
    "as_of": NOW,
    "known_at": NOW,
    "org": {"unit_id": UNIT, "name": "Northwind", "kind": "company"},
    "organisation": "is",
    "currency": "EUR",
    "rate": "constant",
    "watermark": NOW,
    "behind_s": 0.4,
    "completeness": None,
    "compared": [],
    "metric_version": "projection-1",
    "business_date": {"day": TODAY, "basis": "live", "newest_change_at": NOW, "newest_delivery_at": NOW},
}
SETTINGS = "0123456789ab"
DUE = {
    "contracts": 9,
    "amount": "310000.00",
    "spoken": "200000.00",
    "ended": "10000.00",
    "left": "100000.00",
    "expected": "50000.00",
    "rate": {"rate": 0.84, "low": 0.79, "high": 0.89, "contracts": 61, "label": "learnt"},
    "largest": [
        {
            "deal_id": UUID(int=7),
            "name": "Corvid three sites",
            "ends_on": date(2026, 12, 20),
            "amount": "60000.00",
            "expected": "30000.00",
        }
    ],
    "others": "20000.00",
    "unknown": 3,
}
PARTS = {"closed": "2140500.25", "open": "1610200.40", "not_created": "402100.10", "renewals": "250000.00"}
BLEND = Decimal("-112300.35")


def period(label: str = "Q4 2026", start: date = START, end: date = END) -> dict[str, Any]:
    name, year = label.split()
    return {
        "key": f"{year}{name}",
        "kind": "quarter",
        "label": label,
        "start": start,
        "end": end,
        "is_current": label == "Q4 2026",
    }


def projection(**changes: Any) -> dict[str, Any]:
    """A quarter under way, a little more than half of it closed; `changes` replace whole fields."""
    parts = {name: Decimal(amount) for name, amount in PARTS.items()} | {"blend": BLEND}
    whole = sum(parts.values(), Decimal())
    edges = [Decimal(3_200_000 + 90_000 * step) for step in range(25)]
    shares = [math.exp(-(((number - 11) / 5.0) ** 2)) for number in range(24)]
    reading = {
        **HEAD,
        "settings": SETTINGS,
        "period": period(),
        "is_over": False,
        "parts": {**parts, "projection": whole},
        "bands": [{"share": 0.8, "low": "3610000.00", "high": "5020000.00"}],
        "quantiles": [
            {"share": share, "amount": amount}
            for share, amount in ((0.1, "3610000.00"), (0.5, "4270000.00"), (0.9, "5020000.00"))
        ],
        "width": {"scale": 1.25, "label": "prior", "periods": 3},
        "blend": [
            {"method": "hazard", "weight": 0.72, "amount": "4402800.75"},
            {"method": "moving_average", "weight": 0.18, "amount": "3980000.00"},
            {"method": "seasonal", "weight": 0.1, "amount": None},
        ],
        "expected_wins": 11.4,
        "new_wins": 3.2,
        "fan": [_day(START + timedelta(days=7 * week - 1)) for week in range(1, 14)] + [_day(END)],
        "histogram": [
            {"low": low, "high": high, "share": share / sum(shares)}
            for low, high, share in zip(edges[:-1], edges[1:], shares, strict=True)
        ],
        "contributions": [
            {
                "deal_id": UUID(int=number),
                "name": f"{name} rollout",
                "stage": "Negotiate",
                "close_date": date(2026, 12, number),
                "chance": chance,
                "brings": brings,
                "expected": str((Decimal(str(chance)) * Decimal(brings)).quantize(Decimal("0.01"))),
            }
            for number, (name, chance, brings) in enumerate(
                [("Aldgate", 0.71, "420000.00"), ("Bremer", 0.995, "180000.00"), ("Corvid", 0.004, "900000.00")], 1
            )
        ],
        "others": "1379300.40",
        "due": DUE,
        "target": None,
        "suggested": {"amount": "4270000.00", "share": 0.5, "over_cost": 1.0},
        "learnt": {"as_of": "2026-11-22T00:00:00Z", "known_at": "2026-11-22T00:00:00Z"},
        "change": {"chance": 0.12, "since": "2026-06-01", "wins": 1.0, "losses": 1.01, "moves": 0.99},
        "prior": {
            "win_rate": 0.25,
            "cycle_days": 90.0,
            "deals_a_month": 10.0,
            "won_amount": None,
            "answered_at": None,
            "wins": 240,
        },
        "answers": {"method": "blended", "since": None, "chosen_by": None, "reason": None, "made_by": None},
    }
    return ProjectionReading.model_validate({**reading, **changes}).model_dump(mode="json")


def _day(day: date) -> dict[str, Any]:
    passed = Decimal((day - START).days + 1)
    if day <= TODAY:
        return {
            "day": day,
            "closed": (passed * 40_387).quantize(Decimal("0.01")),
            "low": None,
            "middle": None,
            "high": None,
        }
    left = Decimal((day - TODAY).days)
    closed = Decimal(PARTS["closed"])
    low, middle, high = (closed + left * step for step in (37_000, 54_500, 73_500))
    return {"day": day, "closed": None, "low": low, "middle": middle, "high": high}


QUARTERS = (("Q3 2026", 7, 2026, "3900000"), ("Q2 2026", 4, 2026, "3500000"), ("Q1 2026", 1, 2026, "4600000"),
            ("Q4 2025", 10, 2025, "4100000"), ("Q3 2025", 7, 2025, "3300000"), ("Q2 2025", 4, 2025, "3000000"))  # fmt: skip


def past(**changes: Any) -> dict[str, Any]:
    """Six quarters, newest first; what was said on day 1 of two of them did not hold, and pacing is closer on day 31."""
    reading = {
        **HEAD,
        "settings": SETTINGS,
        "periods": [_past(label, date(year, month, 1), Decimal(came)) for label, month, year, came in QUARTERS],
        "methods": [
            {"day": day, "method": method, "periods": count, "wape": wape, "bias": bias}
            for day, method, count, wape, bias in (
                (1, "foretell", 6, 0.142, -0.021),
                (1, "same_day_pacing", 5, 0.171, 0.06),
                (1, "commit", 6, 0.61, -0.61),
                (31, "foretell", 6, 0.101, 0.013),
                (31, "same_day_pacing", 5, 0.094, 0.032),
                (31, "commit", 6, 0.38, -0.37),
                (61, "foretell", 6, 0.052, 0.004),
                (61, "same_day_pacing", 5, 0.083, 0.01),
                (61, "commit", 6, 0.12, -0.09),
            )
        ],
        "why_empty": None,
    }
    return PastReading.model_validate({**reading, **changes}).model_dump(mode="json")


def _past(label: str, start: date, came: Decimal) -> dict[str, Any]:
    middle, half = Decimal(3_800_000), {1: Decimal(700_000), 31: Decimal(500_000), 61: Decimal(300_000)}
    sayings = []
    for day, wide in half.items():
        said = middle + (came - middle) * day / 70
        sayings.append(
            {
                "day": day,
                "as_of": start + timedelta(days=day - 1),
                "projection": said.quantize(Decimal("0.01")),
                "low": (said - wide).quantize(Decimal("0.01")),
                "high": (said + wide).quantize(Decimal("0.01")),
                "hit": said - wide <= came <= said + wide,
                "commit": came * day / 90,
                "pacing": None if label == "Q2 2025" else came * Decimal("1.05"),
                "last_year": None,
            }
        )
    return {"period": period(label, start, start + timedelta(days=90)), "closed": came, "sayings": sayings}


def no_past() -> dict[str, Any]:
    """Before any period is over."""
    why = "No period is over for which closes had been recorded for 30 days when it began."
    return past(periods=[], methods=[], why_empty=why)


def supposed(*effects: tuple[str, str, bool], **changes: Any) -> dict[str, Any]:
    """What is supposed of the quarter under way: (supposition, what it changes, whether it is of a deal)."""
    as_is = {name: projection()[name] for name in ("parts", "bands", "target")}
    parts = {name: Decimal(amount) for name, amount in as_is["parts"].items()}
    told, number = [], parts["projection"]
    for text, change, is_of_deal in effects:
        number += Decimal(change)
        about = {"deal_id": UUID(int=1), "name": "Aldgate rollout", "stage": "Negotiate", "close_date": None}
        told.append({"suppose": text, "deal": about if is_of_deal else None, "change": change, "projection": number})
    moved = number - parts["projection"]
    after = {**as_is, "parts": {**parts, "open": parts["open"] + moved, "projection": number}}
    reading = {**HEAD, "period": period(), "as_is": as_is, "supposed": after, "effects": told}
    return SupposedReading.model_validate({**reading, **changes}).model_dump(mode="json")


def needed(**changes: Any) -> dict[str, Any]:
    """What would have to be true for a target that is not likely enough: two deals, or wins faster; creation does not do."""
    deals = [
        {
            "deal": {"deal_id": UUID(int=at), "name": f"{name} rollout", "stage": None, "close_date": None},
            "probability": likely,
        }
        for at, (name, likely) in enumerate((("Aldgate", 0.61), ("Corvid", 0.83)), 1)
    ]
    reading = {
        **HEAD,
        "period": period(),
        "target": "5000000.00",
        "wanted": 0.8,
        "probability": 0.11,
        "deals": deals,
        "deals_suffice": True,
        "pace": 1.3715,
        "creation": None,
        "most": 4.0,
    }
    return NeededReading.model_validate({**reading, **changes}).model_dump(mode="json")


def months(**changes: Any) -> dict[str, Any]:
    """Twelve months of two units, of which the first brings three times what the second does."""
    rows = [
        {"key": str(UUID(int=8)), "kind": "unit", "label": "North", "months": _months(Decimal(3))},
        {"key": str(UUID(int=9)), "kind": "unit", "label": "South", "months": _months(Decimal(1))},
    ]
    total = {"key": None, "kind": "total", "label": None, "months": _months(Decimal(4))}
    starts = [date(2026 + (10 + number) // 12, (10 + number) % 12 + 1, 1) for number in range(13)]
    periods = [
        {
            "key": f"{start:%Y-%m}",
            "kind": "month",
            "label": f"{start:%B %Y}",
            "start": start,
            "end": end - timedelta(days=1),
            "is_current": number == 0,
        }
        for number, (start, end) in enumerate(pairwise(starts))
    ]
    learnt = {"as_of": NOW, "known_at": NOW}
    reading = {**HEAD, "by": "unit", "periods": periods, "total": total, "rows": rows, "learnt": learnt}
    return MonthsReading.model_validate({**reading, "settings": SETTINGS, **changes}).model_dump(mode="json")


def _months(share: Decimal) -> list[dict[str, Any]]:
    """Closed in the first month only; what is not created yet grows, and the blend takes away."""
    found = []
    for month in range(12):
        parts = {
            "closed": share * (Decimal("20000.25") if not month else 0),
            "open": share * Decimal("30000.10") / (1 + month),
            "not_created": share * 2500 * month,
            "renewals": share * Decimal("4000.50"),
            "blend": share * -1500,
        }
        parts = {name: amount.quantize(Decimal("0.01")) for name, amount in parts.items()}
        whole = sum(parts.values(), Decimal())
        wins = float(share) * (1 + month / 2)
        found.append(
            {
                "parts": {**parts, "projection": whole},
                "low": whole * Decimal("0.7"),
                "high": whole * Decimal("1.3"),
                "expected_wins": wins,
                "is_few": wins < 15,
            }
        )
    return found
