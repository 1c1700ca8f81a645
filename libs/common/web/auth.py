"""Who acts: principals, and the short-lived tokens by which components trust each other."""

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar
from uuid import UUID

import orjson
from fastapi import Depends, Request
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OKPKey

from libs.common.config import CommonSettings
from libs.common.ids import ROOT_UNIT
from libs.common.web.errors import Forbidden, Unauthorised

K = TypeVar("K")
V = TypeVar("V")

ROLES = ("viewer", "seller", "manager", "sales_ops", "finance", "cso", "ceo", "admin")
ISSUER = "foretell"
AUDIENCE = "foretell-internal"
ALGORITHM = "Ed25519"
TTL_S = 60
LEEWAY_S = 5
MOST_REMEMBERED = 4096
"""Tokens that one process remembers, signed or verified: about a kilobyte each."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody or something that acts. `scope`: the organisation units whose subtrees it may see."""

    subject: str
    roles: frozenset[str]
    scope: tuple[UUID, ...]

    @classmethod
    def system(cls, name: str) -> "Principal":
        """A component acting for itself: sees everything."""
        return cls(subject=f"system:{name}", roles=frozenset({"system"}), scope=(ROOT_UNIT,))


class MissingRole(Forbidden):
    """The principal has none of the roles that may do this."""


COST_READERS = ("manager", "sales_ops", "finance", "cso", "ceo")
"""Roles to which costs and margins of single deals are shown."""


def sees_costs(principal: Principal) -> bool:
    """Whether costs, and margins from which they follow, are shown to the principal."""
    return bool(principal.roles & {*COST_READERS, "admin", "system"})


def require(principal: Principal, *roles: str) -> None:
    """Raise MissingRole unless the principal has one of `roles`; `admin` and components may do everything."""
    if not principal.roles & {*roles, "admin", "system"}:
        raise MissingRole(
            f"This needs one of the roles {', '.join(roles)}; you have {', '.join(sorted(principal.roles))}."
        )


class NotAPerson(Forbidden):
    """What is done in one's own name is done by a person who has signed in, not by an API key or a component."""


def require_person(principal: Principal, what: str) -> None:
    """Raise NotAPerson for keys and components: who is behind a key is not known, so nobody could be told from an author."""
    if not principal.subject.startswith("user:"):
        raise NotAPerson(f"{what} by a person who has signed in; {principal.subject} is an API key or a component.")


class TokenSigner:
    """Signs internal tokens with the component's private key. A principal's token serves again for half of its life."""

    def __init__(self, settings: CommonSettings) -> None:
        if settings.internal_signing_key is None:
            raise ValueError("FORETELL_INTERNAL_SIGNING_KEY is not set; this component cannot call others")
        self._key = OKPKey.import_key(orjson.loads(settings.internal_signing_key.get_secret_value()))
        self._kid = self._key.kid or self._key.thumbprint()
        self._remembered: dict[tuple[Principal, int], tuple[str, int]] = {}

    def sign(self, principal: Principal, ttl_s: int = TTL_S) -> str:
        """A token that lets `principal` act at another component for at most `ttl_s` seconds, at least half as long.

        Other roles or another scope make another principal, and so another token.
        """
        now = int(time.time())
        known = self._remembered.get((principal, ttl_s))
        if known is not None and 2 * (known[1] - now) >= ttl_s:
            return known[0]
        token = self._signed(principal, now, ttl_s)
        _remember(self._remembered, (principal, ttl_s), (token, now + ttl_s))
        return token

    def _signed(self, principal: Principal, now: int, ttl_s: int) -> str:
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": principal.subject,
            "roles": sorted(principal.roles),
            "scope": [str(unit) for unit in principal.scope],
            "iat": now,
            "exp": now + ttl_s,
        }
        return jwt.encode({"alg": ALGORITHM, "kid": self._kid}, claims, self._key, algorithms=[ALGORITHM])


class TokenVerifier:
    """Verifies internal tokens against the public keys in the settings; several keys allow rotation.

    What was verified is remembered under the digest of the whole token until it expires: any other text, a changed signature or
    claim among them, is verified. Keys never change while a verifier lives, and its memory ends with it.
    """

    def __init__(self, settings: CommonSettings) -> None:
        documents = orjson.loads(settings.internal_verify_keys)["keys"]
        self._keys = KeySet([OKPKey.import_key(document) for document in documents])
        self._claims = jwt.JWTClaimsRegistry(
            leeway=LEEWAY_S,
            iss={"essential": True, "value": ISSUER},
            aud={"essential": True, "value": AUDIENCE},
            exp={"essential": True},
            sub={"essential": True},
        )
        self._remembered: dict[bytes, tuple[Principal, float]] = {}

    def verify(self, token: str) -> Principal:
        """The principal of a token. Raises Unauthorised, without telling what was wrong with it."""
        digest = hashlib.sha256(token.encode()).digest()
        known = self._remembered.get(digest)
        if known is not None and int(time.time()) < known[1]:
            return known[0]
        try:
            decoded = jwt.decode(token, self._keys, algorithms=[ALGORITHM])
            self._claims.validate(decoded.claims)
            principal = _principal(decoded.claims)
        except (JoseError, ValueError, KeyError, TypeError):
            raise Unauthorised("The internal token is missing, expired or not ours.") from None
        _remember(self._remembered, digest, (principal, decoded.claims["exp"] + LEEWAY_S))
        return principal


def _remember(kept: dict[K, V], key: K, value: V) -> None:
    """Keep a value as the newest; the oldest goes where there are too many."""
    kept.pop(key, None)
    if len(kept) >= MOST_REMEMBERED:
        del kept[next(iter(kept))]
    kept[key] = value


def _principal(claims: Mapping[str, Any]) -> Principal:
    return Principal(
        subject=claims["sub"],
        roles=frozenset(claims["roles"]),
        scope=tuple(UUID(unit) for unit in claims["scope"]),
    )


async def _from_bearer(request: Request) -> Principal:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthorised("The internal token is missing, expired or not ours.")
    verifier: TokenVerifier = request.app.state.verifier
    return verifier.verify(token.strip())


CurrentPrincipal = Annotated[Principal, Depends(_from_bearer)]
