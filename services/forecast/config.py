"""Settings of the forecast service."""

from functools import cache

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from libs.common.calendar import FiscalCalendar
from libs.common.config import CommonSettings

_COMMON = CommonSettings.model_fields


class Reckoning(BaseSettings):
    """The part of the settings by which deals are valued and dated. The same variables as in the common settings."""

    model_config = SettingsConfigDict(env_prefix="FORETELL_", extra="ignore", frozen=True)

    base_currency: str = _COMMON["base_currency"].default
    org_timezone: str = _COMMON["org_timezone"].default
    fiscal_year_start_month: int = _COMMON["fiscal_year_start_month"].default
    live_within_days: int = Field(
        default=7, ge=1, description="a live change this recent makes today the business date, else the newest import"
    )

    @property
    def calendar(self) -> FiscalCalendar:
        return FiscalCalendar(self.fiscal_year_start_month)


class Settings(CommonSettings):
    """What the forecast adds to the common settings."""

    port: int = Field(default=8104, ge=0, le=65535, description="port to listen on")
    live_within_days: int = Field(
        default=7, ge=1, description="a live change this recent makes today the business date, else the newest import"
    )


@cache
def reckoning() -> Reckoning:
    """How this process values and dates deals; read once. Handlers get no runtime that could carry it."""
    return Reckoning()
