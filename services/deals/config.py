"""Settings of the deals service."""

from functools import cache
from zoneinfo import ZoneInfo

from pydantic import SecretStr

from libs.common.config import CommonSettings


class Settings(CommonSettings):
    """Nothing beyond what every component has."""


@cache
def business_zone() -> ZoneInfo:
    """The organisation's time zone: which day an instant is. Read once; handlers get no settings passed."""
    return ZoneInfo(Settings(database_url=SecretStr("")).org_timezone)
