"""Pairs of leads that may be one, as they go out by HTTP, and what people say of them."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from libs.common.web.schemas import In, Out
from services.leads.register.schemas import LeadOut

Why = Annotated[str, Field(min_length=1, max_length=500)]


class MergeIn(In):
    """Which lead stands for this one from now on, and why. No person data: the reason travels with the lead's events."""

    into: UUID
    reason: Why


class UnmergeIn(In):
    """Why a merge is taken back."""

    reason: Why


class ApartIn(In):
    """Another lead that is not this one, and why not."""

    other: UUID
    reason: Why


class AlikeOut(Out):
    """One reason: its rule, what it saw, and the share of such pairs taken to be one lead (an assumption)."""

    rule: str
    detail: str
    worth: float


class PairOut(Out):
    """Two leads that may be one. `likeness` in [0, 1] = 1 - Π(1 - worth) over the reasons."""

    one: UUID
    other: UUID
    likeness: float
    reasons: list[AlikeOut]


class PairPageOut(Out):
    """Pairs, the likeliest first; `next_cursor` is null on the last page."""

    items: list[PairOut]
    next_cursor: str | None


class MergedOut(Out):
    """The leads that a lead stands for, itself left out, oldest first."""

    items: list[LeadOut]
