"""Readings of why a projection moved, and of what leads from a call to it, as the forecast answers them."""

from datetime import timedelta
from decimal import Decimal
from typing import Any, get_args
from uuid import UUID

from services.forecast.outlook.reasons import BridgeReading, MovedReading, Term
from tests.support.outlooks import END, HEAD, NOW, SETTINGS, TODAY, period, projection

MOVED = {
    "won": "61200.00",
    "created": "212400.75",
    "lost": "-148300.50",
    "time": "-96410.20",
    "stage": "183050.00",
    "omitted": "-20100.00",
    "close_date": "-41300.10",
    "amount": "77000.05",
    "learnt": "12400.00",
    "new_time": "-118200.00",
    "new_learnt": "9400.00",
    "blend": "-15140.00",
}
"""What moved the projection, all other terms nothing."""


def moved(**changes: Any) -> dict[str, Any]:
    """Why the projection moved in a week; `changes` replace whole fields."""
    now = projection()["parts"]
    change = sum((Decimal(each) for each in MOVED.values()), Decimal())
    then = {name: Decimal(amount) for name, amount in now.items()}
    then |= {"open": then["open"] - change, "projection": then["projection"] - change}
    of_deals = change - sum(Decimal(MOVED[name]) for name in ("new_time", "new_learnt", "blend"))
    deals = [
        _moved_deal(1, "Aldgate rollout to all plants in the north", "stage", "128000.00", (0.31, 0.58)),
        _moved_deal(2, "Bremer rollout", "lost", "-96000.00", (0.42, 0.0)),
        _moved_deal(3, "Corvid rollout", "created", "88000.00", (None, 0.22)),
        _moved_deal(4, "Dunmore rollout", "won", "61200.00", (0.47, 1.0)),
    ]
    ends = {"known_at": NOW, "day": TODAY}
    reading = {
        **HEAD,
        "settings": SETTINGS,
        "period": period(),
        "since": {"as_of": NOW - timedelta(days=7), "known_at": NOW - timedelta(days=7), "day": TODAY},
        "until": {"as_of": NOW, **ends},
        "imported_at": None,
        "then": then,
        "now": now,
        "change": change,
        "terms": [
            {"term": name, "amount": MOVED.get(name, "0.00"), "deals": None if name in NODE else 3}
            for name in get_args(Term)
        ],
        "residual": "0.00",
        "deals": deals,
        "others": {"deals": 41, "change": of_deals - sum((Decimal(each["change"]) for each in deals), Decimal())},
        **changes,
    }
    return MovedReading.model_validate(reading).model_dump(mode="json")


NODE = ("new_time", "new_learnt", "blend")


def _moved_deal(number: int, name: str, term: str, change: str, chance: tuple[float | None, float]) -> dict[str, Any]:
    before, after = chance
    end = {"brings": "400000", "stage": "Propose", "amount": "400000", "close_date": END}
    led = term == "stage"
    terms = [{"term": term, "amount": Decimal(change) + (9000 if led else 0), "chance": after - (before or 0.0)}]
    terms += [{"term": "time", "amount": "-9000", "chance": -0.02}] if led else []
    return {
        "deal_id": UUID(int=number),
        "name": name,
        "change": change,
        "chance_change": after - (before or 0.0),
        "term": term,
        "terms": terms,
        "then": None if before is None else {**end, "chance": before, "adds": "100000"},
        "now": {**end, "chance": after, "adds": Decimal(100_000) + Decimal(change)},
        "changed_at": NOW,
        "cause_delivery": UUID(int=90 + number),
    }


def bridge(**changes: Any) -> dict[str, Any]:
    """From a call of 4.6 million to the projection; `changes` replace whole fields."""
    parts = projection()["parts"]
    crm, below, call = Decimal("3320500.25"), Decimal("4100000.00"), Decimal(4_600_000)
    steps = [
        ("below", "plug", below - call),
        ("crm", "judgement", crm - below),
        ("projection", "commit", Decimal(parts["closed"]) - crm),
        ("projection", "closed", "0.00"),
        *(("projection", name, parts[name]) for name in ("open", "renewals", "not_created", "blend")),
    ]
    levels = {"call": call, "below": below, "crm": crm, "projection": parts["projection"], "target": None}
    reading = {
        **HEAD,
        "period": period(),
        "deal_type": None,
        "value_basis": "one_off",
        "target_is": None,
        "levels": [{"level": name, "amount": amount} for name, amount in levels.items()],
        "steps": [{"to": to, "reason": why, "amount": amount} for to, why, amount in steps],
        **changes,
    }
    return BridgeReading.model_validate(reading).model_dump(mode="json")
