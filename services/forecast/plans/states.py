"""The life of a plan's version: what may follow what. Pure."""

from collections.abc import Mapping
from typing import Final, Literal

Kind = Literal["drafted", "edited", "proposed", "returned", "approved", "activated", "superseded"]
"""What is written of a version, one after another."""
State = Literal["draft", "proposed", "approved", "active", "superseded"]

AFTER: Final[Mapping[Kind, State]] = {
    "drafted": "draft",
    "edited": "draft",
    "returned": "draft",
    "proposed": "proposed",
    "approved": "approved",
    "activated": "active",
    "superseded": "superseded",
}
"""The state that each leaves the version in."""
ALLOWED: Final[Mapping[Kind, tuple[State, ...]]] = {
    "edited": ("draft",),
    "proposed": ("draft",),
    "returned": ("proposed",),
    "approved": ("proposed",),
    "activated": ("approved",),
    "superseded": ("active",),
}
"""In which states each may be written; `drafted` begins a version."""
NEXT: Final[Mapping[State, str]] = {
    "draft": "edit it or propose it",
    "proposed": "approve it or return it to its authors",
    "approved": "activate it, or make a new version to change it",
    "active": "make a new version to change it",
    "superseded": "make a new version of it",
}
"""What can be done with a version, for those who tried something else."""
