"""Why a projection moved, in words and as a picture: terms of a node and of its deals. Pure; no sum is made here. The guide says
the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, NamedTuple

from gateway.pages.waterfall import Bar, Waterfall, waterfall


class Words(NamedTuple):
    """A term in the reader's words."""

    label: str
    meaning: str


TERMS: dict[str, Words] = {
    "won": Words("Won", "closed in the period, less what was expected of it"),
    "corrected": Words("Corrected after close", "a won amount is another now"),
    "reversed": Words("Reversed", "won in the period before, and no longer"),
    "elsewhere": Words("Won in another period", "closed, but counts in another period than was expected"),
    "created": Words("Created", "new deals, each by its chance"),
    "reopened": Words("Reopened", "open again after lost or removed"),
    "lost": Words("Lost", "what was expected of deals that are lost"),
    "removed": Words("Removed", "deleted in the CRM, or merged into another deal"),
    "moved_in": Words("Moved in", "came from another unit, or under the chosen filters"),
    "moved_out": Words("Moved out", "went to another unit, or left the chosen filters"),
    "time": Words("Time passed", "fewer days are left, and deals are older"),
    "stage": Words("Stage", "deals moved on, or back"),
    "omitted": Words("Omitted", "left out by a person, or counted again"),
    "segment": Words("Type and segment", "deals are of another type or segment"),
    "close_date": Words("Close dates", "moved, given or taken away"),
    "pushes": Words("Pushes", "how often deals were put off"),
    "amount": Words("Amounts", "other amounts, or other exchange rates"),
    "learnt": Words("What was learnt", "rates, calendar and sizes, from what happened since"),
    "new_time": Words("Not created yet: time", "fewer days are left in which deals can still come"),
    "new_learnt": Words("Not created yet: learnt", "how many come, and what they bring"),
    "due": Words(
        "Renewals due", "contracts without a renewal deal were won, got one, ran out, or are worth more or less"
    ),
    "blend": Words("Blend", "by how much simpler methods move the number, now and then"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """A term that moved something, with its bar."""

    name: str
    words: Words
    amount: Decimal
    deals: int | None
    bar: Bar


@dataclass(frozen=True, slots=True)
class Explanation:
    """From the projection then to the projection now. `largest` come first; `still`: labels of terms that moved nothing."""

    rows: Sequence[Row]
    largest: Sequence[Row]
    picture: Waterfall
    still: Sequence[str]


LARGEST = 3


def words_of(term: str) -> Words:
    """The words for a term; one that is not known here is still told by its name."""
    return TERMS.get(term) or Words(term.replace("_", " ").capitalize(), "")


def explanation(found: Mapping[str, Any]) -> Explanation:
    """The terms of a reading as a picture from then to now."""
    moved = [each for each in found["terms"] if Decimal(each["amount"])]
    amounts = [Decimal(each["amount"]) for each in moved]
    drawn = waterfall(Decimal(found["then"]["projection"]), amounts, Decimal(found["now"]["projection"]))
    rows = [
        Row(each["term"], words_of(each["term"]), amount, each["deals"], bar)
        for each, amount, bar in zip(moved, amounts, drawn.bars[1:-1], strict=True)
    ]
    return Explanation(
        rows,
        sorted(rows, key=lambda row: -abs(row.amount))[:LARGEST],
        drawn,
        [words_of(each["term"]).label for each in found["terms"] if not Decimal(each["amount"])],
    )


class Level(NamedTuple):
    """A number on the way from a call to a projection, in the reader's words."""

    label: str
    meaning: str


LEVELS: dict[str, Level] = {
    "call": Level("Called", "the unit's own call"),
    "below": Level("Those below", "their calls; the CRM's number where nobody called"),
    "crm": Level("Closed + commit", "as the CRM says"),
    "projection": Level("Projection", "from the history of the deals alone"),
    "target": Level("Target", "as it was typed"),
}
STEPS: dict[str, Words] = {
    "plug": Words("Plug", "called beyond those below, taken back"),
    "judgement": Words("Judgement below", "called beyond closed + commit, taken back"),
    "commit": Words("Commit", "no longer counted in full"),
    "closed": Words("Closed meanwhile", "arrived between the two readings"),
    "open": Words("Open deals", "each by its chance, commit among them"),
    "renewals": Words("Renewals", "open ones by their chance, and contracts that fall due without one"),
    "not_created": Words("Not created yet", "deals that will still come"),
    "blend": Words("Blend", "by how much simpler methods move the number"),
    "short_of_target": Words("To the target", "what is missing, or beyond it"),
}


@dataclass(frozen=True, slots=True)
class Rung:
    """A level (`is_level`), or a step that leads to the next one, with its bar."""

    name: str
    words: Words | Level
    amount: Decimal
    bar: Bar
    is_level: bool


@dataclass(frozen=True, slots=True)
class Ladder:
    """From the first level that is said to the last. `missing`: levels that nobody said."""

    rungs: Sequence[Rung]
    picture: Waterfall
    missing: Sequence[str]


QUOTA: Final = Level("Quota", "of the unit for the period")


def _level(name: str, found: Mapping[str, Any]) -> Level:
    return QUOTA if name == "target" and found["target_is"] == "quota" else LEVELS[name]


def ladder(found: Mapping[str, Any]) -> Ladder:
    """The levels of a bridge and the steps between them, each where the one before ended; steps of nothing are left out."""
    said = {each["level"]: Decimal(each["amount"]) for each in found["levels"] if each["amount"] is not None}
    steps = [each for each in found["steps"] if Decimal(each["amount"])]
    first, *later = said
    last = later[-1] if later else first
    drawn = waterfall(said[first], [Decimal(each["amount"]) for each in steps], said[last])
    rungs = [Rung(first, _level(first, found), said[first], drawn.bars[0], is_level=True)]
    taken = 0
    for name in later:
        for each in (step for step in steps if step["to"] == name):
            taken += 1
            amount = Decimal(each["amount"])
            rungs.append(Rung(each["reason"], STEPS[each["reason"]], amount, drawn.bars[taken], is_level=False))
        rungs.append(Rung(name, _level(name, found), said[name], drawn.total_after(taken), is_level=True))
    return Ladder(rungs, drawn, [each["level"] for each in found["levels"] if each["amount"] is None])
