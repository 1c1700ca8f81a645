"""Work beside the path of a deal: leads from a CRM, products by REST, edits that go back to a CRM."""

import uuid
from decimal import Decimal
from typing import NamedTuple

import httpx

from deploy.local import components
from deploy.local.crms import Crms
from libs.common import clock
from libs.common.ids import entity_id
from simulator import examples, senders
from simulator.records import LeadRecord
from tests.faults.books import Books


class _Kind(NamedTuple):
    """Something that is made beside deals: where it is read, and who keeps it in which table."""

    plural: str
    component: str
    table: str

    def path(self, identity: uuid.UUID) -> str:
        return f"/api/v1/{self.plural}/{identity}"


LEAD, PRODUCT = _Kind("leads", "leads", "lead"), _Kind("products", "pricing", "product")


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
        self._new: list[tuple[_Kind, uuid.UUID]] = []
        self._read: dict[_Kind, list[uuid.UUID]] = {LEAD: [], PRODUCT: []}

    def send(self) -> None:
        """One new lead and one new product; only what was answered with success counts."""
        name = uuid.uuid4().hex[:12]
        connection = self._crms.connection("standard")
        request = senders.lead_request(connection, _lead(name), event="created")
        product = {"code": name, "name": name, "list_price": "100.00", "currency": "EUR"}
        try:
            if self._http.post(request.url, content=request.body, headers=request.headers).is_success:
                self._new.append((LEAD, entity_id(connection.key, "lead", name)))
            answer = self._http.post("/api/v1/products", json=product, headers={"Idempotency-Key": name})
            if answer.is_success:
                self._new.append((PRODUCT, uuid.UUID(answer.json()["product_id"])))
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
        """What was answered with success and cannot be read; and edits of which the last is not in its CRM.

        Everything is read by REST once; whether it is still there afterwards its owner's table says, all at once.
        """
        if self._is_wanted and self._http.get(self._edits).json()["items"][0]["state"] != "confirmed":
            return [self._edits]
        unread = []
        for kind, identity in self._new:
            if self._http.get(kind.path(identity)).status_code == httpx.codes.OK:
                self._read[kind].append(identity)
            else:
                unread.append((kind, identity))
        self._new = unread
        gone = [(kind, identity) for kind in self._read for identity in self._gone(kind)]
        return [kind.path(identity) for kind, identity in unread + gone]

    def _gone(self, kind: _Kind) -> list[uuid.UUID]:
        """Those that were read before and that the table no longer has."""
        every = ",".join(map(str, self._read[kind]))
        rows = self._crms.stack.postgres.sql(
            f"SELECT id FROM unnest('{{{every}}}'::uuid[]) id "  # noqa: S608 - names of our own tables
            f"WHERE NOT EXISTS (SELECT FROM {kind.table} WHERE {kind.table}_id = id)",
            database=components.database(kind.component),
        )
        return [uuid.UUID(row) for row in rows.split()]

    def close(self) -> None:
        self._http.close()


def _lead(name: str) -> LeadRecord:
    """One that nobody has looked at: it is captured and scored, and opens no deal."""
    return examples.lead(name, clock.now(), None, employees=None, role=None, engagement_count=0, last_activity_at=None)
