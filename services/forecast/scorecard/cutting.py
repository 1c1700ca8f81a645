"""A month's wins cut by market, product and type, and how much of it stands on few. Pure; every cut adds up to the month."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Final, Literal

from services.forecast.attainment.targets import OfPlans
from services.forecast.scorecard.document import Concentration, Cut, Part, Win

PLACES: Final = Decimal("0.0001")
NO_TARGET: Final = "No plan in force has numbers of the month by {}; divide a plan by it."
FEW: Final = 5


def summed(wins: Iterable[Win]) -> Decimal:
    """What wins are worth together, as far as that is known."""
    return sum((win.amount_base for win in wins if win.amount_base is not None), Decimal())


def share(part: Decimal, whole: Decimal) -> Decimal | None:
    """To four places; None unless the whole is above 0."""
    return (part / whole).quantize(PLACES, rounding=ROUND_HALF_UP) if whole > 0 else None


def cut(wins: Sequence[Win], by: Literal["market", "product", "deal_type"], targets: Mapping[str, OfPlans]) -> Cut:
    """The month by one dimension, greatest first. A part with a target and no win is there as well."""
    parts: dict[str | None, list[Win]] = defaultdict(list)
    for name in targets:
        parts[name or None] = []
    for win in wins:
        parts[getattr(win, by) or None].append(win)
    whole = summed(wins)
    made = [_part(by, name, of_part, whole, targets.get(name or "")) for name, of_part in parts.items()]
    made.sort(key=lambda part: (-part.closed, part.label is None, part.label or ""))
    words = {"market": "market", "product": "product", "deal_type": "type of deal"}
    return Cut(by=by, parts=made, no_target=None if targets else NO_TARGET.format(words[by]))


def _part(by: str, name: str | None, wins: Sequence[Win], whole: Decimal, wanted: OfPlans | None) -> Part:
    closed = summed(wins)
    return Part(
        line=f"{by}.{name or ''}",
        label=name,
        closed=closed,
        count=len(wins),
        share=share(closed, whole),
        target=None if wanted is None else wanted.target,
        credited=None if wanted is None else wanted.closed,
        attainment=None if wanted is None else share(wanted.closed, wanted.target),
    )


def concentration(wins: Sequence[Win]) -> list[Concentration]:
    """The largest deal, the five largest, and the largest account, as shares of the month."""
    priced = sorted(
        ((win.amount_base, str(win.deal_id), win) for win in wins if win.amount_base is not None),
        key=lambda each: (-each[0], each[1]),
    )
    if not priced:
        return []
    whole = summed(wins)
    largest = priced[0][2]
    few = sum((amount for amount, _, _ in priced[:FEW]), Decimal())
    found = [
        _held("concentration.deal", "Largest deal", largest.name, priced[0][0], whole),
        _held("concentration.deals", f"{FEW} largest deals", None, few, whole),
    ]
    accounts = _by_account(wins)
    if accounts:
        # An account's name is kept by another service: its largest deal says which one it is.
        top = max(accounts.values(), key=summed)
        named = max(top, key=lambda win: win.amount_base or Decimal()).name
        found.append(_held("concentration.account", "Largest account", f"with {named}", summed(top), whole))
    return found


def _held(line: str, label: str, name: str | None, amount: Decimal, whole: Decimal) -> Concentration:
    return Concentration(line=line, label=label, name=name, amount=amount, share=share(amount, whole))


def _by_account(wins: Iterable[Win]) -> dict[Hashable, list[Win]]:
    found: dict[Hashable, list[Win]] = defaultdict(list)
    for win in sorted(wins, key=lambda win: str(win.deal_id)):
        if win.account_id is not None:
            found[win.account_id].append(win)
    return found
