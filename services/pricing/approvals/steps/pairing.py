"""Give-get: what is granted, and what is asked for it. Whoever approved a pair has approved it with no less in return.

A pair is an input of every step, by the words of what is granted and of what is asked. It became worse when what was asked is gone, worded
otherwise or worth less; something further that is asked makes nothing worse. Something further that is granted does.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

Given = Literal["discount", "payment_terms", "shorter_term", "free_months", "service", "other"]
Got = Literal["longer_term", "volume", "reference", "earlier_payment", "earlier_signature", "other"]
GRANTED, IN_RETURN = "granted: ", "in return: "


@dataclass(frozen=True, slots=True)
class Pair:
    """`value` is what the customer's part is worth, in the quote's currency; None where nobody can say."""

    given: Given
    given_note: str
    got: Got
    got_note: str
    value: Decimal | None = None


def inputs_of_pairs(pairs: Iterable[Pair]) -> dict[str, Decimal | None]:
    """What every step is asked about. The same grant against two things is one grant."""
    found: dict[str, Decimal | None] = {}
    for each in pairs:
        granted = _words(each.given, each.given_note)
        found[f"{GRANTED}{granted}"] = None
        key = f"{IN_RETURN}{_words(each.got, each.got_note)}, for {granted}"
        known = found.get(key)
        found[key] = each.value if known is None else known + (each.value or 0)
    return found


def is_in_return(name: str) -> bool:
    return name.startswith(IN_RETURN)


def _words(kind: str, note: str) -> str:
    return f"{kind.replace('_', ' ')} ({note})" if note else kind.replace("_", " ")
