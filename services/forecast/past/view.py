"""Which deals a reading is about: below a unit, within a scope, with given properties. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

import numpy as np

from libs.common.ids import ROOT_UNIT
from services.forecast.history.columns import Columns, Flags, Index, present
from services.forecast.organisation.tree import Organisation


@dataclass(frozen=True)
class View:
    """What of the history one may and wants to see, at one instant's organisation.

    `units`: a deal is seen when its owner stands in one of them; None is everybody. `filters`: a column and its text; an empty
    one asks for deals without a value.
    """

    organisation: Organisation
    units: frozenset[UUID] | None
    filters: Mapping[str, str]

    @classmethod
    def of(cls, organisation: Organisation, *, org: UUID, scope: Iterable[UUID], filters: Mapping[str, str]) -> "View":
        """What lies below `org` and below a unit of `scope`, both units of this organisation."""
        scope = frozenset(scope)
        if ROOT_UNIT in scope:
            return cls(organisation, None if org == ROOT_UNIT else organisation.below(org), filters)
        return cls(organisation, organisation.below(org) & organisation.within(scope), filters)

    def owns(self, columns: Columns, rows: Index) -> Flags:
        """Whether the owner of each row stands in one of the units."""
        if self.units is None:
            return np.ones(len(rows), dtype=bool)
        codes = columns.owner[rows]
        owners = columns.words["owner"].texts
        seen = np.zeros(len(owners), dtype=bool)
        for code in present(codes):
            owner = owners[code]
            seen[code] = self.organisation.unit_of(UUID(owner) if owner else None) in self.units
        found: Flags = seen[codes]
        return found

    def matches(self, columns: Columns, rows: Index) -> Flags:
        """Whether each row has the properties asked for."""
        return self._match(columns, rows, self.filters)

    def renews(self, columns: Columns, rows: Index) -> Flags:
        """Whether a renewal of each row, of the same properties but in no stage yet, would have those asked for."""
        if "stage" in self.filters or self.filters.get("deal_type", "renewal") != "renewal":
            return np.zeros(len(rows), dtype=bool)
        return self._match(columns, rows, {name: text for name, text in self.filters.items() if name != "deal_type"})

    @staticmethod
    def _match(columns: Columns, rows: Index, filters: Mapping[str, str]) -> Flags:
        wanted = np.ones(len(rows), dtype=bool)
        for column, given in filters.items():
            accepted = [columns.code(column, given)] if given else [0, columns.code(column, "")]
            wanted &= np.isin(getattr(columns, column)[rows], accepted)
        return wanted
