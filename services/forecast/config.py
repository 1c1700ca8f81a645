"""Settings of the forecast service."""

from typing import cast

from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.config import CommonSettings
from libs.common.db import SETTINGS
from libs.common.events.crm import ValueBasis


class Settings(CommonSettings):
    """What the forecast adds to the common settings."""

    port: int = Field(default=8104, ge=0, le=65535, description="port to listen on")
    live_within_days: int = Field(
        default=7, ge=1, description="a live change this recent makes today the business date, else the newest import"
    )
    call_basis: ValueBasis = Field(default="one_off", description="value basis of calls that name none")
    lock_weekday: int = Field(default=1, ge=1, le=7, description="day of the weekly lock, Monday is 1")
    lock_time: str = Field(
        default="12:00", pattern=r"^([01]\d|2[0-3]):[0-5]\d$", description="local time of the weekly lock"
    )
    closing_working_days: int = Field(
        default=5, ge=0, le=60, description="working days after a period's last day in which finance should close it"
    )
    over_forecast_cost: float = Field(
        default=1.0, gt=0, le=99, description="how many times as bad a forecast too high is as one too low by as much"
    )


def settings_of(session: AsyncSession) -> Settings:
    """The settings of the process that opened the session."""
    return cast("Settings", session.info[SETTINGS])
