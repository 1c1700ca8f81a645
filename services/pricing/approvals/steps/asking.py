"""Steps of a request, and which of them need not be asked again.

A step's inputs are the findings that ask for its level or a higher one, and the pairs of what is granted and what is asked for it. Who agreed to an input agreed to anything better: a step is
carried over when each of its inputs is no worse than what was decided on. Every other step is asked again, with the difference.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Generic, TypeVar

from services.pricing.approvals.steps.pairing import Pair, inputs_of_pairs, is_in_return
from services.pricing.policies.judging import Authority, Finding, Policy

R = TypeVar("R")
Inputs = Mapping[str, Decimal | None]
"""`measure of subject` to its value; None where it is unknown."""


@dataclass(frozen=True, slots=True)
class Decided(Generic[R]):
    """A step that was approved on these inputs; `ref` names it."""

    authority: Authority
    inputs: Inputs
    decided_by: str
    on_behalf_of: str | None
    ref: R


@dataclass(frozen=True, slots=True)
class Difference:
    """What changed in an input since it was approved; `before` is None where it was not there, `after` where it is gone."""

    authority: Authority
    input: str
    before: Decimal | None
    after: Decimal | None
    is_new: bool


@dataclass(frozen=True, slots=True)
class Planned(Generic[R]):
    """A step to be asked, or carried over from `carried`."""

    stage: int
    authority: Authority
    inputs: Inputs
    carried: Decided[R] | None


def inputs_of(findings: Iterable[Finding], level: int) -> dict[str, Decimal | None]:
    """What the step of a level is asked about."""
    return {f"{each.measure} of {each.subject}": each.value for each in findings if each.level >= level}


def worsened(authority: Authority, before: Inputs, after: Inputs) -> list[Difference]:
    """Inputs that are worse than what was approved, or were not there. An unknown value is worse than any known.

    What is asked of the customer is worse when it is gone, and no worse when it is new.
    """
    found = []
    for name, value in before.items():
        if is_in_return(name) and name not in after:
            found.append(Difference(authority, name, value, None, is_new=False))
    for name, value in after.items():
        if name not in before:
            if not is_in_return(name):
                found.append(Difference(authority, name, None, value, is_new=True))
        elif _is_worse(name, before[name], value):
            found.append(Difference(authority, name, before[name], value, is_new=False))
    return found


def _is_worse(name: str, before: Decimal | None, after: Decimal | None) -> bool:
    if before is None:
        return False
    if after is None:
        return True
    lower_is_worse = is_in_return(name) or name.startswith(("margin of ", "below_minimum of "))
    return after < before if lower_is_worse else after > before


def plan(
    policy: Policy,
    level: int,
    findings: Sequence[Finding],
    *,
    decided: Sequence[Decided[R]] = (),
    authors: Collection[str] = (),
    pairs: Sequence[Pair] = (),
) -> tuple[list[Planned[R]], list[Difference]]:
    """The steps for a level, lowest stage first, and what is worse than what was approved.

    `decided` are the approvals of the revision before; one by somebody who has since become an author is not carried over, so that
    nobody approves their own quote by editing it afterwards.
    """
    known = {each.authority: each for each in decided if not {each.decided_by, each.on_behalf_of} & set(authors)}
    steps: list[Planned[R]] = []
    differences: list[Difference] = []
    for number, stage in enumerate(policy.stages(level), 1):
        inputs = inputs_of(findings, stage.level) | inputs_of_pairs(pairs)
        for authority in stage.authorities:
            before = known.get(authority)
            changed = worsened(authority, before.inputs, inputs) if before else []
            differences += changed
            steps.append(Planned(number, authority, inputs, before if before and not changed else None))
    return steps, differences
