"""What has become of an edit, by what its CRM is known to hold and what it answered. Pure; no order of the two changes it."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

State = Literal["pending", "taken", "confirmed", "refused", "conflict", "superseded"]
OPEN: tuple[State, ...] = ("pending", "taken")
"""Of an edit that still stands over the CRM's value. `taken`: the CRM has said that it holds it; its record has not come yet."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the CRM said to it."""

    outcome: Literal["taken", "refused", "conflict"]
    crm_value: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """`crm_value`: what the CRM holds instead, where it is a conflict."""

    state: State
    crm_value: str | None = None
    reason: str | None = None


def judge(wanted: str | None, bases: Collection[str | None], held: str | None, answer: Answer | None) -> Verdict:
    """The state of an edit that was not superseded.

    A record with the wanted value confirms it, whatever was answered: that is what everybody sees in the CRM. A value that is
    neither wanted nor known at the time of the edit is a conflict only once the CRM has answered, since until then the
    gateway may meet it and say so itself.
    """
    if held == wanted and (answer is not None or wanted not in bases):
        return Verdict("confirmed")
    if answer is None:
        return Verdict("pending")
    if answer.outcome != "taken":
        return Verdict(answer.outcome, answer.crm_value, answer.reason)
    if held in bases:
        return Verdict("taken")
    return Verdict("conflict", held, "The CRM took it, and holds another value since.")
