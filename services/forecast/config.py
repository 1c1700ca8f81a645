"""Settings of the forecast service."""

from datetime import date
from typing import Annotated, cast

from pydantic import Field, field_validator
from pydantic_settings import NoDecode
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.config import CommonSettings
from libs.common.db import SETTINGS


class Settings(CommonSettings):
    """What the forecast adds to the common settings."""

    port: int = Field(default=8104, ge=0, le=65535, description="port to listen on")
    live_within_days: int = Field(
        default=7, ge=1, description="a live change this recent makes today the business date, else the newest import"
    )
    closing_working_days: int = Field(
        default=5, ge=0, le=60, description="working days after a period's last day in which finance should close it"
    )
    holidays: Annotated[tuple[date, ...] | None, NoDecode] = Field(
        default=None, description="days from Monday to Friday on which nobody works, as 2026-12-25,2026-12-28"
    )

    @field_validator("holidays", mode="before")
    @classmethod
    def _days(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        days = [part.strip() for part in value.split(",") if part.strip()]
        for day in days:
            try:
                date.fromisoformat(day)
            except ValueError:
                raise ValueError(f"{day!r} is not a day; write days like 2026-12-25, separated by commas") from None
        return days


def settings_of(session: AsyncSession) -> Settings:
    """The settings of the process that opened the session."""
    return cast("Settings", session.info[SETTINGS])
