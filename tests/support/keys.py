"""A signing key for internal tokens in tests, and tokens made with it."""

from uuid import UUID

import orjson
from joserfc.jwk import OKPKey
from pydantic import SecretStr

from libs.common.config import CommonSettings
from libs.common.ids import ROOT_UNIT
from libs.common.web.auth import Principal, TokenSigner

_KEY = OKPKey.generate_key("Ed25519", parameters={"kid": "tests"})
SIGNING_KEY = orjson.dumps(_KEY.as_dict(private=True)).decode()
VERIFY_KEYS = orjson.dumps({"keys": [_KEY.as_dict(private=False)]}).decode()


def bearer(*roles: str, scope: tuple[UUID, ...] = (ROOT_UNIT,), subject: str = "test") -> dict[str, str]:
    """An Authorization header with an internal token of a principal with these roles."""
    settings = CommonSettings(
        database_url=SecretStr("postgresql+asyncpg://none"), internal_signing_key=SecretStr(SIGNING_KEY)
    )
    principal = Principal(subject=subject, roles=frozenset(roles or ("admin",)), scope=scope)
    return {"Authorization": f"Bearer {TokenSigner(settings).sign(principal, ttl_s=3600)}"}
