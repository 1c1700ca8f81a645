"""A tree to which nodes are added one by one: whether one fits is known from what stands beside it. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from services.forecast.plans.tree import ORGANISATIONAL

Row = Mapping[str, Any]


class Growing:
    """Rows of nodes by id and by the labels from the root; those there at first are a tree (`Tree.of`)."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self.rows: dict[UUID, Row] = {row["node_id"]: row for row in rows}
        self.paths: dict[tuple[str, ...], UUID] = {}
        self._beside: dict[UUID | None, dict[str, Row]] = defaultdict(dict)
        self._block: dict[tuple[UUID | None, str], dict[str, list[UUID]]] = defaultdict(lambda: defaultdict(list))
        for row in self.rows.values():
            self._index(row)

    def why_not(self, row: Row) -> str | None:
        """Why this new node cannot stand where it says, in words; None where it can."""
        beside = self._beside[row["parent_id"]]
        first = next(iter(beside.values()), None)
        if first is not None and {row["dimension"], first["dimension"]} not in (
            {first["dimension"]},
            set(ORGANISATIONAL),
        ):
            return (
                f"{row['label']!r} is a {row['dimension']} beside {first['label']!r}, a {first['dimension']}; "
                "a node is divided by one dimension."
            )
        if row["value"] in beside:
            other = beside[row["value"]]
            return f"{row['label']!r} and {other['label']!r} are the same {row['dimension']}, {row['value']!r}."
        if row["dimension"] not in ORGANISATIONAL:
            above, group = self._group(row)
            for other_id in self._block[above, row["dimension"]].get(row["value"], ()):
                if other_id not in group:
                    label = self.rows[other_id]["label"]
                    return (
                        f"{row['value']!r} stands in {label!r} and in {row['label']!r}; a deal would be credited twice."
                    )
        return None

    def add(self, row: Row) -> None:
        """Put a node that fits below another that is there."""
        self.rows[row["node_id"]] = row
        self._index(row)

    def _index(self, row: Row) -> None:
        self.paths[self._path(row)] = row["node_id"]
        self._beside[row["parent_id"]][row["value"]] = row
        if row["dimension"] not in ORGANISATIONAL:
            above, _ = self._group(row)
            self._block[above, row["dimension"]][row["value"]].append(row["node_id"])

    def _group(self, row: Row) -> tuple[UUID | None, set[UUID]]:
        """The node that is divided by the dimension of this one, and the groups of that dimension between the two."""
        group: set[UUID] = set()
        at = row["parent_id"]
        while at is not None and self.rows[at]["dimension"] == row["dimension"]:
            group.add(at)
            at = self.rows[at]["parent_id"]
        return at, group

    def _path(self, row: Row) -> tuple[str, ...]:
        labels = [row["label"]]
        while row["parent_id"] is not None:
            row = self.rows[row["parent_id"]]
            labels.append(row["label"])
        return tuple(reversed(labels))
