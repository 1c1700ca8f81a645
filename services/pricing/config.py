"""Settings of the pricing service."""

from datetime import date
from typing import Annotated, Literal, cast

from pydantic import Field, field_validator
from pydantic_settings import NoDecode
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.calendar import local_date
from libs.common.config import CommonSettings
from libs.common.db import SETTINGS

Level = Literal["market", "segment", "family", "product"]
"""What segments of price guidance are cut by."""


class Settings(CommonSettings):
    """Deals' events only tell a quote what it is for, so they are taken in fewer and larger transactions."""

    consumer_pace_s: float = Field(
        default=0.1, ge=0, description="least time between two batches of events, for fewer and larger transactions"
    )
    guidance_segments: Annotated[tuple[Level, ...], NoDecode] = Field(
        default=("market", "segment", "family", "product"),
        description="levels of the tree of segments below the company, from the coarsest, as market,segment,family,product",
    )
    guidance_days: int = Field(
        default=730, ge=30, le=3650, description="floor, target and stretch rest on quotes won in so many days"
    )

    @field_validator("guidance_segments", mode="before")
    @classmethod
    def _levels(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("guidance_segments")
    @classmethod
    def _once(cls, value: tuple[Level, ...]) -> tuple[Level, ...]:
        if len(set(value)) < len(value):
            raise ValueError("a level stands once in the tree of segments")
        return value


def settings_of(session: AsyncSession) -> Settings:
    """The settings of the process that opened the session."""
    return cast("Settings", session.info[SETTINGS])


def business_day(session: AsyncSession) -> date:
    """Today where the organisation is."""
    return local_date(clock.now(), settings_of(session).org_timezone)
