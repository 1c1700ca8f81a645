"""Secrets of connections at rest: Fernet (AES-CBC with HMAC) under the key of the settings."""

from collections.abc import Mapping
from typing import Any

import orjson
from cryptography.fernet import Fernet, InvalidToken
from pydantic import SecretStr


class WrongSecretsKey(RuntimeError):
    """FORETELL_SECRETS_KEY is missing, or not the key that the secrets in the database were encrypted with."""


def _cipher(key: SecretStr) -> Fernet:
    try:
        return Fernet(key.get_secret_value())
    except ValueError:
        raise WrongSecretsKey(
            "FORETELL_SECRETS_KEY is not set or is no Fernet key (32 bytes in URL-safe base64)."
        ) from None


def seal(key: SecretStr, secrets: Mapping[str, Any]) -> bytes:
    return _cipher(key).encrypt(orjson.dumps(dict(secrets), option=orjson.OPT_SORT_KEYS))


def unseal(key: SecretStr, sealed: bytes) -> dict[str, Any]:
    """Raises WrongSecretsKey."""
    try:
        found: dict[str, Any] = orjson.loads(_cipher(key).decrypt(sealed))
    except InvalidToken:
        raise WrongSecretsKey(
            "The secrets of the connections cannot be read: FORETELL_SECRETS_KEY is another key."
        ) from None
    return found
