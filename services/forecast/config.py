"""Settings of the forecast service."""

from typing import cast

from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.calendar import FiscalCalendar
from libs.common.config import CommonSettings
from libs.common.db import SETTINGS


class Settings(CommonSettings):
    """What the forecast adds to the common settings."""

    port: int = Field(default=8104, ge=0, le=65535, description="port to listen on")
    live_within_days: int = Field(
        default=7, ge=1, description="a live change this recent makes today the business date, else the newest import"
    )

    @property
    def calendar(self) -> FiscalCalendar:
        return FiscalCalendar(self.fiscal_year_start_month)


def settings_of(session: AsyncSession) -> Settings:
    """The settings of the process that opened the session."""
    return cast("Settings", session.info[SETTINGS])
