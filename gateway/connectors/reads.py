"""What a connection reads beside its records, because its document says so: `settings.reads`."""

from collections.abc import Mapping
from typing import Any, Final, Literal, get_args

from gateway.connectors.items import PARTS, ObjectType

SETTING: Final = "reads"
Read = Literal["lines", "splits", "competitors", "activities"]
OFFERED: Final[Mapping[str, tuple[Read, ...]]] = {
    "hubspot": ("lines", "splits", "activities"),
    "salesforce": ("lines", "splits", "competitors", "activities"),
    "pipedrive": ("lines", "activities"),
}
"""What each provider's adapter can read. HubSpot and Pipedrive have no object for competitors, Pipedrive none for splits."""
OBJECTS: Final[frozenset[ObjectType]] = frozenset((*PARTS, "activity"))
"""Objects that are read beside the others: without the right to read them the connection goes on."""


def wanted(provider: str, settings: Mapping[str, Any]) -> frozenset[str]:
    """What the connection is to read. Raises ValueError with what is wrong with the setting."""
    told = settings.get(SETTING) or ()
    if not isinstance(told, list | tuple):
        raise ValueError(f"settings.{SETTING} is a list such as [lines, splits]")
    for each in told:
        if each not in get_args(Read):
            raise ValueError(f"settings.{SETTING}: {each!r} is none of {', '.join(get_args(Read))}")
        if each not in OFFERED.get(provider, ()):
            raise ValueError(
                f"settings.{SETTING}: {each} cannot be read from {provider}; "
                f"it offers {', '.join(OFFERED.get(provider, ())) or 'nothing of this'}"
            )
    return frozenset(told)
