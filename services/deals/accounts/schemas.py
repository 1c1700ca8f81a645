"""Accounts as they go out."""

from datetime import datetime
from uuid import UUID

from libs.common.web.schemas import Out


class AccountOut(Out):
    account_id: UUID
    version: int
    valid_from: datetime
    name: str
    region: str | None
    market: str | None
    segment: str | None
    tier: str | None
    parent_id: UUID | None
    absorbed_into: UUID | None
    removed: bool


class AccountPage(Out):
    items: list[AccountOut]
    next_cursor: str | None
