"""The simulator's configuration file (JSON) and the four connections it describes."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, cast, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

Provider = Literal["hubspot", "salesforce", "pipedrive", "standard"]
PROVIDERS: tuple[Provider, ...] = get_args(Provider)

SECRETS: dict[Provider, tuple[str, ...]] = {
    "hubspot": ("client_secret", "api_token"),
    "salesforce": ("path_secret", "api_token"),
    "pipedrive": ("username", "password", "api_token"),
    "standard": ("secret",),
}
"""The secrets that each provider's connection must have."""


class ConfigError(ValueError):
    """The configuration cannot be used; the message names the file, the field and what is expected."""


@dataclass(frozen=True)
class SimConnection:
    """One simulated CRM account as the sender knows it.

    `gateway` is the base URL that webhooks go to, exactly as the receiver has it configured: HubSpot signs the URL.
    `secrets` are named as in SECRETS. `settings`: `portal_id` (HubSpot), `organization_id` (Salesforce).
    """

    key: str
    provider: Provider
    gateway: str
    secrets: dict[str, str] = field(repr=False)
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Where this CRM's webhooks go."""
        base = f"{self.gateway.rstrip('/')}/webhooks/{self.key}"
        return f"{base}/{self.secrets['path_secret']}" if self.provider == "salesforce" else base


class Faults(BaseModel):
    """Shares (0 to 1) of deliveries that are sent twice, sent late, or sent in another order."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    duplicate: float = Field(default=0.0, ge=0, le=1)
    late: float = Field(default=0.0, ge=0, le=1)
    shuffle: float = Field(default=0.0, ge=0, le=1)
    late_s: float = Field(default=20.0, ge=0, description="longest delay of a late delivery")
    retry_scale: float = Field(default=1.0, gt=0, description="factor on every CRM's retry delays; tests make it small")


class SimConfig(BaseModel):
    """The configuration file. `now` ends the history; without it the first command that needs it fixes the present."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: int = 7
    deals: int = Field(default=3000, ge=1, le=2_000_000, description="deals over the 24 months of history, roughly")
    gateway: str = "http://127.0.0.1:8080"
    port: int = Field(default=8110, ge=0, le=65535)
    rate_per_s: float = Field(default=2.0, ge=0)
    now: datetime | None = None
    write_back: bool = Field(default=False, description="whether the connections take edits of deals back")
    faults: Faults = Faults()
    connections: dict[Provider, dict[str, str]] = Field(default_factory=dict)

    def connection(self, provider: Provider) -> SimConnection:
        """The connection of a provider. Raises ConfigError if the file has none or a secret is missing."""
        raw = dict(self.connections.get(provider, {}))
        if not raw:
            raise ConfigError(f"connections.{provider} is missing; give it a key and {', '.join(SECRETS[provider])}")
        missing = [name for name in ("key", *SECRETS[provider]) if not raw.get(name)]
        if missing:
            raise ConfigError(f"connections.{provider} lacks {', '.join(missing)}")
        secrets = {name: raw.pop(name) for name in SECRETS[provider]}
        return SimConnection(raw.pop("key"), provider, self.gateway, secrets, raw)

    def all_connections(self) -> dict[Provider, SimConnection]:
        return {provider: self.connection(provider) for provider in PROVIDERS}


def parse(document: dict[str, Any], name: str = "configuration") -> SimConfig:
    """Check a configuration document. Raises ConfigError that names every wrong field."""
    try:
        return SimConfig.model_validate(document)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'document'}: {e['msg']}" for e in error.errors())
        raise ConfigError(f"{name}: {wrong}") from None


def load(path: Path) -> SimConfig:
    """Read and check the file. Raises ConfigError with one line that says what is wrong."""
    try:
        document = json.loads(path.read_text())
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise ConfigError(f"{path} is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise ConfigError(f"{path}: expected a JSON object")
    return parse(cast("dict[str, Any]", document), str(path))
