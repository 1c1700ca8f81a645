"""What was known of open deals week by week, and which of them were won within 90 days. Pure.

At a landmark only what was known then is looked at: an entry, a promise, a plan or a talk that was told later changes nothing of it.
What came of the deal is read as known at the end. Landmarks whose 90 days are not over are left out.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from statistics import mean, median_low
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from libs.common.signals import KEYS, VISITS_NEEDED
from services.deals.commitments.standing import Said, standing
from services.deals.signals.definitions import judged
from services.deals.signals.facts import Deal, Entry, Facts, Pair, Usual, View, any_of

HORIZON: Final = timedelta(days=90)
WEEK: Final = timedelta(days=7)
MOST_WEEKS: Final = 104
STALLED_SHARE: Final = 0.75
AGES: Final = (timedelta(days=30), timedelta(days=90), timedelta(days=180))
"""A deal's age falls into four classes between these."""
UNKNOWN: Final = -1

Pairs = Mapping[UUID, Sequence[Pair]]
Small = npt.NDArray[np.int8]


@dataclass(frozen=True)
class Observations:
    """One row per landmark and deal that was open then. `has` by signal: 1, 0, or UNKNOWN."""

    deal: npt.NDArray[np.int64]
    stratum: npt.NDArray[np.int64]
    won: Small
    has: Mapping[str, Small]
    newest_landmark: date | None
    deals: int


@dataclass(slots=True)
class Told:
    """What was learnt of the company up to a landmark, entry by entry as each became known."""

    probability: dict[tuple[str, str], Counter[Decimal | None]] = field(default_factory=lambda: defaultdict(Counter))
    depth: dict[tuple[str, str], list[int]] = field(default_factory=lambda: defaultdict(list))
    visits: dict[tuple[str, str, str | None], list[float]] = field(default_factory=lambda: defaultdict(list))
    buyers_are_told: bool = False

    def later(self) -> frozenset[tuple[str, str]]:
        """Of n stages of a pipeline in their order, the one at place n // 2 and those behind it; a pipeline of one stage has none."""
        by_pipeline: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for place in self.depth:
            by_pipeline[place[0]].append(place)
        found: set[tuple[str, str]] = set()
        for places in by_pipeline.values():
            if len(places) > 1:
                found.update(self._ordered(places)[len(places) // 2 :])
        return frozenset(found)

    def _ordered(self, places: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """By the probability that most entries have; where a stage has none, by how many others deals had seen before."""
        chance = {place: self.probability[place].most_common(1)[0][0] for place in places}
        if any(each is None for each in chance.values()):
            return sorted(places, key=lambda place: (mean(self.depth[place]), place))
        return sorted(places, key=lambda place: (chance[place], mean(self.depth[place]), place))

    def stalled_days(self) -> dict[tuple[str, str, str | None], float]:
        return {
            key: float(np.quantile(days, STALLED_SHARE))
            for key, days in self.visits.items()
            if len(days) >= VISITS_NEEDED
        }


@dataclass(frozen=True, slots=True)
class _Learnt:
    """Something that became known at an instant."""

    at: datetime
    entry: Entry | None = None
    depth: int = 0
    visit: tuple[tuple[str, str, str | None], float] | None = None


def observed(deals: Sequence[Deal], pairs: Pairs, *, until: datetime, zone: ZoneInfo) -> Observations:
    """The rows of every weekly landmark whose 90 days are over at `until`."""
    told, learnt, at_next = Told(), sorted(_learnt(deals), key=lambda each: each.at), 0
    rows: list[tuple[int, tuple[object, ...], bool, dict[str, bool | None]]] = []
    newest: date | None = None
    for landmark in landmarks(deals, until):
        while at_next < len(learnt) and learnt[at_next].at <= landmark:
            _take(told, learnt[at_next])
            at_next += 1
        present = [(number, facts) for number, deal in enumerate(deals) if (facts := _open(deal, landmark))]
        usual = usual_of([facts for _, facts in present], told)
        for number, facts in present:
            came = deals[number].known(landmark + HORIZON, until)
            if came is None or not came.counts:
                continue
            view = view_of(deals[number], facts, pairs, landmark, usual, zone)
            rows.append((number, stratum_of(facts, landmark, usual), came.state == "won", judged(view, zone)))
        newest = landmark.date()
    return _as_arrays(rows, newest, len(deals))


def landmarks(deals: Sequence[Deal], until: datetime) -> Iterator[datetime]:
    """Midnights of Mondays in UTC from the first entry on, at most the last 104 whose 90 days are over."""
    last = until - HORIZON
    monday = datetime.combine(last.date() - timedelta(days=last.weekday()), time(), UTC)
    first = min((deal.entries[0].valid_from for deal in deals if deal.entries), default=until)
    for weeks in range(MOST_WEEKS - 1, -1, -1):
        if monday - weeks * WEEK >= first:
            yield monday - weeks * WEEK


def usual_now(deals: Sequence[Deal], *, now: datetime) -> Usual:
    """What is usual at `now`, as a landmark of that instant would see it."""
    told = Told()
    for each in sorted(_learnt(deals), key=lambda each: each.at):
        if each.at <= now:
            _take(told, each)
    return usual_of([facts for deal in deals if (facts := _open(deal, now))], told)


def usual_of(present: Iterable[Facts], told: Told) -> Usual:
    """What is usual among deals that are open, and by what was learnt before."""
    amounts: dict[str, list[Decimal]] = defaultdict(list)
    for facts in present:
        if facts.amount is not None and facts.currency is not None:
            amounts[facts.currency].append(facts.amount)
    thirds = {}
    for currency, found in amounts.items():
        found.sort()
        thirds[currency] = (found[len(found) // 3], found[2 * len(found) // 3])
    medians = {currency: median_low(found) for currency, found in amounts.items()}
    return Usual(medians, thirds, told.stalled_days(), told.later(), told.buyers_are_told)


def view_of(deal: Deal, facts: Facts, pairs: Pairs, at: datetime, usual: Usual, zone: ZoneInfo) -> View:
    """A deal at an instant with what its promises, its plan and its account's executives say, as known then."""
    own = pairs.get(facts.account_id, ()) if facts.account_id else ()
    return View(
        at=at,
        day=at.astimezone(zone).date(),
        facts=facts,
        before=deal.before(at),
        usual=usual,
        plan_ends=deal.plan_ends(at),
        promise_overdue=_promise_overdue(deal, at, zone),
        cover_lapsed=any_of(pair.lapsed(at) for pair in own),
    )


def stratum_of(facts: Facts, at: datetime, usual: Usual) -> tuple[object, ...]:
    """The cell in which deals are compared: stage, age, and third of the amounts of its currency."""
    age = sum(at - facts.created_at > each for each in AGES)
    thirds = usual.thirds.get(facts.currency or "")
    size = UNKNOWN if facts.amount is None or thirds is None else sum(facts.amount > each for each in thirds)
    return (*facts.place, age, size)


def _open(deal: Deal, at: datetime) -> Facts | None:
    facts = deal.known(at, at)
    return facts if facts is not None and facts.is_open else None


def _promise_overdue(deal: Deal, at: datetime, zone: ZoneInfo) -> bool | None:
    if not deal.promises:
        return None
    by_id: dict[UUID, list[Said]] = defaultdict(list)
    for each in deal.promises:
        if each.known_from <= at:
            by_id[each.commitment_id].append(Said(each.entry_id, each.kind, each.at, each.due))  # type: ignore[arg-type]
    found = (standing(said, as_of=at, zone=zone) for said in by_id.values())
    return any_of(each.state == "overdue" for each in found if each is not None)


def _learnt(deals: Sequence[Deal]) -> Iterator[_Learnt]:
    """What every open entry teaches of stages, and what visits of won deals teach of how long is usual; each as known at its time."""
    for deal in deals:
        for number, entry in enumerate(deal.entries):
            if entry.facts.is_open:
                at = _since(entry)
                before = (each for each in deal.entries[:number] if each.facts.is_open and each.known_from <= at)
                yield _Learnt(at, entry, len({each.facts.place for each in before} - {entry.facts.place}))
        yield from _visits(deal)


def _visits(deal: Deal) -> Iterator[_Learnt]:
    """Stays of a won deal in its stages, as they were known when the win was."""
    wins = [entry for entry in deal.entries if entry.facts.state == "won" and entry.facts.counts]
    if not wins:
        return
    won = min(wins, key=_since)
    held: Entry | None = None
    for entry in deal.entries:
        if entry.known_from > _since(won) or entry.valid_from > won.valid_from:
            continue
        if held is not None and held.facts.is_open and _stay(entry) != _stay(held):
            days = (entry.valid_from - held.facts.stage_entered_at) / timedelta(days=1)
            yield _Learnt(_since(won), visit=((*held.facts.place, held.facts.segment), days))
        held = entry


def _since(entry: Entry) -> datetime:
    """From when on an entry holds and is known."""
    return max(entry.valid_from, entry.known_from)


def _stay(entry: Entry) -> tuple[tuple[str, str], str]:
    return entry.facts.place, entry.facts.state


def _take(told: Told, learnt: _Learnt) -> None:
    if learnt.visit is not None:
        key, days = learnt.visit
        told.visits[key].append(days)
    if learnt.entry is not None:
        facts = learnt.entry.facts
        told.probability[facts.place][facts.stage_probability] += 1
        told.depth[facts.place].append(learnt.depth)
        told.buyers_are_told |= facts.economic_buyer_until is not None


def _as_arrays(
    rows: Sequence[tuple[int, tuple[object, ...], bool, dict[str, bool | None]]], newest: date | None, deals: int
) -> Observations:
    strata: dict[tuple[object, ...], int] = {}
    stratum = [strata.setdefault(cell, len(strata)) for _, cell, _, _ in rows]
    has = {
        key: np.array([UNKNOWN if signs[key] is None else int(bool(signs[key])) for _, _, _, signs in rows], np.int8)
        for key in KEYS
    }
    return Observations(
        np.array([number for number, _, _, _ in rows], np.int64),
        np.array(stratum, np.int64),
        np.array([won for _, _, won, _ in rows], np.int8),
        has,
        newest,
        deals,
    )
