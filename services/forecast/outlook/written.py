"""Suppositions as they are written in an address, and one way to write each of them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Final, Literal, cast
from uuid import UUID

from libs.common.web.errors import Invalid
from services.forecast.projection import supposing

Kind = Literal["won", "lost", "moved", "added", "without", "pace", "creation"]

MOST: Final = 30
"""Suppositions of one question."""
_FORM: Final = re.compile(r"(?P<kind>[a-z]+):(?P<first>[^:]+)(:(?P<second>[^:]+))?")
_FORMS: Final = (
    "won:<deal>, won:<deal>:<amount>, lost:<deal>, moved:<deal>:<date>, added:<amount>, added:<amount>:<chance>, "
    "without:<number>, pace:<factor>, creation:<factor>"
)


class UnreadableSupposition(Invalid):
    """What is supposed cannot be understood, or not of what was asked for."""


@dataclass(frozen=True, slots=True)
class Word:
    """One supposition. `text` is as it was written; of the rest only what its kind has is there.

    `amount` is in the base currency, `chance` in [0, 1], `day` the close date, `count` a number of deals.
    """

    text: str
    kind: Kind
    deal: UUID | None = None
    amount: Decimal | None = None
    chance: Decimal | None = None
    day: date | None = None
    count: int | None = None
    factor: Decimal | None = None

    @property
    def canonical(self) -> dict[str, str]:
        """What it says as a document that is the same however it was written."""
        said = {name: getattr(self, name) for name in ("deal", "amount", "chance", "day", "count", "factor")}
        return {"kind": self.kind} | {name: _plain(value) for name, value in said.items() if value is not None}


def read(texts: Sequence[str]) -> list[Word]:
    """Suppositions as the address has them. Raises UnreadableSupposition."""
    if len(texts) > MOST:
        raise UnreadableSupposition(f"suppose: {len(texts)} suppositions; at most {MOST} are taken at once.")
    return [_word(text) for text in texts]


def of_document(said: Mapping[str, Any]) -> Word:
    """The supposition of a canonical document."""
    parts = [str(said[name]) for name in ("kind", "deal", "amount", "chance", "day", "count", "factor") if name in said]
    return _word(":".join(parts))


def wrong(text: str, written: str, what: str) -> UnreadableSupposition:
    """That a part of a supposition is not what it should be."""
    return UnreadableSupposition(f"suppose: {text!r}: {written!r} is not {what}.")


def _word(text: str) -> Word:
    form = _FORM.fullmatch(text.strip())
    if form is None:
        raise UnreadableSupposition(f"suppose: {text!r} is none of {_FORMS}.")
    kind, first, second = cast("Kind", form["kind"]), form["first"], form["second"]
    part = _Reader(text)
    match kind, second:
        case "won", _:
            amount = None if second is None else part.at_least_0(second)
            return Word(text, kind, deal=part.deal(first), amount=amount)
        case "lost", None:
            return Word(text, kind, deal=part.deal(first))
        case "moved", str(day):
            return Word(text, kind, deal=part.deal(first), day=part.day(day))
        case "added", _:
            chance = None if second is None else part.within(second, 1, "a chance from 0 to 1")
            return Word(text, kind, amount=part.at_least_0(first), chance=chance)
        case "without", None:
            return Word(text, kind, count=part.count(first))
        case (("pace" | "creation"), None):
            most = f"a factor from 0 to {supposing.MOST:g}"
            return Word(text, kind, factor=part.within(first, supposing.MOST, most))
    raise UnreadableSupposition(f"suppose: {text!r} is none of {_FORMS}.")


def _plain(value: object) -> str:
    """Numbers without superfluous zeros or exponents."""
    if isinstance(value, Decimal):
        text = f"{value:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    return str(value)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads the parts of one supposition; what it cannot read it names together with the whole."""

    text: str

    def deal(self, written: str) -> UUID:
        try:
            return UUID(written)
        except ValueError:
            raise wrong(self.text, written, "the id of a deal") from None

    def at_least_0(self, written: str) -> Decimal:
        number = self._number(written, "an amount")
        if number < 0:
            raise wrong(self.text, written, "an amount of 0 or more")
        return number

    def within(self, written: str, most: float, what: str) -> Decimal:
        number = self._number(written, what)
        if not 0 <= number <= Decimal(most):
            raise wrong(self.text, written, what)
        return number

    def count(self, written: str) -> int:
        if not (written.isascii() and written.isdigit() and 1 <= int(written) <= 1000):
            raise wrong(self.text, written, "a number of deals from 1 to 1000")
        return int(written)

    def day(self, written: str) -> date:
        try:
            return date.fromisoformat(written)
        except ValueError:
            raise wrong(self.text, written, "a day like 2026-12-31") from None

    def _number(self, written: str, what: str) -> Decimal:
        try:
            number = Decimal(written)
        except InvalidOperation:
            raise wrong(self.text, written, what) from None
        if not number.is_finite() or abs(number) >= 10**20:
            raise wrong(self.text, written, what)
        return number
