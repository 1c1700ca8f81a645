"""Settings of the leads service."""

from datetime import date, datetime
from functools import cache
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr

from libs.common.config import CommonSettings


class Settings(CommonSettings):
    """Deals' events only tell a lead what became of it, so they are taken in fewer and larger transactions."""

    consumer_pace_s: float = Field(
        default=0.1, ge=0, description="least time between two batches of events, for fewer and larger transactions"
    )


@cache
def business_zone() -> ZoneInfo:
    """The organisation's time zone: which day an instant is. Read once; handlers get no settings passed."""
    return ZoneInfo(Settings(database_url=SecretStr("")).org_timezone)


def local_date(at: datetime) -> date:
    """The business date of an instant."""
    return at.astimezone(business_zone()).date()
