"""Whom a CRM names as competitors of a deal. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from services.deals.statements.heard import Said, subjects
from services.deals.statements.models import Held


def meaning(told: Mapping[str, Any], deal: Held | None, before: Mapping[str, Any]) -> Sequence[Said]:
    """Who is new is in play, who is not named any more is out; of those named as before nothing is said, so that what people said stands."""
    del deal
    was, now = subjects(before, "names"), subjects(told, "names")
    named = {name.casefold(): name for name in (*before.get("names", ()), *told["names"])}
    return [_said(named[each], "in_play") for each in sorted(set(now) - set(was))] + [
        _said(named[each], "out") for each in sorted(set(was) - set(now))
    ]


def _said(name: str, state: str) -> Said:
    return Said("competitor", {"competitor": name, "state": state, "source": "seller"}, name.casefold())
