"""What has to be known before a stage: which elements, how well, and what is lacking, by name."""

from collections.abc import Iterable, Mapping
from typing import Literal

from libs.common.events.base import Payload
from libs.common.qualification.elements import Key, element_of
from libs.common.qualification.evidence import RANK, Standing

Wanted = Literal["claimed", "evidenced", "confirmed"]


class Gate(Payload):
    """What a stage asks for. `enforced`: the step is refused while something is lacking; else it is only said."""

    name: str
    requires: Mapping[Key, Wanted]
    enforced: bool = False


class Lack(Payload):
    """An element that is not known well enough, in words a person reads."""

    element: Key
    name: str
    wanted: Wanted
    reason: str


GATES: dict[str, Gate] = {
    gate.name: gate
    for gate in (
        Gate(
            name="qualified", requires={"bant.need": "evidenced", "bant.authority": "claimed", "bant.timing": "claimed"}
        ),
        Gate(
            name="proposal",
            requires={
                "bant.budget": "claimed",
                "meddpicc.identified_pain": "evidenced",
                "meddpicc.economic_buyer": "claimed",
                "meddpicc.decision_criteria": "claimed",
            },
        ),
        Gate(
            name="commit",
            requires={
                "bant.budget": "evidenced",
                "meddpicc.economic_buyer": "evidenced",
                "meddpicc.decision_process": "evidenced",
                "meddpicc.paper_process": "claimed",
                "meddpicc.champion": "evidenced",
            },
        ),
    )
}
"""Gates as shipped: `qualified` of a lead, `proposal` and `commit` of a deal."""


def lacking(gate: Gate, standing: Iterable[Standing]) -> list[Lack]:
    """What `gate` still wants, in the order in which it names its elements; empty when it is met."""
    by_key = {each.element: each for each in standing}
    found = []
    for key, wanted in gate.requires.items():
        now = by_key.get(key)
        reason = _reason(now, wanted)
        if reason is not None:
            found.append(Lack(element=key, name=element_of(key).name, wanted=wanted, reason=reason))
    return found


def _reason(now: Standing | None, wanted: Wanted) -> str | None:
    if now is None or now.entry is None:
        return "nothing is known"
    if now.state == "void":
        return "what was known has been taken back"
    if not now.is_fresh:
        return f"what is known is too old: {now.state} on {now.entry.at.date().isoformat()}"
    if RANK[now.state] < RANK[wanted]:
        return f"only {now.state}"
    return None
