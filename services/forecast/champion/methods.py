"""The two methods of the projection, of which one answers and the other is kept beside it, and who chose which when. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal

from services.forecast.projection.learning import ENGINE
from services.forecast.projection.settings import Settings

Method = Literal["blended", "engine"]
"""The engine mixed with simpler methods, or the engine alone."""
FIRST: Final[Method] = "blended"
_NEVER: Final = 10**6


@dataclass(frozen=True, slots=True)
class Chosen:
    """A method was chosen: it answers from `made_at` on. By the rule, or by somebody's decision."""

    method: Method
    chosen_by: Literal["rule", "decision"]
    reason: str
    made_by: str
    made_at: datetime


def in_force(chosen: Sequence[Chosen], at: datetime) -> Chosen | None:
    """The newest choice by an instant; they come oldest first. None: nobody chose, the first method answers."""
    return next((each for each in reversed(chosen) if each.made_at <= at), None)


def method_of(chosen: Chosen | None) -> Method:
    return chosen.method if chosen else FIRST


def other(method: Method) -> Method:
    return "engine" if method == "blended" else "blended"


def settings_of(method: Method, settings: Settings) -> Settings:
    """The settings with which a method answers; `settings` are those of the blend."""
    return settings if method == "blended" else replace(settings, blend=((ENGINE, 1.0),), periods_for_others=_NEVER)
