"""A lead as the fold of everything that was ever said about it. Pure."""

from services.leads.register.timeline.changes import entries_to_publish, events_between
from services.leads.register.timeline.fold import DealLink, Folded, fold, standing, timeline
from services.leads.register.timeline.inputs import (
    Assignment,
    Input,
    PersonMerge,
    PersonVerdict,
    input_key,
    parse_input,
)

__all__ = [
    "Assignment",
    "DealLink",
    "Folded",
    "Input",
    "PersonMerge",
    "PersonVerdict",
    "entries_to_publish",
    "events_between",
    "fold",
    "input_key",
    "parse_input",
    "standing",
    "timeline",
]
