"""Who acts: principals, and the short-lived tokens by which components trust each other."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import Depends, Request
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OKPKey

from libs.common.config import CommonSettings
from libs.common.ids import ROOT_UNIT
from libs.common.web.errors import Forbidden, Unauthorised

ROLES = ("viewer", "seller", "manager", "sales_ops", "finance", "cso", "ceo", "admin")
ISSUER = "foretell"
AUDIENCE = "foretell-internal"
ALGORITHM = "Ed25519"
TTL_S = 60
LEEWAY_S = 5


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


def require(principal: Principal, *roles: str) -> None:
    """Raise MissingRole unless the principal has one of `roles`; `admin` and components may do everything."""
    if not principal.roles & {*roles, "admin", "system"}:
        raise MissingRole(
            f"This needs one of the roles {', '.join(roles)}; you have {', '.join(sorted(principal.roles))}."
        )


class TokenSigner:
    """Signs internal tokens with the component's private key."""

    def __init__(self, settings: CommonSettings) -> None:
        if settings.internal_signing_key is None:
            raise ValueError("FORETELL_INTERNAL_SIGNING_KEY is not set; this component cannot call others")
        self._key = OKPKey.import_key(orjson.loads(settings.internal_signing_key.get_secret_value()))
        self._kid = self._key.kid or self._key.thumbprint()

    def sign(self, principal: Principal, ttl_s: int = TTL_S) -> str:
        """A token that lets `principal` act at another component for `ttl_s` seconds."""
        now = int(time.time())
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
    """Verifies internal tokens against the public keys in the settings; several keys allow rotation."""

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

    def verify(self, token: str) -> Principal:
        """The principal of a token. Raises Unauthorised, without telling what was wrong with it."""
        try:
            decoded = jwt.decode(token, self._keys, algorithms=[ALGORITHM])
            self._claims.validate(decoded.claims)
            return _principal(decoded.claims)
        except (JoseError, ValueError, KeyError, TypeError):
            raise Unauthorised("The internal token is missing, expired or not ours.") from None


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
