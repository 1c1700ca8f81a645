"""The signs by which an open deal is taken to be in danger: one list for whoever measures them and whoever warns of them."""

from dataclasses import dataclass
from typing import Final

QUIET_DAYS: Final = 14
"""More days without an activity make a deal silent."""
MANY_PUSHES: Final = 3
"""So many times the close date was moved to later."""
RECENT_DAYS: Final = 30
"""A cut of the amount or a change of the owner is a sign for so long."""
CUT_SHARE: Final = 10
"""Per cent by which an amount has to fall to be a cut."""
VISITS_NEEDED: Final = 10
"""Fewer visits of won deals than that say nothing of what is usual in a stage."""


@dataclass(frozen=True, slots=True)
class Signal:
    """A sign: its key, what people call it, and when it is there. Where `needs` is missing nobody can say."""

    key: str
    name: str
    definition: str
    needs: str


SIGNALS: Final = (
    Signal(
        "no_activity_14d",
        "No activity for 14 days",
        "More than 14 local days since the last activity, or since the creation where there was none.",
        "a CRM that tells activities",
    ),
    Signal("no_next_step", "No next step", "The field for the next step is there and empty.", "a CRM that tells it"),
    Signal("overdue", "Overdue", "The close date has passed.", "a close date"),
    Signal(
        "single_threaded",
        "Single-threaded",
        "Fewer than two contacts touched both ways within 90 days, though the amount is above the median of the open deals in its currency.",
        "touchpoints of the deal",
    ),
    Signal(
        "stalled",
        "Stalled",
        "Longer in its stage than three of four visits of won deals in that stage and segment.",
        "ten such visits",
    ),
    Signal("three_pushes", "Three pushes or more", "The close date was moved to later three times.", "more such deals"),
    Signal(
        "no_economic_buyer",
        "No economic buyer after proposal",
        "In the later half of its pipeline and nothing fresh is known of an economic buyer.",
        "economic buyers that somebody records",
    ),
    Signal(
        "close_plan_late",
        "Close plan later than the CRM's date",
        "In half of the cases the close plan is done after the close date.",
        "a close plan and a close date",
    ),
    Signal(
        "amount_cut",
        "Amount cut",
        "The amount is lower by a tenth or more than 30 days before, in the same currency.",
        "both amounts",
    ),
    Signal("owner_changed", "Owner changed", "The owner is another than 30 days before.", "both owners"),
    Signal(
        "cover_lapsed",
        "Executive cover lapsed",
        "An executive of ours has not spoken with theirs for one and a half times the cadence.",
        "an executive who looks after the account, and touchpoints",
    ),
    Signal(
        "commitments_overdue",
        "Promise overdue",
        "A promise of the deal, ours or theirs, is past its due day.",
        "promises of the deal",
    ),
)
KEYS: Final = tuple(each.key for each in SIGNALS)
