"""Work beside the path of a deal: leads from a CRM, products by REST, edits that go back to a CRM."""

import uuid
from decimal import Decimal

import httpx

from deploy.local.crms import Crms
from libs.common import clock
from libs.common.ids import entity_id
from simulator import examples, senders
from simulator.records import LeadRecord
from tests.faults.books import Books


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


def _lead(name: str) -> LeadRecord:
    """One that nobody has looked at: it is captured and scored, and opens no deal."""
    return examples.lead(name, clock.now(), None, employees=None, role=None, engagement_count=0, last_activity_at=None)
