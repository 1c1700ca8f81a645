"""What is appended to a draft: rows of nodes, numbers, texts and assumptions, one of each key at most. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID


@dataclass
class Change:
    """Rows to be appended to a draft, each without its plan, version and sequence."""

    nodes: list[dict[str, Any]] = field(default_factory=list)
    cells: list[dict[str, Any]] = field(default_factory=list)
    texts: list[dict[str, Any]] = field(default_factory=list)
    assumptions: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands in the draft: its nodes, and its numbers in all measures, as rows."""

    nodes: Sequence[Mapping[str, Any]]
    cells: Sequence[Mapping[str, Any]]


def said(node_id: UUID, measure: str, start: Any, end: Any, amount: Any, *, manual: bool) -> dict[str, Any]:
    """A number as a row."""
    return {
        "node_id": node_id,
        "measure": measure,
        "period_start": start,
        "period_end": end,
        "amount": amount,
        "manual": manual,
    }


def taken_back(cell: Mapping[str, Any]) -> dict[str, Any]:
    """The row after which nothing is said any more where something was."""
    return said(cell["node_id"], cell["measure"], cell["period_start"], cell["period_end"], None, manual=cell["manual"])


def key_of(cell: Mapping[str, Any]) -> tuple[Any, ...]:
    """What a number is of: of two with one key the later holds."""
    return cell["node_id"], cell["measure"], cell["period_start"], cell["period_end"]
