"""Cursors: where a list goes on, as an opaque text that cannot be mistaken for an offset."""

import base64
import binascii
from typing import Any

import orjson

from libs.common.web.errors import Invalid


class UnreadableCursor(Invalid):
    """The cursor of a request was not one of ours."""


def encode_cursor(*values: Any) -> str:
    """The sort key of the last row of a page (texts, numbers, dates, UUIDs) as a cursor."""
    return base64.urlsafe_b64encode(orjson.dumps(list(values), default=str)).decode().rstrip("=")


def decode_cursor(cursor: str | None, size: int) -> list[Any] | None:
    """The `size` values of a cursor; None without one. Raises UnreadableCursor."""
    if cursor is None:
        return None
    try:
        values = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, orjson.JSONDecodeError, ValueError):
        values = None
    if not isinstance(values, list) or len(values) != size:
        raise UnreadableCursor("The cursor is not one that this list gave; start without a cursor.")
    return values
