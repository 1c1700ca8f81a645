"""A verdict as it comes in by HTTP."""

from datetime import date
from typing import Annotated

from pydantic import Field

from libs.common.web.schemas import In


class VerdictIn(In):
    """Why. Free text about the business case; no person data belongs here, since it travels with the lead's events."""

    reason: Annotated[str, Field(min_length=1, max_length=500)]


class RecycleIn(VerdictIn):
    """Why, and from which local date on the lead is looked at again."""

    until: date
