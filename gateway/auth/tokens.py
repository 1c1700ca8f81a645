"""Random secrets that people and programs hold, of which we keep only a fingerprint."""

import hashlib
import hmac
import secrets

KEY_PREFIX = "ftk_"
"""Begins every API key, so that a leaked one can be found by scanners."""


def new_token() -> str:
    """256 random bits, safe in a URL and a cookie."""
    return secrets.token_urlsafe(32)


def new_key() -> str:
    return KEY_PREFIX + new_token()


def fingerprint(token: str) -> bytes:
    """What the database keeps. A plain hash suffices: the token has 256 bits, so there is nothing to guess."""
    return hashlib.sha256(token.encode()).digest()


def csrf_token(session_token: str) -> str:
    """The token that an unsafe request of this session must repeat; derived, so that it needs no storage.

    Nobody without the HttpOnly cookie can compute it.
    """
    return hmac.new(session_token.encode(), b"csrf", hashlib.sha256).hexdigest()


def same(left: str, right: str) -> bool:
    """Constant-time comparison of two secrets given as text."""
    return hmac.compare_digest(left.encode(), right.encode())
