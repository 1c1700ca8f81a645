"""What is supposed on the page *What if*: as the address has it, as a form says it, and in words. Pure.

A supposition is written as the forecast takes it: `won:<deal>`, `lost:<deal>`, `moved:<deal>:<date>`, `added:<amount>:<chance>`,
`without:<number>`, `pace:<factor>`, `creation:<factor>`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from gateway.pages import saying
from gateway.pages.format import day, percent, whole
from gateway.pages.waterfall import Bar, Waterfall, waterfall

Suppositions = tuple[str, ...]

MOST = 30
"""As many as the forecast takes at once."""
OF_ALL = ("without", "pace", "creation")
"""Of these there is one of each at most; the others may stand beside each other."""


@dataclass(frozen=True, slots=True)
class Row:
    """A supposition in words, what it changes, where the deal is that it is of, and the others without it."""

    words: str
    deal: Mapping[str, Any] | None
    change: Decimal
    bar: Bar
    without: Suppositions


@dataclass(frozen=True, slots=True)
class Effects:
    """From the projection as it is to the one that is supposed."""

    rows: Sequence[Row]
    picture: Waterfall
    before: Decimal
    after: Decimal


def effects(found: Mapping[str, Any]) -> Effects:
    """The picture of a reading."""
    told = found["effects"]
    texts = tuple(each["suppose"] for each in told)
    before, after = (Decimal(found[name]["parts"]["projection"]) for name in ("as_is", "supposed"))
    changes = [Decimal(each["change"]) for each in told]
    drawn = waterfall(before, changes, after)
    rows = [
        Row(words(each["suppose"]), each["deal"], change, bar, texts[:at] + texts[at + 1 :])
        for at, (each, change, bar) in enumerate(zip(told, changes, drawn.bars[1:-1], strict=True))
    ]
    return Effects(rows, drawn, before, after)


def words(text: str) -> str:
    """What is supposed; of a deal without its name, which stands before it."""
    kind, _, rest = text.partition(":")
    first, _, second = rest.partition(":")
    match kind:
        case "won":
            return f"is won for {_amount(second)}" if second else "is won"
        case "lost":
            return "is not won in the period"
        case "moved":
            return f"closes on {_day(second)}"
        case "added":
            likely = f", {percent(second)} likely" if _is_number(second) else ""
            return f"One more deal of {_amount(first)}{likely}"
        case "without":
            return "Without the largest open deal" if first == "1" else f"Without the {first} largest open deals"
        case "pace":
            return f"Wins come {first} times as fast"
        case "creation":
            return f"{first} times as many deals are created"
    return text


def on_deal(given: Suppositions, kind: str, deal: str, last_day: str) -> Suppositions:
    """With one more word on a deal, instead of what was supposed of it before. `last_day` of the period: moved is beyond it."""
    others = tuple(each for each in given if each.split(":")[1:2] != [deal])
    beyond = f":{date.fromisoformat(last_day) + timedelta(days=1)}" if kind == "moved" else ""
    return (*others, f"{kind}:{deal}{beyond}")


def of_deal(given: Suppositions, deal: str) -> str:
    """The kind of what is supposed of a deal; empty for nothing."""
    return next((each.partition(":")[0] for each in given if each.split(":")[1:2] == [deal]), "")


def factor_of(given: Suppositions, kind: str) -> str:
    """What is supposed of all deals, as it was written; empty for nothing."""
    return next((each.partition(":")[2] for each in given if each.startswith(f"{kind}:")), "")


def typed(given: Suppositions, form: Mapping[str, str]) -> Suppositions:
    """What is supposed once a form was sent: what it says of all deals replaces what was there, a deal that it adds comes last."""
    kept = [each for each in given if each.partition(":")[0] not in OF_ALL]
    for kind in OF_ALL:
        text = form.get(kind, "").strip().replace(",", ".")
        if text and not (kind != "without" and _is_one(text)):
            kept.append(f"{kind}:{text}")
    if amount := saying.amount(form.get("added", "")):
        chance = _share(form.get("chance", ""))
        kept.append(f"added:{amount}:{chance}" if chance else f"added:{amount}")
    return read(kept)


def read(texts: Iterable[str]) -> Suppositions:
    """Those of an address, without empty ones, none twice."""
    return tuple(dict.fromkeys(part for text in texts for part in text.split(",") if part))[:MOST]


def _share(text: str) -> str:
    """Percent as people write them, as a share; anything else as it is, for the forecast to refuse."""
    plain = text.strip().rstrip("%").strip()
    return str(Decimal(plain) / 100) if _is_number(plain) else plain


def _is_number(text: str) -> bool:
    try:
        return Decimal(text).is_finite()
    except InvalidOperation:
        return False


def _is_one(text: str) -> bool:
    return _is_number(text) and Decimal(text) == 1


def _amount(text: str) -> str:
    return whole(text) if _is_number(text) else text


def _day(text: str) -> str:
    try:
        return day(text)
    except ValueError:
        return text
