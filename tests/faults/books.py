"""What the system's books say against what the CRMs hold: the comparison that every fault has to pass."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from deploy.local import books
from deploy.local.books import CONSUMERS, Page, Version
from deploy.local.crms import Crms
from deploy.local.traffic import Traffic
from deploy.local.waiting import wait_until

__all__ = ["CONSUMERS", "Books"]

SETTLE_S = 90.0


class Books:
    """Reads the databases as their owner; needs the databases up, nothing else."""

    def __init__(self, crms: Crms) -> None:
        self._crms = crms
        self._known: list[Traffic] = []
        self._expected: dict[UUID, tuple[Decimal, str, str]] = {}

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

    def settle(self) -> Page:
        """Wait until nothing is on its way and all agrees; fails with what differs when that takes too long.

        Reads once more afterwards: what agrees must go on agreeing.
        """
        found: list[str] = []
        last: list[Page] = []

        def agrees() -> bool:
            page = books.read(self._crms.stack)
            last[:] = [page]
            found[:] = [f"{name}: {count}" for name, count in page.unsettled.items() if count] or self.differences(page)
            return not found

        settled = wait_until(agrees, timeout_s=SETTLE_S, every_s=0.1)
        if settled:
            settled = not wait_until(lambda: not agrees(), timeout_s=0.5, every_s=0.25)
        assert settled, f"{len(found)} differences; the first: " + "; ".join(found[:12])
        return last[0]

    def differences(self, page: Page) -> list[str]:
        """Everything in which the books differ from the CRMs or from each other."""
        answered = sum(each.successes for each in self._known)
        found = [f"{each.waiting} changes not taken" for each in self._known if each.waiting]
        if page.deliveries < answered:
            found.append(f"{answered} deliveries were answered with success, {page.deliveries} are stored")
        found += [f"{page.parked} items parked"] * bool(page.parked) + [f"{page.dead} dead letters"] * bool(page.dead)
        found += [f"{page.wrong_cells} roll-up cells are not what the deals make them"] * bool(page.wrong_cells)
        found += self._against_the_crms("deals", page.deals) + self._against_the_crms("forecast", page.forecast)
        found += [f"only deals has version {each}" for each in sorted(page.versions - page.forecast_versions)]
        found += [f"only forecast has version {each}" for each in sorted(page.forecast_versions - page.versions)]
        return found + self._timelines(page.versions)

    def _against_the_crms(self, where: str, rows: dict[UUID, Any]) -> list[str]:
        found = []
        expected = {deal: record for each in self._known for deal, record in each.oracle.deals.items()}
        never_seen = {deal for each in self._known for deal in _may_never_be_seen(each)}
        for deal, record in expected.items():
            row = rows.get(deal)
            if row is None and deal in never_seen:
                continue
            if row is None:
                found.append(f"{where} lacks {record.deal_id}")
                continue
            if not books.is_the_deal(row, record):
                found.append(f"{where} has {tuple(row)} for {record}")
        for deal, values in self._expected.items():
            row = rows.get(deal)
            if row is None or (row.amount, row.state, row.stage) != values:
                found.append(f"{where} has {row and tuple(row)} for {values}")
        unknown = rows.keys() - expected.keys() - self._expected.keys()
        return found + [f"{where} has {deal}, which no CRM knows" for deal in unknown]

    def _timelines(self, versions: Iterable[Version]) -> list[str]:
        """Each deal's versions are counted without a gap, and its timeline has every change, once, and nothing else."""
        times = books.times_of(versions)
        found = [f"versions of {deal}: {numbers}" for deal, numbers in books.misnumbered(versions).items()]
        for traffic in self._known:
            for deal, changes in traffic.oracle.changes.items():
                told = {each.change.record.changed_at for each in changes}
                # What HubSpot holds is fetched; a change that the next one overtook is never seen.
                fetched = changes[0].provider == "hubspot" and times[deal] <= told
                if times[deal] != told and not fetched:
                    found.append(f"{deal} of {changes[0].provider} changed at {_iso(told)}, known {_iso(times[deal])}")
        return found


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
