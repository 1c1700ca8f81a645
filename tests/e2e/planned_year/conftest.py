"""A system of its own in December, with the company's history and some deals that its CRM sends now."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import httpx
import pytest

from deploy.local.stack import Stack
from deploy.local.waiting import wait_until
from libs.common import clock
from tests.e2e.conftest import knowing, own_stack
from tests.e2e.crm import Crm, deal
from tests.e2e.planned_year import company
from tests.e2e.planned_year.company import NOW, TEAMS, YEAR

AHEAD = 3
"""Deals that the CRM sends while the system runs, of 90,000 each."""
OPEN = 90_000 * AHEAD + sum(each.amount for each in company.deals() if each.stage is None and each.ended.year == YEAR)
"""What is open and expected within the year."""


@dataclass(frozen=True)
class Office:
    """The running system, and what sales ops ask of it by REST."""

    stack: Stack
    key: str

    @property
    def url(self) -> str:
        return self.stack.url("gateway")

    def get(self, path: str, **asked: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.key}"}
        return httpx.get(f"{self.url}/api/v1/{path}", params=asked, headers=headers, timeout=60, trust_env=False)


@pytest.fixture(scope="package")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    offset = (NOW - clock.now()).total_seconds()
    clock.set_offset(offset)
    try:
        with own_stack({"*": {"FORETELL_CLOCK_OFFSET_S": str(offset), "FORETELL_CALL_BASIS": "tcv"}}) as running:
            yield _filled(running, Crm(running))
    finally:
        clock.set_offset(0)


def _filled(running: Stack, crm: Crm) -> Office:
    history = running.home / "history"
    history.mkdir()
    crm.employ(history, **TEAMS)
    company.export(history, crm.connection.key)
    running.command("gateway", "import", str(history / "deals.csv"), "--mapping", str(history / "mapping.yaml"))
    ahead = [f"ahead{number}" for number in range(AHEAD)]
    for name, owner in zip(ahead, ("ann", "bob", "bob"), strict=True):
        crm.send(deal(name, amount="90000.00", owner_id=owner, market="DACH", close_date=date(YEAR, 12, 15)))
    assert wait_until(
        lambda: running.command("forecast", "check-rollup").strip().endswith("0 cells differ from the deals"),
        timeout_s=60,
        every_s=1,
    )
    knowing(running)(dict.fromkeys(ahead, ""))
    found = Office(running, running.command("gateway", "api-key", "--name", "year", "--role", "sales_ops").split()[-1])
    assert wait_until(lambda: _is_read(found), timeout_s=120, every_s=1)
    return found


def _is_read(office: Office) -> bool:
    """Whether the forecast has the imported history in memory, so that a page does not wait for it."""
    answer = office.get("forecast/variance", period=f"{YEAR}Q4")
    return answer.is_success and bool(answer.json()["after"]["created"]["there"])
