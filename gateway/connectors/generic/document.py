"""The `source` of a connection's document: how a CRM that nobody coded for proves itself, is read, answered and asked back."""

import re
from functools import lru_cache
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import orjson
from pydantic import AfterValidator, Field, field_validator, model_validator

from gateway.connectors.generic.schemes import (
    HEADER_NAME,
    BodyToken,
    Part,
    Scheme,
    SecretPath,
    field_steps,
    headers_of,
    secret_names,
)
from gateway.connectors.items import ObjectType
from gateway.mapping.paths import compiled

Happened = Literal["created", "changed", "deleted", "restored", "merged", "ignored"]


def _expression(written: str) -> str:
    try:
        compiled(written)
    except ValueError as error:
        raise ValueError(f"{written!r} is not a JMESPath expression: {error}") from None
    return written


Expression = Annotated[str, AfterValidator(_expression)]
"""JMESPath over `{item, body, headers, query, position}`; in `fetch` over the answer, then over one of its records."""


class Time(Part):
    """Where a time stands. A time without an offset is of `zone`: UTC, or a name such as Europe/Berlin."""

    at: Expression
    format: Literal["iso", "epoch_s", "epoch_ms"] = "iso"
    zone: str = "UTC"

    @field_validator("zone")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except Exception as error:
            raise ValueError(f"{value!r} is not a time zone name such as Europe/Berlin") from error
        return value


class Version(Time):
    """The record's own time of its last change. `happened_at`: the event's time, for what leaves the record's time alone."""

    happened_at: Expression | None = None


class Objects(Part):
    """Which kind of object an item is about: the CRM's word or a pattern, and what it means. An unlisted word is ignored.

    Without `means` the words are ours: deal, lead, account, contact, user, product.
    """

    at: Expression
    means: dict[str, ObjectType] = Field(default_factory=dict)


class Happenings(Part):
    """What happened: the CRM's word, or a pattern such as `*.updated`, and what it means. An unlisted word is parked."""

    at: Expression
    means: dict[str, Happened]


class Items(Part):
    """Where in a delivery things stand.

    `each` yields the items. Without `version` an item is a signal, or, with `without_version: received`, a record of the
    moment it arrived. `thin` makes every item a signal: its record is fetched.
    """

    each: Expression = "body"
    event_id: Expression | None = None
    object: Objects
    happened: Happenings | None = None
    id: Expression
    version: Version | None = None
    without_version: Literal["fetch", "received"] = "fetch"
    sequence: Expression | None = None
    record: Expression | None = None
    merged_into: Expression | None = None
    actor: Expression | None = None
    thin: bool = False
    dedupe: list[Expression] = Field(default_factory=list)

    @model_validator(mode="after")
    def _fits(self) -> "Items":
        if not self.thin and self.record is None:
            raise ValueError("say in record where the record stands, or set thin and fetch it")
        return self


class Bearer(Part):
    kind: Literal["bearer"]
    secret: str = "api_token"  # noqa: S105 - a name


class HeaderKey(Part):
    kind: Literal["header"]
    header: HEADER_NAME
    prefix: str = ""
    secret: str = "api_token"  # noqa: S105 - a name


class BasicLogin(Part):
    kind: Literal["basic"]
    username: str = "api_username"
    password: str = "api_password"  # noqa: S105 - a name


FetchAuth = Annotated[Bearer | HeaderKey | BasicLogin, Field(discriminator="kind")]


class Question(Part):
    """How records of one kind are asked for: `{id}` one at a time, `{ids}` together, in `path` or anywhere in `body`.

    In a body the text `{ids}` alone becomes the list. A record is `deleted_when` that expression is true of it. Without
    `version` its time is when it was asked for, so that a later answer stands.
    """

    path: str = Field(pattern=r"^/")
    method: Literal["GET", "POST"] = "GET"
    body: Any = None
    records: Expression = "@"
    id: Expression = "id"
    record: Expression = "@"
    version: Time | None = None
    deleted_when: Expression | None = None

    @model_validator(mode="after")
    def _fits(self) -> "Question":
        written = self.path + orjson.dumps(self.body).decode()
        if ("{id}" in written) == ("{ids}" in written):
            raise ValueError("path or body must hold {id} (one record at a time) or {ids} (a batch), and not both")
        if set(re.findall(r"\{(\w*)\}", self.path)) - {"id", "ids"}:
            raise ValueError("only {id} and {ids} may stand in braces")
        if ".." in self.path or "//" in self.path or "\\" in self.path or "#" in self.path:
            raise ValueError("the path must stay below base: no '..', '//', '\\' or '#'")
        if self.body is not None and self.method == "GET":
            raise ValueError("a body needs method: POST")
        return self

    @property
    def asks_many(self) -> bool:
        return "{ids}" in self.path + orjson.dumps(self.body).decode()


class FetchBack(Part):
    """How records are asked back.

    `absent: deleted` takes a record that the CRM answers with 404, or leaves out, for deleted: only where the token may read
    every record, since what it cannot see looks the same. Otherwise no deletion is made up; it needs an event.
    """

    base: str
    auth: FetchAuth
    batch: int = Field(default=50, ge=1, le=500)
    absent: Literal["unknown", "deleted"] = "unknown"
    objects: dict[ObjectType, Question] = Field(min_length=1)

    @field_validator("base")
    @classmethod
    def _address(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
            raise ValueError("base must be an address such as https://crm.example.com, without a user")
        if parts.query or parts.fragment:
            raise ValueError("base must have no query or fragment")
        return value.rstrip("/")

    @property
    def batch_of_all(self) -> int:
        """How many records one worker takes: one where some kind is asked for one by one, so that a lease covers the questions."""
        return self.batch if all(question.asks_many for question in self.objects.values()) else 1


class Reply(Part):
    status: int
    body: str = ""
    media_type: str = "application/json"


def _replies(least: int, greatest: int) -> AfterValidator:
    def check(reply: Reply) -> Reply:
        if reply.status == 410:
            raise ValueError("410 makes CRMs delete the webhook and is never answered")
        if not least <= reply.status <= greatest:
            raise ValueError(f"the status must be {least} to {greatest}")
        return reply

    return AfterValidator(check)


class Answers(Part):
    """What this CRM takes as success, as refusal, and as `come again`."""

    success: Annotated[Reply, _replies(200, 299)] = Reply(status=200)
    refusal: Annotated[Reply, _replies(400, 499)] = Reply(status=401)
    retry: Annotated[Reply, _replies(400, 599)] = Reply(status=503)


class Keep(Part):
    """Headers and query parameters that expressions read; nothing else of them is stored."""

    headers: list[HEADER_NAME] = Field(default_factory=list)
    query: list[str] = Field(default_factory=list)


class Source(Part):
    """All that a connection without code needs to say about its CRM, except what its words mean (`mapping`)."""

    content_types: list[str] = Field(default=["application/json"], min_length=1)
    auth: list[Scheme] = Field(min_length=1, description="one scheme or several; all must hold")
    blank: list[str] = Field(default_factory=list, description="further secrets of the body that are never stored")
    keep: Keep = Keep()
    items: Items
    answers: Answers = Answers()
    fetch: FetchBack | None = None

    @field_validator("auth", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return [value] if isinstance(value, dict) else value

    @field_validator("blank")
    @classmethod
    def _plain(cls, value: list[str]) -> list[str]:
        for each in value:
            field_steps(each)
        return value

    @model_validator(mode="after")
    def _fits(self) -> "Source":
        credentials = {name for scheme in self.auth for name in headers_of(scheme)}
        if kept := credentials & {name.lower() for name in self.keep.headers}:
            raise ValueError(f"keep.headers must not name {', '.join(sorted(kept))}: it holds a credential")
        if self.items.thin and self.fetch is None:
            raise ValueError("items.thin needs fetch: a signal's record must come from somewhere")
        if self.items.version is None and self.items.without_version == "fetch" and self.fetch is None:
            raise ValueError("without items.version say fetch, or items.without_version: received")
        return self

    @property
    def has_path_secret(self) -> bool:
        return any(isinstance(scheme, SecretPath) for scheme in self.auth)

    @property
    def blanked(self) -> list[str]:
        """Fields of the body that are emptied before it is stored."""
        return [*self.blank, *(scheme.at for scheme in self.auth if isinstance(scheme, BodyToken))]

    @property
    def secrets(self) -> set[str]:
        """Names of the secrets without which nothing can be received."""
        return {name for scheme in self.auth for name in secret_names(scheme)}

    @property
    def fetch_secrets(self) -> set[str]:
        if self.fetch is None:
            return set()
        auth = self.fetch.auth
        return {auth.username, auth.password} if isinstance(auth, BasicLogin) else {auth.secret}


@lru_cache(maxsize=256)
def read_source(written: str) -> Source:
    """A stored document, in JSON."""
    return Source.model_validate_json(written)
