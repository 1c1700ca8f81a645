"""Which method answers, as the page on accuracy tells it: why, who chose it when, and the form to decide otherwise. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from gateway.pages.projection.methods import Method
from libs.common.ids import new_id
from libs.common.web.auth import Principal

DECIDERS: Final = frozenset({"cso", "sales_ops"})
"""Those whose decision the forecast takes."""
NAMES: Final[Mapping[str, Method]] = {
    "blended": Method("With the blend", "the model, blended with simpler methods"),
    "engine": Method("Engine alone", "the model by itself"),
}
MOST: Final = 1000
"""Characters of a reason."""


@dataclass(frozen=True, slots=True)
class Typed:
    """A decision as it was refused, with what is wrong where."""

    reason: str
    mistakes: Mapping[str, str] = field(default_factory=dict)


def champion_shown(
    found: Mapping[str, Any], people: Mapping[str, str], typed: Typed | None, *, principal: Principal
) -> dict[str, Any]:
    """What the card shows of a reading. `people`: names by who decided; the form is for those who may decide."""
    return {
        "champion": found,
        "method_named": NAMES,
        "deciders": people,
        "decision": typed,
        "may_decide": bool(principal.roles & DECIDERS),
        "once": str(new_id()),
        "longest": MOST,
    }


def said_by(found: Mapping[str, Any]) -> set[str]:
    """Who decided anything."""
    return {each["made_by"] for each in found["history"] if each["chosen_by"] == "decision"}
