"""Settings of the leads service."""

from typing import cast

from pydantic import Field, SecretStr
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.config import MATCH_KEY, CommonSettings
from libs.common.db import SETTINGS


class Settings(CommonSettings):
    """Deals' events only tell a lead what became of it, so they are taken in fewer and larger transactions."""

    consumer_pace_s: float = Field(
        default=0.1, ge=0, description="least time between two batches of events, for fewer and larger transactions"
    )
    match_key: SecretStr = Field(default=SecretStr(""), description=MATCH_KEY)
    conversion_days: int = Field(
        default=60, ge=1, le=730, description="a lead's chance is that of becoming a deal within so many days"
    )


def settings_of(session: AsyncSession) -> Settings:
    """The settings of the process that opened the session."""
    return cast("Settings", session.info[SETTINGS])
