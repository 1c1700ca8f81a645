"""What the page of the projection says in words of a reading: its band, its width, what it is made of. Pure; no sum is made here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from gateway.pages import saying
from gateway.pages.format import chance, day, deals, percent, whole
from gateway.pages.waterfall import Bar, Waterfall, waterfall

NARROW, WIDE = 0.8, 0.95
FEW_WINS = 30
"""With fewer wins to learn from, the answers given at set-up still matter."""
NEEDED = 9
"""Distinct past periods after which the width is learnt."""
PACES = {"wins": "are won", "losses": "are lost", "moves": "move on"}
LIKELY = 0.5
"""A change is told as one when it is as likely as not."""
NOTICED = 0.05
"""How far a pace must be from that of all days to be named."""
_SAME = 0.005


class Words(NamedTuple):
    """A part of the projection in the reader's words."""

    label: str
    meaning: str


PARTS: dict[str, Words] = {
    "closed": Words("Closed", "won and booked in the period"),
    "open": Words("Open deals", "each by its chance to be won in the period, times what it brings"),
    "not_created": Words("Not created yet", "deals that will still come and be won in the period"),
    "renewals": Words("Renewals", "open ones by their chance, and contracts that fall due without one"),
    "blend": Words("Blend", "by how much simpler methods move the number"),
}


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the projection with its bar."""

    name: str
    words: Words
    amount: Decimal
    bar: Bar


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts from nothing to the projection, each where the one before ended."""

    rows: Sequence[Part]
    picture: Waterfall
    total: Decimal


def parts(found: Mapping[str, Any]) -> Parts:
    """The parts of a reading as a picture from zero to the projection."""
    amounts = [Decimal(found[name]) for name in PARTS]
    drawn = waterfall(Decimal(), amounts, Decimal(found["projection"]))
    rows = [
        Part(name, words, amount, bar)
        for (name, words), amount, bar in zip(PARTS.items(), amounts, drawn.bars[1:-1], strict=True)
    ]
    return Parts(rows, drawn, Decimal(found["projection"]))


def band(found: Sequence[Mapping[str, Any]], share: float) -> Mapping[str, Any] | None:
    """The band of that share, where there is one."""
    return next((each for each in found if abs(each["share"] - share) < _SAME), None)


def quantile(found: Sequence[Mapping[str, Any]], share: float) -> str | None:
    """The amount below which that share of the distribution lies, where it is told."""
    return next((each["amount"] for each in found if abs(each["share"] - share) < _SAME), None)


def width(found: Mapping[str, Any]) -> str:
    """Why the band is as wide as it is."""
    times, periods = found["scale"], found["periods"]
    told = f"{times:.2f} times as wide as the model alone says"
    if found["label"] == "learnt":
        return f"{told}. Learnt from how far off it would have been in {periods} past periods."
    past = "No past period is over yet" if not periods else f"Only {_periods(periods)} over"
    return f"{told}, by assumption. {past}; after {NEEDED} the width is learnt from how far off it was."


def prior(found: Mapping[str, Any]) -> str | None:
    """What stands in for history, as long as there is little of it."""
    wins = found["wins"]
    if wins >= FEW_WINS:
        return None
    known = "Nothing won is known" if not wins else f"Only {deals(wins)} won {'is' if wins == 1 else 'are'} known"
    stands_on = "the answers at set-up count" if found["answered_at"] else "assumed answers at set-up count"
    brings = f", a won one brings {whole(found['won_amount'])}" if found["won_amount"] is not None else ""
    return (
        f"{known} to learn from. Until there are {FEW_WINS}, {stands_on} beside it: "
        f"{chance(found['win_rate'])} of deals are won, a deal takes {found['cycle_days']:.0f} days, "
        f"{found['deals_a_month']:.0f} are created a month{brings}."
    )


def change(found: Mapping[str, Any]) -> str:
    """Whether deals go otherwise of late, in words; no more than that is certain enough to be said as it is."""
    likely = chance(found["chance"])
    if found["chance"] < LIKELY:
        return f"No change of pace stands out: that there was one is {likely} likely."
    turned = [
        f"{what} {found[name]:.2f} times as fast" for name, what in PACES.items() if abs(found[name] - 1) >= NOTICED
    ]
    what = f"deals {', '.join(turned)} as on all days counted" if turned else "the pace has changed a little"
    return f"Since about {day(found['since'])} {what}. That there was a change is {likely} likely; the projection counts with it."


def renewal_rate(found: Mapping[str, Any]) -> str:
    """How much of what fell due was renewed, from how many contracts, and that it falls with the days left."""
    rate, low, high = (percent(str(found[name])) for name in ("rate", "low", "high"))
    if found["label"] == "prior":
        told = f"No contract that ended is known to learn from: {rate} is assumed to be renewed."
    else:
        told = (
            f"Of what fell due {rate} was renewed (80 % range {low} to {high}), learnt from "
            f"{found['contracts']} {'contract' if found['contracts'] == 1 else 'contracts'}."
        )
    return f"{told} The nearer a contract is to its end without a renewal deal, the less is expected of it, as far as the past says so."


def unknown_ends(count: int) -> str:
    """What is won and recurs but cannot be said to end."""
    which = "1 won deal recurs" if count == 1 else f"{count} won deals recur"
    return f"{which} without an account, a term or an amount: nobody can say when how much ends, and nothing is expected of it."


def suggested(found: Mapping[str, Any]) -> str:
    """Why this is the number to call."""
    times = found["over_cost"]
    if times == 1:
        return "the middle, since too much and too little are as bad"
    worse, bad = ("much", times) if times > 1 else ("little", 1 / times)
    return f"P{100 * found['share']:.0f}, since too {worse} is {bad:.3g} times as bad as too {'little' if times > 1 else 'much'}"


def _periods(number: int) -> str:
    return f"{number} past period is" if number == 1 else f"{number} past periods are"


NO_AMOUNT = "Write an amount such as 1250000.50."
MOST = Decimal(10) ** 15


@dataclass(frozen=True, slots=True)
class Target:
    """What was typed as a target, the amount that the forecast is asked with, and what is wrong with it."""

    typed: str = ""
    amount: Decimal | None = None
    wrong: str = ""


def target(typed: str) -> Target:
    """A target as people type amounts. What is no amount is told at its field, and nothing is asked."""
    text = saying.amount(typed)
    if text is None:
        return Target()
    try:
        amount = Decimal(text)
    except InvalidOperation:
        return Target(typed, wrong=NO_AMOUNT)
    if not amount.is_finite() or amount >= MOST:
        return Target(typed, wrong=NO_AMOUNT)
    if amount < 0:
        return Target(typed, wrong="A target is an amount of 0 or more.")
    return Target(typed, amount)
