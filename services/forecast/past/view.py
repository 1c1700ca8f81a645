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
    one asks for deals without a value. `within`: the units of the scope, whatever was asked for.
    """

    organisation: Organisation
    units: frozenset[UUID] | None
    filters: Mapping[str, str]
    within: frozenset[UUID] | None = None

    @classmethod
    def of(cls, organisation: Organisation, *, org: UUID, scope: Iterable[UUID], filters: Mapping[str, str]) -> "View":
        """What lies below `org` and below a unit of `scope`, both units of this organisation."""
        scope = frozenset(scope)
        if ROOT_UNIT in scope:
            return cls(organisation, None if org == ROOT_UNIT else organisation.below(org), filters)
        within = organisation.within(scope)
        return cls(organisation, organisation.below(org) & within, filters, within)

    def owns(self, columns: Columns, rows: Index) -> Flags:
        """Whether the owner of each row stands in one of the units."""
        if self.units is None:
            return np.ones(len(rows), dtype=bool)
        return self._owned(columns, rows, self.units)

    def answers(self, columns: Columns, rows: Index) -> Flags:
        """Whether the owner of each row stands within the scope: only then the deal itself may be seen."""
        return np.ones(len(rows), dtype=bool) if self.within is None else self._owned(columns, rows, self.within)

    def _owned(self, columns: Columns, rows: Index, units: frozenset[UUID]) -> Flags:
        codes = columns.owner[rows]
        found: Flags = self._stand(columns, present(codes), units)[codes]
        return found

    def people(self, columns: Columns) -> Flags:
        """Which people, by the codes of owners, stand in one of the units and are asked for."""
        every = range(len(columns.words["owner"].texts))
        found = np.ones(len(every), dtype=bool) if self.units is None else self._stand(columns, every, self.units)
        if "owner" in self.filters:
            found &= np.arange(len(every)) == (
                columns.code("owner", self.filters["owner"]) if self.filters["owner"] else 0
            )
        return found

    def _stand(self, columns: Columns, codes: Iterable[int], units: frozenset[UUID]) -> Flags:
        """Which of these people stand in one of the units, by code; others do not."""
        owners = columns.words["owner"].texts
        found = np.zeros(len(owners), dtype=bool)
        for code in codes:
            owner = owners[code]
            found[code] = self.organisation.unit_of(UUID(owner) if owner else None) in units
        return found

    def has_properties(self, columns: Columns, rows: Index) -> Flags:
        """Whether each row has the properties asked for, whoever its owner is."""
        return self._match(columns, rows, {name: text for name, text in self.filters.items() if name != "owner"})

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
