"""The ways a sender can prove itself, as a connection's document writes them."""

import base64
import binascii
import re
from functools import cached_property
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from gateway.mapping.paths import plain_steps

SECRET_NAME = Field(default="secret", pattern=r"^[a-z][a-z0-9_]{0,62}$", description="name in the document's `secrets`")
HEADER_NAME = Annotated[str, Field(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$", max_length=100)]
MAX_TOLERANCE_S = 7 * 86400

_PARTS = ("method", "url", "timestamp", "id", "body")
_TOKENS = re.compile(r"\{([^{}]*)\}|([^{}]+)|([{}])")


class Part(BaseModel):
    """A piece of a document: unknown fields are refused, so that a typing error is not a silent loss."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=False)


class SecretPath(Part):
    """The last part of the webhook's URL is a secret: `/webhooks/<key>/<secret>`."""

    kind: Literal["path"]
    secret: str = SECRET_NAME


class Basic(Part):
    """HTTP Basic."""

    kind: Literal["basic"]
    username: str = Field(default="username", description="name of the secret that holds the user")
    password: str = Field(default="password", description="name of the secret that holds the password")


class HeaderToken(Part):
    """A header that holds the secret itself, after an optional prefix such as `Bearer `."""

    kind: Literal["header_token"]
    header: HEADER_NAME
    prefix: str = ""
    secret: str = SECRET_NAME


class BodyToken(Part):
    """A field of the body that holds the secret. It is blanked before the body is stored."""

    kind: Literal["body_token"]
    at: str = Field(description="the field, by plain names joined with dots")
    secret: str = SECRET_NAME

    @field_validator("at")
    @classmethod
    def _plain(cls, value: str) -> str:
        field_steps(value)
        return value


class FromHeader(Part):
    """A value in a header: the whole of it, or with `key` the part of `k=v,k=v` that has this key."""

    header: HEADER_NAME
    key: str | None = Field(default=None, min_length=1)


class SignedAt(FromHeader):
    """When the request was signed: whole seconds or milliseconds since 1970."""

    unit: Literal["s", "ms"] = "s"


class SignatureAt(Part):
    """Where the signature stands, and in which form.

    `whole`: the header is the signature, after `prefix`. `pairs`: `k=v,k=v`, the values of `key`. `list`: separated by
    spaces, those that begin with `prefix`. `base64_pair`: base64 of `id:signature`.
    """

    header: HEADER_NAME
    form: Literal["whole", "pairs", "list", "base64_pair"] = "whole"
    key: str | None = Field(default=None, min_length=1)
    prefix: str = ""

    @model_validator(mode="after")
    def _fits(self) -> "SignatureAt":
        if (self.key is not None) != (self.form == "pairs"):
            raise ValueError("key belongs to the form pairs, and pairs needs it")
        return self


class Hmac(Part):
    """An HMAC over a template of the request. Every secret of the list is tried, so that old and new hold while rotating."""

    kind: Literal["hmac"]
    signature: SignatureAt
    algorithm: Literal["sha1", "sha256", "sha512"] = "sha256"
    encoding: Literal["hex", "base64", "raw"] = "hex"
    secret: str = SECRET_NAME
    secret_decoding: Literal["text", "hex", "base64"] = "text"  # noqa: S105 - a form
    secret_prefix: str = ""
    signed: str = "{body}"
    timestamp: SignedAt | None = None
    id: FromHeader | None = None
    tolerance_s: int = Field(default=300, ge=1, le=MAX_TOLERANCE_S, description="both ways; only with a timestamp")

    @field_validator("signed")
    @classmethod
    def _template(cls, value: str) -> str:
        if "body" not in [name for name, _ in template(value)]:
            raise ValueError("the signed content must hold {body}: a signature that leaves it out proves nothing")
        return value

    @model_validator(mode="after")
    def _fits(self) -> "Hmac":
        names = {name for name, _ in self.parts}
        for name, told in (("timestamp", self.timestamp), ("id", self.id)):
            if name in names and told is None:
                raise ValueError(f"signed holds {{{name}}}: say in {name} which header it comes from")
            if name not in names and told is not None:
                raise ValueError(f"{name} is not in signed, so it proves nothing: leave it out or sign it")
        if self.encoding == "raw" and self.signature.form != "base64_pair":
            raise ValueError("the encoding raw belongs to the form base64_pair")
        return self

    @cached_property
    def parts(self) -> tuple[tuple[str | None, bytes], ...]:
        return template(self.signed)

    def key_of(self, secret: str) -> bytes:
        """The bytes to sign with. Raises ValueError for a secret that is not what `secret_decoding` says, or holds none."""
        written = secret.removeprefix(self.secret_prefix)
        try:
            match self.secret_decoding:
                case "hex":
                    key = bytes.fromhex(written)
                case "base64":
                    key = base64.b64decode(written, validate=True)
                case _:
                    key = written.encode()
        except (ValueError, binascii.Error):
            raise ValueError(f"the secret is not {self.secret_decoding}") from None
        if not key:
            raise ValueError("the secret is empty")
        return key


Scheme = Annotated[SecretPath | Basic | HeaderToken | BodyToken | Hmac, Field(discriminator="kind")]


def template(written: str) -> tuple[tuple[str | None, bytes], ...]:
    """Literals `(None, bytes)` and parts `(name, b"")` of a template; a brace that belongs to no part raises ValueError."""
    found: list[tuple[str | None, bytes]] = []
    for name, literal, stray in _TOKENS.findall(written):
        if literal:
            found.append((None, literal.encode()))
        elif not stray and name in _PARTS:
            found.append((name, b""))
        else:
            raise ValueError(f"only {', '.join(f'{{{each}}}' for each in _PARTS)} and text may stand in it")
    return tuple(found)


def field_steps(expression: str) -> tuple[str, ...]:
    """The names of a path such as `a.b`. Raises ValueError for any other expression."""
    steps = plain_steps(expression)
    if steps is None:
        raise ValueError(f"{expression!r} is not a path of plain field names")
    return steps


def secret_names(scheme: Scheme) -> tuple[str, ...]:
    """The secrets that a scheme needs."""
    return (scheme.username, scheme.password) if isinstance(scheme, Basic) else (scheme.secret,)


def headers_of(scheme: Scheme) -> set[str]:
    """Headers that hold a credential, in lower case: never kept."""
    match scheme:
        case HeaderToken():
            return {scheme.header.lower()}
        case Hmac():
            return {scheme.signature.header.lower()}
        case Basic():
            return {"authorization"}
    return set()
