"""The address of a view of the call: everything the page shows follows from it, so that it can be shared and reloaded. Pure."""

from dataclasses import dataclass, fields, replace
from typing import Any, Literal
from urllib.parse import urlencode
from uuid import UUID

By = Literal["organisation", "region", "market", "product", "team", "owner"]
View = Literal["single", "cumulative"]

MOST_OPEN = 24
"""Units that may stand open in the tree at once; each is one question to the forecast."""


@dataclass(frozen=True)
class CallView:
    """What of the call is shown. Empty values leave the choice to the forecast: current period, whole scope, business date."""

    period: str = ""
    org: str = ""
    date: str = ""
    by: By = "organisation"
    view: View = "single"
    deal_type: str = ""
    value_basis: str = ""
    open: tuple[UUID, ...] = ()

    def href(self, path: str = "/call", **changes: Any) -> str:
        """The address with some parts changed; what is at its default is left out."""
        changed = replace(self, **changes)
        pairs = [(field.name, getattr(changed, field.name)) for field in fields(changed)]
        query = urlencode(
            [
                (name, ",".join(map(str, value)) if isinstance(value, tuple) else str(value))
                for name, value in pairs
                if value and value != getattr(CallView, name)
            ],
            safe=",",
        )
        return f"{path}?{query}" if query else path

    def toggled(self, unit: str) -> "CallView":
        """The view with a unit of the tree opened or closed."""
        identifier = UUID(unit)
        if identifier in self.open:
            return replace(self, open=tuple(one for one in self.open if one != identifier))
        return replace(self, open=(*self.open, identifier)[-MOST_OPEN:])

    def asked(self, **more: str) -> dict[str, str]:
        """The forecast's query parameters for this view."""
        parts = {
            "period": self.period,
            "org": self.org,
            "date": self.date,
            "deal_type": self.deal_type,
            "value_basis": self.value_basis,
            **more,
        }
        return {name: value for name, value in parts.items() if value}


def opened(text: str) -> tuple[UUID, ...]:
    """Units from the address; what is no id is ignored, as an address may be cut by mail programs."""
    units: list[UUID] = []
    for part in text.split(",")[:MOST_OPEN]:
        try:
            units.append(UUID(part))
        except ValueError:
            continue
    return tuple(dict.fromkeys(units))
