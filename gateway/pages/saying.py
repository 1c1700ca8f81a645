"""What people type into the forms of the call, as the forecast takes it, and its refusals in words at their fields. Pure."""

import re
from collections.abc import Collection, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

FORM = ""
"""Where a mistake of the whole form is told."""

_GROUPED = re.compile(r"-?\d{1,3}(?:(?:,\d{3})+|(?:\s\d{3})+)(?:\.\d+)?")
_NAMED = re.compile(r"(\w+): (.+)", re.DOTALL)
_PLACES = {"org": "for", "owner": "for"}
_KINDS = {
    "amount-missing": ("amount", "Write your number, or take the sum of those below."),
    "expiry-in-the-past": ("expires_at", "This day has passed; an adjustment ends in the future."),
    "idempotency-key-reused": (
        FORM,
        "This form was sent before with other values. Look at what stands, then send it again.",
    ),
}
_WORDS = (
    ("Field required", "Fill this in."),
    ("Input should be a valid decimal", "Write an amount such as 1250000.50."),
    ("Decimal input should", "This amount has too many digits."),
    ("Input should be a finite", "Write an amount such as 1250000.50."),
    ("String should have at least", "Fill this in."),
    ("String should have at most", "This is too long; 4,000 characters fit."),
    ("Input should be a valid datetime", "Choose a day."),
    ("Input should be a valid date", "Choose a day."),
    ("Input should be a valid UUID", "Choose one of the list."),
)


def amount(typed: str) -> str | None:
    """`1 250 000.50`, `1,250,000.50` and `+40` without what only people need; None for nothing. Anything else as it is."""
    text = typed.strip().replace("\N{MINUS SIGN}", "-").removeprefix("+")
    return (re.sub(r"[,\s]", "", text) if _GROUPED.fullmatch(text) else text) or None


def submission(typed: Mapping[str, str], population: Mapping[str, str]) -> dict[str, Any]:
    """The body of a call. `population`: period, deal_type, value_basis as the page shows them."""
    takes_sum = typed["mode"] == "rollup"
    return _given(
        **_node(typed["for"]),
        **population,
        mode="rollup" if takes_sum else "own",
        amount=None if takes_sum else amount(typed["amount"]),
        best=amount(typed["best"]),
        worst=amount(typed["worst"]),
        notes=typed["notes"].strip() or None,
    )


def adjustment(typed: Mapping[str, str], population: Mapping[str, str], zone: str) -> dict[str, Any]:
    """The body of an adjustment; it holds through the whole chosen day, in the organisation's time zone."""
    return _given(
        **_node(typed["for"]),
        **population,
        delta=amount(typed["delta"]),
        reason=typed["reason"].strip() or None,
        expires_at=_end_of(typed["expires_at"].strip(), zone) or None,
    )


def judgement(typed: Mapping[str, str]) -> dict[str, Any]:
    """The body of a judgement."""
    return _given(
        deal_id=typed["deal_id"],
        verdict=typed["verdict"] or None,
        amount=amount(typed["amount"]),
        close_date=typed["close_date"].strip() or None,
        note=typed["note"].strip() or None,
    )


def mistakes(problem: Mapping[str, Any], fields: Collection[str]) -> dict[str, str]:
    """Field -> what is wrong with it, in words; what belongs to no field of the form stands under FORM."""
    found: dict[str, str] = {}
    for error in problem.get("errors") or ():
        name = _placed(str(error["field"]).rpartition(".")[2], fields)
        found.setdefault(name, _in_words(str(error["message"])))
    if found:
        return found
    kind = str(problem.get("type", "")).rpartition(":")[2]
    if kind in _KINDS:
        name, words = _KINDS[kind]
        return {_placed(name, fields): words}
    detail = str(problem.get("detail") or problem.get("title") or "That was refused.")
    named = _NAMED.fullmatch(detail)
    if named and (place := _placed(named[1], fields)):
        return {place: named[2][:1].upper() + named[2][1:]}
    return {FORM: detail}


def _placed(name: str, fields: Collection[str]) -> str:
    place = _PLACES.get(name, name)
    return place if place in fields else FORM


def _in_words(message: str) -> str:
    return next((words for begin, words in _WORDS if message.startswith(begin)), message)


def _node(target: str) -> dict[str, str]:
    """`unit:<id>` or `person:<id>` as the forecast names nodes; an empty unit is refused there."""
    kind, _, identifier = target.partition(":")
    return {"owner" if kind == "person" else "org": identifier or "none"}


def _end_of(day: str, zone: str) -> str:
    try:
        midnight = datetime.combine(date.fromisoformat(day) + timedelta(days=1), time(), tzinfo=ZoneInfo(zone))
    except (ValueError, OverflowError):
        return day
    return midnight.isoformat()


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
