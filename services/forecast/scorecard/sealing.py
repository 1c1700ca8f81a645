"""Documents as text that can be proven unchanged: the chain of digests that each signed one hangs in. Pure."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from services.forecast.readings.canonical import canonical, digest

FIRST: Final = ""
"""What stands for the digest before the first document."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A signed document as it is stored. `columns`: what stands beside the text and must agree with it."""

    position: int
    document: str
    previous_digest: str
    digest: str
    columns: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Break:
    """The first document from which on the chain proves nothing, and why."""

    position: int
    period: str
    version: int
    why: str


def chained(previous_digest: str, document: str) -> str:
    """The digest of a document that follows the one with `previous_digest`."""
    return digest(f"{previous_digest}\n{document}")


def broken(chain: Iterable[Sealed]) -> Break | None:
    """The first place at which documents, in order of position, are not what was signed. None: all of them are."""
    previous, expected = FIRST, 1
    for each in chain:
        if each.position != expected:
            return _break(each, f"document {expected} is missing before it")
        if each.previous_digest != previous:
            return _break(each, "it names another document before it than the one that is there")
        if chained(previous, each.document) != each.digest:
            return _break(each, "its text is not the one that was signed")
        if (why := _beside(each)) is not None:
            return _break(each, why)
        previous, expected = each.digest, expected + 1
    return None


def _beside(each: Sealed) -> str | None:
    """How the columns beside a text that is whole contradict it."""
    said = json.loads(each.document)
    for name, value in each.columns.items():
        if said["signature"].get(name) != value:
            return f"{name} beside its text says {value!r}, the text {said['signature'].get(name)!r}"
    if digest(canonical(said["contents"])) != said["signature"]["contents_digest"]:
        return "its contents are not those that were signed"
    return None


def _break(each: Sealed, why: str) -> Break:
    return Break(each.position, str(each.columns["period"]), int(each.columns["version"]), why)
