"""Settings of the deals service."""

from functools import cache
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr

from libs.common.config import CommonSettings


class Settings(CommonSettings):
    """What every component has, and how long names are kept."""

    contact_retention_days: int = Field(
        default=1095,
        ge=1,
        description="age at which the person data of contacts is removed with whom nobody has spoken since",
    )


@cache
def business_zone() -> ZoneInfo:
    """The organisation's time zone: which day an instant is. Read once; handlers get no settings passed."""
    return ZoneInfo(Settings(database_url=SecretStr("")).org_timezone)
