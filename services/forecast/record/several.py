"""The projections of many nodes at once, each as it would be made alone, and what simpler methods say of each. Pure."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple
from uuid import UUID

import numpy as np

from libs.common.calendar import Period
from libs.common.ids import ROOT_UNIT
from services.forecast.history.columns import Columns, Flags, Index, day_number
from services.forecast.organisation.tree import Organisation
from services.forecast.outlook import sayings
from services.forecast.projection.engine import Group, Model, Outlook
from services.forecast.projection.landing import Landing
from services.forecast.projection.steps import Floats, Steps
from services.forecast.rollup.cells import NOBODY

SHARES: Final[Floats] = (np.arange(40) + 0.5) / 40
"""The shares at which a frozen distribution is kept: the middles of forty equal steps."""
_CASES_LEFT_OUT: Final = 1e-3
"""Cases of a mixture that together weigh less are left out of what is frozen."""
_POINTS: Final = 96
_DEVIATIONS: Final = 6.0


class Place(NamedTuple):
    """A node of the organisation."""

    kind: str
    id: UUID


@dataclass(frozen=True, slots=True)
class Owned:
    """Whose deals are whose: `owner` is a code per deal number, -1 outside the population; `people` their ids by code.

    `renewing`: the same of what falls due, -1 where its renewal would be outside the population.
    """

    owner: Index
    renewing: Index
    people: Sequence[UUID]

    @classmethod
    def of(cls, columns: Columns, last: Index, matching: Flags, renewing: Flags) -> "Owned":
        """By the last row of each deal, of those that match, or whose renewals would."""
        codes, owner = np.unique(columns.owner[last], return_inverse=True)
        texts = columns.words["owner"].texts
        people = [UUID(text) if (text := texts[code]) else NOBODY for code in codes.tolist()]
        return cls(np.where(matching, owner, -1), np.where(renewing, owner, -1), people)

    def below(self, organised: Organisation) -> Callable[[Place], list[int]]:
        """The codes of the people whose deals stand in a node: of one person, or of all in the units below."""
        of_person = {person: [code] for code, person in enumerate(self.people)}
        of_unit: dict[UUID, list[int]] = defaultdict(list)
        for code, person in enumerate(self.people):
            of_unit[organised.unit_of(None if person == NOBODY else person)].append(code)

        def found(node: Place) -> list[int]:
            if node.kind == "person":
                return of_person.get(node.id, [])
            if node.id == ROOT_UNIT:
                return list(range(len(self.people)))
            return [code for unit in organised.below(node.id) for code in of_unit.get(unit, ())]

        return found


class Piles:
    """Positions of an array by the code that each has, so that those of several codes are found without looking at all."""

    def __init__(self, codes: Index, count: int) -> None:
        self._order = np.argsort(codes, kind="stable")
        self._bounds = np.searchsorted(codes[self._order], np.arange(count + 1))

    def of(self, codes: Sequence[int]) -> Index:
        """The positions with any of the codes, in their order."""
        parts = [self._order[self._bounds[code] : self._bounds[code + 1]] for code in codes]
        return np.sort(np.concatenate(parts)) if parts else np.empty(0, dtype=np.intp)


@dataclass(frozen=True, slots=True)
class Node:
    """A node with what is closed in it, the codes of its people, and the share of all people who are in it."""

    place: Place
    closed: float
    people: Sequence[int]
    heads: float | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """What was made of a node. `points`: what simpler methods say of its whole period; empty before that has begun."""

    node: Node
    outlook: Outlook
    landing: Landing
    points: dict[str, float]


def projected(
    model: Model,
    steps: Steps,
    period: Period,
    owned: Owned,
    nodes: Sequence[Node],
    *,
    by: float,
    stretch: float,
    with_points: bool = True,
) -> Iterator[Made]:
    """Each node's projection; `by` and `stretch` are the company's: blended over the engine's to come, and how much wider.

    Without `with_points` nothing is said by simpler methods.
    """
    start, end = day_number(period.start), day_number(period.end)
    standing = Piles(owned.owner[model.standing.deal], len(owned.people))
    contracts = Piles(owned.renewing[model.contracts.deal], len(owned.people))
    history = Piles(owned.owner[steps.deal], len(owned.people))
    created = model.created(owned.owner, len(owned.people))

    def group(node: Node) -> Group:
        share, doubt = model.shared(created[list(node.people)].sum(axis=0), node.heads)
        return Group(standing.of(node.people), share, contracts.of(node.people), doubt)

    groups = (group(node) for node in nodes)
    for node, outlook in zip(nodes, model.outlooks(end, groups, start=start), strict=True):
        landing = outlook.landing(node.closed)
        points = {}
        if with_points and start <= model.today:
            known = steps.take(history.of(node.people))
            points = sayings.simpler(known, model.today, end, node.closed)
        yield Made(node, outlook, landing.scaled(landing.to_come * by).widened(stretch), points)


def quantiles(landing: Landing, shares: Floats) -> Floats:
    """Quantiles, of a mixture to about a hundredth of its width: thousands of nodes are frozen at one instant."""
    if len(landing.weight) == 1:
        return landing.quantile(shares)
    few = lighter(landing)
    highest = few.to_come + _DEVIATIONS * few.deviation
    amounts = landing.closed + highest * np.linspace(0.0, 1.0, _POINTS) ** 2
    below = np.maximum.accumulate(few.cdf(amounts))
    found: Floats = np.interp(shares, below, amounts)
    return found


def lighter(landing: Landing) -> Landing:
    """The same without the cases of a mixture that together weigh next to nothing."""
    if len(landing.weight) == 1:
        return landing
    order = np.argsort(-landing.weight, kind="stable")
    kept = order[: int(np.searchsorted(np.cumsum(landing.weight[order]), 1 - _CASES_LEFT_OUT)) + 1]
    weight = landing.weight[kept] / landing.weight[kept].sum()
    few = Landing(landing.closed, weight, landing.shift[kept], landing.means[kept], landing.variances[kept])
    return few.widened(landing.stretch)


def spread_of_sizes(model: Model, owned: Owned) -> float | None:
    """The coefficient of variation of what the population's deals brought; None below two of them."""
    amounts = model.wins.amount[owned.owner[model.wins.deal] >= 0]
    known = amounts[~np.isnan(amounts)]
    mean = float(known.mean()) if len(known) > 1 else 0.0
    return float(known.std()) / mean if mean > 0 else None
