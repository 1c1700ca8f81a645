"""A deal's timeline as a pure fold of its inputs: no order of arrival and no repetition changes it."""

from services.deals.ledger.timeline.content import Content
from services.deals.ledger.timeline.fold import Absorbed, Inputs, Links, advance, begins, fold, links, order
from services.deals.ledger.timeline.gate import GateDecision
from services.deals.ledger.timeline.naming import event_for
from services.deals.ledger.timeline.provisional import Absorption, fold_provisional
from services.deals.ledger.timeline.standing import Merged, along_merges, decided_at, holding
from services.deals.ledger.timeline.state import Fold

__all__ = [
    "Absorbed",
    "Absorption",
    "Content",
    "Fold",
    "GateDecision",
    "Inputs",
    "Links",
    "Merged",
    "advance",
    "along_merges",
    "begins",
    "decided_at",
    "event_for",
    "fold",
    "fold_provisional",
    "holding",
    "links",
    "order",
]
