"""Connection documents as people write them, and connections as the API shows them: without secrets."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field, model_validator

from gateway.mapping.schemas import Mapping
from libs.common.web.schemas import In, Out

ProviderName = Literal["hubspot", "salesforce", "pipedrive", "standard"]
State = Literal["active", "paused"]

NEEDED: dict[ProviderName, tuple[str, ...]] = {
    "hubspot": ("client_secret",),
    "salesforce": ("path_secret",),
    "pipedrive": ("username", "password"),
    "standard": ("secret",),
}


class ConnectionIn(In):
    """A connection to one account of one CRM. Secrets that are left out keep their stored values."""

    key: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$", description="slug in the webhook's URL; never changes")
    provider: ProviderName
    name: str = Field(min_length=1, max_length=200)
    state: State = "active"
    secrets: dict[str, str | list[str]] | None = None
    settings: dict[str, Any] = Field(default_factory=dict)
    mapping: Mapping = Mapping()

    @model_validator(mode="after")
    def _has_secrets(self) -> "ConnectionIn":
        if self.secrets is not None:
            missing = [name for name in NEEDED[self.provider] if not self.secrets.get(name)]
            if missing:
                raise ValueError(f"{self.provider} needs secrets.{', secrets.'.join(missing)}")
        return self


class ConnectionOut(Out):
    key: str
    provider: ProviderName
    name: str
    state: State
    settings: dict[str, Any]
    mapping_version: int
    webhook_url: str
    """Where this CRM sends to; the secret in a Salesforce path is shown as `{path_secret}`."""
    created_at: datetime
    updated_at: datetime


class ConnectionList(Out):
    items: list[ConnectionOut]
