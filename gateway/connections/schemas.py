"""Connection documents as people write them, and connections as the API shows them: without secrets."""

import re
from collections.abc import Iterator
from collections.abc import Mapping as Secrets
from datetime import datetime
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from gateway.connectors import reads
from gateway.connectors.generic.document import Source
from gateway.connectors.generic.schemes import Hmac
from gateway.mapping import writing
from gateway.mapping.schemas import Mapping
from libs.common.web.schemas import In, Out

ProviderName = Literal["hubspot", "salesforce", "pipedrive", "dataverse", "standard", "generic"]
State = Literal["active", "paused"]
PutResult = Literal["created", "changed", "remapped", "unchanged"]
GENERIC: ProviderName = "generic"
_PLACEHOLDER = re.compile(r"\s*<[^<>]*>\s*")
"""How the documents of the catalogue mark what is still to be filled in."""

NEEDED: dict[ProviderName, tuple[str, ...]] = {
    "hubspot": ("client_secret",),
    "salesforce": ("path_secret",),
    "pipedrive": ("username", "password"),
    "dataverse": ("webhook_key",),
    "standard": ("secret",),
    "generic": (),
}
"""Secrets without which a connection can receive nothing; a generic one names its own in `source`."""


class ConnectionIn(In):
    """A connection to one account of one CRM. Secrets that are left out keep their stored values.

    `source` belongs to the provider `generic`: it says what the others have as code.
    """

    key: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$", description="slug in the webhook's URL; never changes")
    provider: ProviderName
    name: str = Field(min_length=1, max_length=200)
    state: State = "active"
    secrets: dict[str, str | list[str]] | None = None
    settings: dict[str, Any] = Field(default_factory=dict)
    source: Source | None = None
    mapping: Mapping = Mapping()

    @model_validator(mode="before")
    @classmethod
    def _is_filled_in(cls, value: Any) -> Any:
        if place := next(_placeholders(value), None):
            raise ValueError(f"{place} is still to be filled in")
        return value

    @model_validator(mode="after")
    def _has_its_source(self) -> "ConnectionIn":
        if (self.source is not None) != (self.provider == GENERIC):
            raise ValueError("source belongs to provider: generic, which needs it")
        if "source" in self.settings:
            raise ValueError("source stands beside settings, not in them")
        return self

    @model_validator(mode="after")
    def _takes_back(self) -> "ConnectionIn":
        if not self.settings.get(writing.SETTING):
            return self
        if self.provider not in writing.PROVIDERS:
            raise ValueError(f"settings.{writing.SETTING}: nothing is written back to {self.provider}")
        try:
            writing.targets(self.settings)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            place = ".".join(str(part) for part in first["loc"] if part not in ("Target", "str"))
            raise ValueError(f"settings.{writing.SETTING}.{place}: {first['msg']}") from None
        return self

    @model_validator(mode="after")
    def _reads(self) -> "ConnectionIn":
        reads.wanted(self.provider, self.settings)
        return self

    @model_validator(mode="after")
    def _has_secrets(self) -> "ConnectionIn":
        if self.secrets is not None and (wrong := wrong_secrets(self.provider, self.source, self.secrets)):
            raise ValueError(wrong)
        return self

    @property
    def stored_settings(self) -> dict[str, Any]:
        """The settings as they are kept, with the source among them."""
        if self.source is None:
            return self.settings
        return self.settings | {"source": self.source.model_dump(mode="json", exclude_defaults=True)}


def _placeholders(value: Any, place: str = "") -> Iterator[str]:
    """Where a document still says `<what belongs here>`, among its keys too."""
    match value:
        case str() if _PLACEHOLDER.fullmatch(value):
            yield place
        case list():
            for number, each in enumerate(value):
                yield from _placeholders(each, f"{place}.{number}")
        case dict():
            for name, each in value.items():
                inner = f"{place}.{name}".lstrip(".")
                yield from (inner for _ in _placeholders(name))
                yield from _placeholders(each, inner)


def wrong_secrets(provider: ProviderName, source: Source | None, secrets: Secrets[str, str | list[str]]) -> str | None:
    """What is wrong with a connection's secrets, if anything; it never says what they are."""
    needed = {*NEEDED[provider], *(source.secrets | source.fetch_secrets if source else ())}
    if missing := sorted(name for name in needed if not secrets.get(name)):
        return f"{provider} needs secrets.{', secrets.'.join(missing)}"
    every = [(name, each) for name, value in secrets.items() for each in ([value] if isinstance(value, str) else value)]
    for scheme in source.auth if source else ():
        for name, each in every:
            if isinstance(scheme, Hmac) and name == scheme.secret:
                try:
                    scheme.key_of(each)
                except ValueError as error:
                    return f"secrets.{name}: {error}"
    return None


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


class ConnectionDocument(Out):
    """A connection as it can be put again. It has no secrets, which keep their values when they are left out."""

    key: str
    provider: ProviderName
    name: str
    state: State
    settings: dict[str, Any]
    source: dict[str, Any] | None
    mapping: dict[str, Any]


class ConnectionDetail(ConnectionOut):
    document: ConnectionDocument
    secrets: list[str]
    """Names of the secrets that are set; their values never leave."""


class ConnectionPut(Out):
    """`remapped`: its mapping got a new version, by which all its records are mapped again."""

    result: PutResult
    connection: ConnectionDetail
