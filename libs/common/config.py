"""Settings that every component has. Read once, at the start of a process; nothing else reads the environment."""

from datetime import date
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from libs.common.calendar import Anchor, FiscalCalendar, Pattern, Weekday, Weeks

MATCH_KEY = "secret that people's match keys are made with, the same for gateway and leads; empty: leads of CRMs are compared by company only"
"""What gateway and leads say of their setting `match_key`."""


class CommonSettings(BaseSettings):
    """Environment variables with the prefix `FORETELL_`; a component adds its own in its `config.py`."""

    model_config = SettingsConfigDict(env_prefix="FORETELL_", extra="ignore", frozen=True)

    database_url: SecretStr = Field(description="postgresql+asyncpg URL of this component's database, as the app role")
    owner_database_url: SecretStr | None = Field(default=None, description="the same as the owner role, for migrations")
    database_pool_size: int = Field(default=8, ge=1, description="connections kept open by one process")

    broker_url: str = Field(default="127.0.0.1:19092", description="bootstrap servers, comma separated")
    broker_idempotence: bool = Field(default=True, description="idempotent producer; the embedded broker cannot do it")
    broker_fetch_wait_ms: int = Field(
        default=100, ge=1, description="longest wait of a fetch; 20 on the embedded broker"
    )
    broker_idle_fetch_wait_ms: int | None = Field(
        default=None, ge=1, description="the same while no events come; for a broker whose waiting fetches cost it work"
    )
    broker_request_timeout_ms: int = Field(
        default=10_000, ge=500, description="longest wait for an answer of the broker"
    )
    broker_ca_file: Path | None = Field(
        default=None,
        description="PEM of who signed the brokers' certificates; without it connections are not encrypted",
    )
    broker_cert_file: Path | None = Field(
        default=None, description="PEM of this component's certificate for the broker"
    )
    broker_key_file: Path | None = Field(default=None, description="PEM of the key of that certificate")
    broker_user: str | None = Field(
        default=None, description="name at the broker by SCRAM-SHA-512, instead of a certificate"
    )
    broker_password: SecretStr | None = Field(default=None, description="password of that name")
    consumer_assignment: Literal["all", "group"] = Field(
        default="group", description="all: this process takes every partition; group: shared among the group's members"
    )
    consumer_batch: int = Field(default=500, ge=1, description="most events of one transaction")
    consumer_pace_s: float = Field(
        default=0.0, ge=0, description="least time between two batches of events, for fewer and larger transactions"
    )
    topic_replication: int = Field(default=1, ge=1, description="replication factor of topics this process creates")

    host: str = Field(default="127.0.0.1", description="address to listen on")
    port: int = Field(default=8080, ge=0, le=65535, description="port to listen on")

    internal_verify_keys: str = Field(
        default='{"keys":[]}', description="JSON Web Key set: public keys that internal tokens are verified with"
    )
    internal_signing_key: SecretStr | None = Field(
        default=None, description="private JSON Web Key (Ed25519) to sign internal tokens with"
    )
    gateway_url: str = Field(default="http://127.0.0.1:8080", description="base URL of the gateway inside the system")
    leads_url: str = Field(default="http://127.0.0.1:8101", description="base URL of the leads service")
    deals_url: str = Field(default="http://127.0.0.1:8102", description="base URL of the deals service")
    pricing_url: str = Field(default="http://127.0.0.1:8103", description="base URL of the pricing service")
    forecast_url: str = Field(default="http://127.0.0.1:8104", description="base URL of the forecast service")

    base_currency: str = Field(default="EUR", min_length=3, max_length=3, description="currency of every total")
    org_timezone: str = Field(default="Europe/Berlin", description="time zone that turns instants into business dates")
    fiscal_calendar: Literal["months"] | Pattern = Field(
        default="months", description="calendar months, or months of so many whole weeks; after a change rebuild-rollup"
    )
    fiscal_year_start_month: int = Field(
        default=1, ge=1, le=12, description="month in which the fiscal year begins; years in weeks begin near its first"
    )
    fiscal_year_ends_on: Weekday = Field(default="saturday", description="weekday on which years in weeks end")
    fiscal_year_anchor: Anchor = Field(
        default="last",
        description="years in weeks end on the last such weekday of their last month, or the one nearest to its end",
    )
    holidays: Annotated[tuple[date, ...] | None, NoDecode] = Field(
        default=None, description="days from Monday to Friday on which nobody works, as 2026-12-25,2026-12-28"
    )

    log_format: Literal["json", "text"] = Field(default="json", description="json for machines, text for a terminal")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="least serious entries that are logged"
    )
    traces_url: str | None = Field(
        default=None,
        description="where spans are sent by OTLP over HTTP, as http://collector:4318/v1/traces; without it they only make trace ids",
    )
    clock_offset_s: float = Field(default=0.0, description="shift of the clock, for tests")
    crash_at: str | None = Field(
        default=None, description="name of a crash point at which this process kills itself, for tests"
    )
    wake_by_notify: bool = Field(default=False, description="tell other processes of new outbox rows by NOTIFY")
    state_dir: Path | None = Field(default=None, description="folder for crash markers of tests")

    @property
    def calendar(self) -> FiscalCalendar:
        """The fiscal calendar in force."""
        if self.fiscal_calendar == "months":
            return FiscalCalendar(self.fiscal_year_start_month)
        weeks = Weeks(self.fiscal_calendar, self.fiscal_year_ends_on, self.fiscal_year_anchor)
        return FiscalCalendar(self.fiscal_year_start_month, weeks)

    @model_validator(mode="after")
    def _broker_credentials_are_whole(self) -> Self:
        if (self.broker_cert_file is None) != (self.broker_key_file is None):
            raise ValueError("FORETELL_BROKER_CERT_FILE and FORETELL_BROKER_KEY_FILE are set together or not at all")
        if (self.broker_user is None) != (self.broker_password is None):
            raise ValueError("FORETELL_BROKER_USER and FORETELL_BROKER_PASSWORD are set together or not at all")
        if self.broker_ca_file is None and (self.broker_cert_file or self.broker_user):
            raise ValueError("FORETELL_BROKER_CA_FILE is not set: credentials go to the broker encrypted only")
        return self

    @field_validator("fiscal_calendar", "fiscal_year_ends_on", "fiscal_year_anchor", mode="before")
    @classmethod
    def _in_small_letters(cls, value: object) -> object:
        return value.strip().lower() if isinstance(value, str) else value

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

    @field_validator("org_timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except Exception as error:
            raise ValueError(f"{value!r} is not a time zone name such as Europe/Berlin") from error
        return value
