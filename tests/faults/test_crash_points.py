"""Every named crash point, in every process that has it: the process dies there, comes back, and nothing is lost or doubled."""

import subprocess
import uuid
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from deploy.local import components
from deploy.local.crms import Crms
from deploy.local.stack import Stack
from deploy.local.waiting import wait_until
from libs.common import clock, crash
from libs.common.ids import entity_id
from simulator import examples, senders
from simulator.records import LeadRecord
from tests.faults.books import CONSUMERS, Books

EVERY = tuple(components.PACKAGES)
DEATH_S = 60.0
DIED = 137

IN_PROCESSES: dict[str, tuple[str, ...]] = {
    "gateway.authenticated_not_stored": ("gateway",),
    "gateway.stored_not_answered": ("gateway",),
    "gateway.committed_not_woken": ("gateway",),
    "gateway.parsed_not_committed": ("gateway",),
    "gateway.fetched_not_committed": ("gateway",),
    "relay.read_not_sent": EVERY,
    "relay.sent_cursor_not_stored": EVERY,
    "consumer.polled_not_applied": CONSUMERS,
    "consumer.applied_not_committed": CONSUMERS,
    "consumer.committed_offset_not_copied": CONSUMERS,
    **{f"{name}.applied_not_committed": (name,) for name in (*CONSUMERS, "gateway")},
    "gateway.written_not_recorded": ("gateway",),
}
IN_THE_IMPORT = ("gateway.import_batch_not_committed", "gateway.import_batch_committed")


class Others:
    """What makes the processes beside the path of a deal work too: leads from a CRM, products by REST, edits of a CRM's deal."""

    def __init__(self, crms: Crms, books: Books) -> None:
        self._crms = crms
        self._edited = examples.deal(str(uuid.uuid4().int % 10**9), clock.now(), Decimal("10.00"))
        self._edits = f"/api/v1/deals/{entity_id(crms.connection('pipedrive').key, 'deal', self._edited.deal_id)}/edits"
        self._books = books
        self._is_told = self._is_wanted = False
        self._http = httpx.Client(
            timeout=2, trust_env=False, base_url=crms.stack.url("gateway"), headers=crms.http.headers
        )
        self.leads: list[uuid.UUID] = []
        self.products: list[str] = []

    def send(self) -> None:
        """One new lead and one new product; only what was answered with success counts."""
        name = uuid.uuid4().hex[:12]
        connection = self._crms.connection("standard")
        request = senders.lead_request(connection, _lead(name), event="created")
        product = {"code": name, "name": name, "list_price": "100.00", "currency": "EUR"}
        try:
            if self._http.post(request.url, content=request.body, headers=request.headers).is_success:
                self.leads.append(entity_id(connection.key, "lead", name))
            answer = self._http.post("/api/v1/products", json=product, headers={"Idempotency-Key": name})
            if answer.is_success:
                self.products.append(answer.json()["product_id"])
            self._edit(name)
        except httpx.HTTPError:
            pass

    def _edit(self, words: str) -> None:
        """Want another next step of a deal of Pipedrive, once it is known."""
        if not self._is_told:
            self._crms.state.put_deal("pipedrive", self._edited)
            request = senders.deal_request(self._crms.connection("pipedrive"), self._edited)
            self._is_told = self._http.post(request.url, content=request.body, headers=request.headers).is_success
            if self._is_told:
                deal_id = entity_id(self._crms.connection("pipedrive").key, "deal", self._edited.deal_id)
                self._books.expect(deal_id, amount=Decimal("10.00"), state="open", stage="Propose")
        answer = self._http.post(self._edits, json={"field": "next_step", "value": words})
        self._is_wanted = self._is_wanted or answer.is_success

    def missing(self) -> list[str]:
        """What was answered with success and cannot be read; and edits of which the last is not in its CRM."""
        if self._is_wanted and self._http.get(self._edits).json()["items"][0]["state"] != "confirmed":
            return [self._edits]
        paths = [f"/api/v1/leads/{lead}" for lead in self.leads] + [f"/api/v1/products/{p}" for p in self.products]
        return [path for path in paths if self._http.get(path).status_code != httpx.codes.OK]

    def close(self) -> None:
        self._http.close()


@pytest.fixture
def others(crms: Crms, books: Books) -> Iterator[Others]:
    made = Others(crms, books)
    yield made
    made.close()


def test_every_point_there_is_has_its_fault() -> None:
    assert {*IN_PROCESSES, *IN_THE_IMPORT} == crash.POINTS


@pytest.mark.parametrize("point", IN_PROCESSES)
def test_what_dies_at_a_crash_point_loses_and_doubles_nothing(
    stack: Stack, books: Books, others: Others, point: str
) -> None:
    alive = set(IN_PROCESSES[point])
    traffic = books.traffic(duplicates=0.1)
    for name in alive:
        stack.kill(name)
    with traffic.flowing(rate_per_s=12):
        for name in sorted(alive):
            stack.restart(name, env={"FORETELL_CRASH_AT": point}, wait=False)

        def all_died() -> bool:
            for name in sorted(alive):
                status = stack.child(name).exit_status
                if status is not None:
                    assert status == DIED, f"{name} ended with {status}: {stack.logs(name)[-2000:]}"
                    alive.discard(name)
                    stack.restart(name, env={}, wait=False)
            if alive:
                others.send()
            return not alive

        wait_until(all_died, timeout_s=DEATH_S, every_s=0.2)
        for name in IN_PROCESSES[point]:
            stack.restart(name, env={}) if name in alive else stack.await_ready(name)
    assert not alive, f"{sorted(alive)} never came to {point}"
    books.settle()
    assert wait_until(lambda: not others.missing(), timeout_s=20, every_s=0.2), others.missing()


MAPPING = """
version: 1
name: {name}
connection: {name}
currency: EUR
files: {{deals: {{match: deals.csv}}}}
stages: {{Negotiate: {{category: pipeline}}}}
records:
  - object: deal
    file: deals
    id: id
    fields: {{amount: amount, close_date: closes}}
    changes: [{{at: opened, fields: {{stage: {{constant: Negotiate}}}}}}]
"""
IMPORTED = 300


@pytest.mark.parametrize("point", IN_THE_IMPORT)
def test_an_import_that_dies_is_continued_by_the_next(stack: Stack, books: Books, tmp_path: Path, point: str) -> None:
    name = point.partition(".")[2].replace("_", "-")
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text(MAPPING.format(name=name))
    rows = {f"d{number}": Decimal(number) + Decimal("0.25") for number in range(IMPORTED)}
    lines = "".join(f"{deal},{amount},2026-01-05,2026-12-31\n" for deal, amount in rows.items())
    (tmp_path / "deals.csv").write_text("id,amount,opened,closes\n" + lines)

    assert _import(stack, tmp_path, mapping, {"FORETELL_CRASH_AT": point}) == DIED
    assert _import(stack, tmp_path, mapping, {}) == 0
    for deal, amount in rows.items():
        books.expect(entity_id(name, "deal", deal), amount=amount, state="open", stage="Negotiate")
    books.settle()


def _import(stack: Stack, folder: Path, mapping: Path, env: dict[str, str]) -> int:
    argv = components.python("gateway", "import", str(folder), "--mapping", str(mapping))
    argv += ["--report", str(folder / "refused.csv")]
    settings = stack.environment("gateway") | env
    return subprocess.run(
        argv, cwd=components.ROOT, env=settings, capture_output=True, check=False, timeout=60
    ).returncode


def _lead(name: str) -> LeadRecord:
    """One that nobody has looked at: it is captured and scored, and opens no deal."""
    return examples.lead(name, clock.now(), None, employees=None, role=None, engagement_count=0, last_activity_at=None)
