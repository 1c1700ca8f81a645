"""Who may decide a step: by role, by place in the organisation, never on one's own quote, and once in a stage.

The VP of a deal is a manager whose unit stands above the unit of the deal's owner. After its time a step may be decided one rank
higher as well: the manager's by the VP or CSO, the VP's by the CSO, the CSO's and finance's by the CEO.
"""

from collections.abc import Collection
from dataclasses import dataclass

from services.pricing.policies.judging import Authority

_HIGHER: dict[Authority, tuple[Authority, ...]] = {
    "manager": ("vp", "cso"),
    "vp": ("cso",),
    "cso": ("ceo",),
    "finance": ("ceo",),
    "ceo": (),
}


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who acts, for themselves or on behalf of another, whose roles and place then count.

    `is_above`: a unit of theirs stands above the unit of the deal's owner, not only beside it. The deal is within their scope.
    """

    subject: str
    roles: frozenset[str]
    is_above: bool
    on_behalf_of: str | None = None

    @property
    def names(self) -> frozenset[str]:
        return frozenset({self.subject} if self.on_behalf_of is None else {self.subject, self.on_behalf_of})


def may_decide(
    person: Person,
    authority: Authority,
    *,
    escalated: bool,
    authors: Collection[str],
    in_stage: Collection[str],
) -> str | None:
    """Why not, or None when they may. `in_stage` are those who decided another step of the same stage."""
    if person.names & set(authors):
        return (
            "Nobody approves a quote that they made, changed or asked approval for, nor on behalf of somebody who did."
        )
    if person.names & set(in_stage):
        return "You decided another step of this stage; a second person must decide this one."
    allowed = (authority, *(_HIGHER[authority] if escalated else ()))
    if not any(_is(person, each) for each in allowed):
        return f"This step is for {_TITLE[authority]}" + (
            " or, since its time has passed, above." if escalated else "."
        )
    return None


_TITLE: dict[Authority, str] = {
    "manager": "a manager of the deal's owner",
    "vp": "a manager above the owner's own unit",
    "cso": "the CSO",
    "finance": "finance",
    "ceo": "the CEO",
}


def _is(person: Person, authority: Authority) -> bool:
    if "admin" in person.roles:
        return True
    if authority == "vp":
        return "manager" in person.roles and person.is_above
    return authority in person.roles
