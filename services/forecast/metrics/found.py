"""A metric found in a scene: its items, cut into parts, and the figures of these."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from services.forecast.history.columns import Index
from services.forecast.metrics.contract import Contract
from services.forecast.metrics.formulas.figures import Figure
from services.forecast.metrics.formulas.items import Items, Sums
from services.forecast.metrics.formulas.scene import Scene
from services.forecast.metrics.schemas import By, Kind, PartOut
from services.forecast.metrics.shown import SLOTS, Name, named, part_out
from services.forecast.past import cutting
from services.forecast.readings.asked import Asked


@dataclass(frozen=True)
class Found:
    """A metric's items, whole and cut into parts; `part` is the part of each item of `cut`."""

    asked: Asked
    contract: Contract
    by: By
    left_out: list[str]
    scene: Scene
    items: Items
    cut: Items
    parts: list[Name]
    part: Index

    @property
    def adds(self) -> bool:
        """Whether each item stands in one part only."""
        return self.contract.find_by_slot is None or self.by not in SLOTS


def find(asked: Asked, contract: Contract, by: By, left_out: list[str], scene: Scene) -> Found:
    """The items of a metric and their parts. `asked` must be about the past."""
    items = contract.find(scene)
    cut = contract.find_by_slot(scene) if contract.find_by_slot is not None and by in SLOTS else items
    if by == "none":
        parts: list[Name] = []
        return Found(asked, contract, by, left_out, scene, items, cut, parts, np.zeros(len(cut), dtype=np.intp))
    if by in SLOTS:
        kind: Kind = "stage" if by == "stage" else "warning"
        present, part = np.unique(cut.slot, return_inverse=True)
        parts = [Name(cut.slots[slot], kind, cut.slots[slot]) for slot in present.tolist()]
        return Found(asked, contract, by, left_out, scene, items, cut, parts, part)
    assert asked.past is not None  # noqa: S101 - metrics are read from history only
    organisation = asked.past.organisation
    keys, owner_part = cutting.cut(
        scene.population,
        by,
        organisation=organisation,
        org=asked.org.unit_id,
        quarter_start=asked.quarter.start,
        calendar=scene.calendar,
    )
    present, part = np.unique(owner_part[cut.at], return_inverse=True)
    units = {str(unit_id): unit.name for unit_id, unit in organisation.units.items()}
    parts = [named(by, keys[each], units) for each in present.tolist()]
    return Found(asked, contract, by, left_out, scene, items, cut, parts, part)


def total(found: Found) -> PartOut:
    """The metric of the whole view."""
    sums = Sums(found.items, np.zeros(len(found.items), dtype=np.intp), 1, _bases(found, found.items))
    return _part(found, found.contract.figure(sums.of(0), found.scene), Name(None, "total", "Total"))


def rows(found: Found) -> list[PartOut]:
    """A row per part, what has no value last."""
    sums = Sums(found.cut, found.part, len(found.parts), _bases(found, found.cut))
    # A target is one of the whole view.
    scene = replace(found.scene, target=None) if found.contract.takes_target else found.scene
    return [
        _part(found, _explained(found, found.contract.figure(sums.of(index), scene), named), named)
        for index, named in enumerate(found.parts)
    ]


def _explained(found: Found, figure: Figure, name: Name) -> Figure:
    """Where no deal of a slot can be judged, the reason is that of the slot."""
    why = found.contract.untold.get(name.key or "") if found.by in SLOTS else None
    return replace(figure, reason=why) if why and figure.value is None and not figure.n else figure


def _part(found: Found, figure: Figure, name: Name) -> PartOut:
    return part_out(found.contract, figure, name, found.asked.rates.base)


def _bases(found: Found, items: Items) -> Any:
    return found.scene.columns.value_basis[found.scene.population.rows[items.at]]
