"""A lead as the fold of everything that was ever said about it. Pure."""

from services.leads.register.timeline.changes import events_between
from services.leads.register.timeline.fold import DealLink, Folded, fold
from services.leads.register.timeline.inputs import Input, PersonVerdict, input_key, parse_input

__all__ = [
    "DealLink",
    "Folded",
    "Input",
    "PersonVerdict",
    "events_between",
    "fold",
    "input_key",
    "parse_input",
]
