"""Secrets of connections at rest: Fernet (AES-CBC with HMAC) under the key of the settings.

The setting may name several keys, separated by commas: the first encrypts, any of them decrypts. So a key is replaced without a
moment at which secrets cannot be read: put the new one first, seal everything anew, take the old one away.
"""

from collections.abc import Mapping
from typing import Any

import orjson
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from pydantic import SecretStr


class WrongSecretsKey(RuntimeError):
    """FORETELL_SECRETS_KEY is missing, or not the key that the secrets in the database were encrypted with."""


def _cipher(key: SecretStr) -> MultiFernet:
    try:
        return MultiFernet([Fernet(each.strip()) for each in key.get_secret_value().split(",")])
    except ValueError:
        raise WrongSecretsKey(
            "FORETELL_SECRETS_KEY is not set or is no Fernet key (32 bytes in URL-safe base64)."
        ) from None


def seal(key: SecretStr, secrets: Mapping[str, Any]) -> bytes:
    return _cipher(key).encrypt(orjson.dumps(dict(secrets), option=orjson.OPT_SORT_KEYS))


def sealed_anew(key: SecretStr, sealed: bytes) -> bytes:
    """The same under the first key. Raises WrongSecretsKey."""
    try:
        return _cipher(key).rotate(sealed)
    except InvalidToken:
        raise WrongSecretsKey(
            "The secrets of a connection cannot be read by any key of FORETELL_SECRETS_KEY."
        ) from None


def unseal(key: SecretStr, sealed: bytes) -> dict[str, Any]:
    """Raises WrongSecretsKey."""
    try:
        found: dict[str, Any] = orjson.loads(_cipher(key).decrypt(sealed))
    except InvalidToken:
        raise WrongSecretsKey(
            "The secrets of the connections cannot be read: FORETELL_SECRETS_KEY is another key."
        ) from None
    return found
