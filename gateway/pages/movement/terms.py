"""What the terms of a movement are called, each in one line. The guide says the same."""

from typing import Literal, NamedTuple

Side = Literal["open", "closed"]


class Term(NamedTuple):
    """A term in the reader's words."""

    label: str
    meaning: str


OPEN: dict[str, Term] = {
    "created": Term("Created", "new deals due in the period"),
    "included": Term("Included", "no longer omitted or held back"),
    "restored": Term("Restored", "back after having been removed"),
    "pulled_in": Term("Pulled in", "close date moved in from later, or given for the first time"),
    "pushed_in": Term("Pushed in", "close date moved in from before"),
    "increased": Term("Increased", "the amount went up"),
    "reopened": Term("Reopened", "open again after won or lost"),
    "transferred_in": Term("Transferred in", "came from another unit"),
    "decreased": Term("Decreased", "the amount went down"),
    "pulled_out": Term("Pulled out", "close date moved to before the period"),
    "pushed_out": Term("Pushed out", "close date moved to after the period, or taken away"),
    "rolled_over": Term("Rolled over", "still open when its quarter ended"),
    "won": Term("Won", "at the amount it was closed with"),
    "lost": Term("Lost", "closed without an order"),
    "omitted": Term("Omitted", "left out by its owner, or held back"),
    "transferred_out": Term("Transferred out", "went to another unit"),
    "removed": Term("Removed", "deleted in the CRM, or merged into another deal"),
    "won_repriced": Term("Repriced at close", "won at another amount than was open"),
    "reclassified": Term("Reclassified", "came under the chosen filters, or left them"),
    "fx": Term("Exchange rates", "the same amounts at other rates"),
    "definition": Term("Definition", "lines are defined otherwise"),
}
CLOSED: dict[str, Term] = {
    "won": Term("Won", "closed with an order, booked in the period"),
    "up": Term("Raised after close", "won amount went up, or its booking moved into the period"),
    "down": Term("Lowered after close", "won amount went down, or its booking moved out of the period"),
    "reversed": Term("Reversed", "won before, and no longer"),
    "fx": OPEN["fx"],
    "definition": OPEN["definition"],
}
TERMS: dict[Side, dict[str, Term]] = {"open": OPEN, "closed": CLOSED}


def term_of(side: Side, name: str) -> Term:
    """The words for a term; one that is not known here is still told by its name."""
    return TERMS[side].get(name) or Term(name.replace("_", " ").capitalize(), "")
