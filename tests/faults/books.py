"""What the system's books say against what the CRMs hold: the comparison that every fault has to pass."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from deploy.local import books
from deploy.local.books import CONSUMERS, Page, Version
from deploy.local.crms import Crms
from deploy.local.traffic import Traffic
from deploy.local.waiting import wait_until

__all__ = ["CONSUMERS", "Books"]

SETTLE_S = 90.0

Kind = Literal["on its way", "lost", "twice", "diverged"]


@dataclass(frozen=True)
class Difference:
    """One thing in which the books are not what they must be."""

    kind: Kind
    text: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}"


class Books:
    """Reads the databases as their owner; needs the databases up, nothing else."""

    def __init__(self, crms: Crms) -> None:
        self._crms = crms
        self._known: list[Traffic] = []
        self._expected: dict[UUID, tuple[Decimal, str, str]] = {}
        self._parked = 0
        self._told: dict[str, int] = {}

    def traffic(self, **how: Any) -> Traffic:
        """Traffic whose outcome is compared from now on, with that of all before it.

        Each has deals of its own, so a fault's oracle also holds what faults before it left behind.
        """
        made = Traffic(self._crms, start=1_000 * len(self._known), **how)
        self._known.append(made)
        return made

    def expect(self, deal: UUID, *, amount: Decimal, state: str, stage: str) -> None:
        """A deal that comes by another way than traffic."""
        self._expected[deal] = (amount, state, stage)

    def expect_parked(self, items: int) -> None:
        """So many more items that nobody can understand, and that stay parked."""
        self._parked += items

    def told_again(self) -> None:
        """What has been told several times by now was told again on purpose; from here on nothing may be."""
        self._told = books.read(self._crms.stack).told_twice

    def settle(self) -> Page:
        """Wait until nothing is on its way and all agrees; fails with what differs when that takes too long."""
        page, found = self.settled()
        assert not found, f"{len(found)} differences; the first: " + "; ".join(map(str, found[:12]))
        return page

    def settled(self, timeout_s: float = SETTLE_S) -> tuple[Page, list[Difference]]:
        """The books once all agrees, or after so long, with what differs.

        Reads once more afterwards: what agrees must go on agreeing.
        """
        found: list[Difference] = []
        last: list[Page] = []

        def agrees() -> bool:
            found[:] = _on_its_way(books.unsettled(self._crms.stack))
            if not found:
                page = books.read(self._crms.stack)
                last[:] = [page]
                found[:] = _on_its_way(page.unsettled) or self.differences(page)
            return not found

        if wait_until(agrees, timeout_s=timeout_s, every_s=0.1):
            wait_until(lambda: not agrees(), timeout_s=0.5, every_s=0.25)
        return last[0] if last else books.read(self._crms.stack), list(found)

    def differences(self, page: Page) -> list[Difference]:
        """Everything in which the books differ from the CRMs or from each other."""
        answered = sum(each.successes for each in self._known)
        lost = [f"{each.waiting} changes not taken" for each in self._known if each.waiting]
        if page.deliveries < answered:
            lost.append(f"{answered} deliveries were answered with success, {page.deliveries} are stored")
        wrong = [f"{page.parked} items parked"] * (page.parked != self._parked)
        wrong += [f"{page.dead} dead letters"] * bool(page.dead)
        wrong += [f"{page.wrong_cells} roll-up cells are not what the deals make them"] * bool(page.wrong_cells)
        wrong += [f"only deals has version {each}" for each in sorted(page.versions - page.forecast_versions)]
        wrong += [f"only forecast has version {each}" for each in sorted(page.forecast_versions - page.versions)]
        return [
            *(Difference("lost", text) for text in lost),
            *(Difference("diverged", text) for text in wrong),
            *(
                Difference("twice", f"{what} was told {count} times")
                for what, count in page.told_twice.items()
                if count > self._told.get(what, 1)
            ),
            *self._against_the_crms("deals", page.deals),
            *self._against_the_crms("forecast", page.forecast),
            *self._timelines(page.versions),
        ]

    def _against_the_crms(self, where: str, rows: dict[UUID, Any]) -> list[Difference]:
        found: list[Difference] = []
        expected = {deal: record for each in self._known for deal, record in each.oracle.deals.items()}
        never_seen = {deal for each in self._known for deal in _may_never_be_seen(each)}
        for deal, record in expected.items():
            row = rows.get(deal)
            if row is None and deal in never_seen:
                continue
            if row is None:
                found.append(Difference("lost", f"{where} lacks {record.deal_id}"))
                continue
            if not books.is_the_deal(row, record):
                found.append(Difference("diverged", f"{where} has {tuple(row)} for {record}"))
        for deal, values in self._expected.items():
            row = rows.get(deal)
            if row is None or (row.amount, row.state, row.stage) != values:
                found.append(Difference("diverged", f"{where} has {row and tuple(row)} for {values}"))
        unknown = rows.keys() - expected.keys() - self._expected.keys()
        return found + [Difference("twice", f"{where} has {deal}, which no CRM knows") for deal in unknown]

    def _timelines(self, versions: Iterable[Version]) -> list[Difference]:
        """Each deal's versions are counted without a gap, and its timeline has every change, once, and nothing else."""
        times = books.times_of(versions)
        found = [Difference("diverged", f"versions of {d}: {n}") for d, n in books.misnumbered(versions).items()]
        for traffic in self._known:
            for deal, changes in traffic.oracle.changes.items():
                told = {each.change.record.changed_at for each in changes}
                # What HubSpot holds is fetched; a change that the next one overtook is never seen.
                fetched = changes[0].provider == "hubspot" and times[deal] <= told
                if times[deal] != told and not fetched:
                    kind: Kind = "lost" if told - times[deal] else "twice"
                    known = f"{deal} of {changes[0].provider} changed at {_iso(told)}, known {_iso(times[deal])}"
                    found.append(Difference(kind, known))
        return found


def _on_its_way(unsettled: dict[str, int]) -> list[Difference]:
    return [Difference("on its way", f"{name}: {count}") for name, count in unsettled.items() if count]


def _may_never_be_seen(traffic: Traffic) -> set[UUID]:
    """Deals that HubSpot deleted: gone before the first fetch, only their tombstone is known, which makes no deal."""
    oracle = traffic.oracle
    return {
        deal
        for deal, record in oracle.deals.items()
        if record.deleted and oracle.changes[deal][0].provider == "hubspot"
    }


def _iso(times: Iterable[datetime]) -> list[str]:
    return [each.isoformat() for each in sorted(times)]
