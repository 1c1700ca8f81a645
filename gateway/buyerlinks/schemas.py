"""Buyers' links as they come in and go out by HTTP."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from libs.common.web.schemas import In, Out

Standing = Literal["open", "expired", "revoked"]


class LinkIn(In):
    """Asks for a link to the close plan of a deal."""

    deal_id: UUID
    days: int = Field(default=30, ge=1, le=180, description="days until it expires")


class LinkOut(Out):
    """A link, without its address, which is told once."""

    link_id: UUID
    deal_id: UUID
    state: Standing
    created_by: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    visits: int
    visited_at: datetime | None


class LinkMade(Out):
    """A new link. `url` is told here and never again."""

    link: LinkOut
    url: str


class LinksOut(Out):
    items: list[LinkOut]
