"""Figures as one text, so that a digest of it proves that nobody changed them. Pure."""

import hashlib
import json
from typing import Any


def canonical(value: Any) -> str:
    """One text for one value: names in order, no blanks, no float that has no number."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(text: str) -> str:
    """The sha256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()
