"""Work beside the path of a deal: leads from a CRM, products by REST."""

import uuid

import httpx

from deploy.local.crms import Crms
from libs.common import clock
from libs.common.ids import entity_id
from simulator import examples, senders
from simulator.records import LeadRecord


class Others:
    """What makes the processes beside the path of a deal work too: leads from a CRM, products by REST."""

    def __init__(self, crms: Crms) -> None:
        self._crms = crms
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
        except httpx.HTTPError:
            pass

    def missing(self) -> list[str]:
        """What was answered with success and cannot be read."""
        paths = [f"/api/v1/leads/{lead}" for lead in self.leads] + [f"/api/v1/products/{p}" for p in self.products]
        return [path for path in paths if self._http.get(path).status_code != httpx.codes.OK]

    def close(self) -> None:
        self._http.close()


def _lead(name: str) -> LeadRecord:
    """One that nobody has looked at: it is captured and scored, and opens no deal."""
    return examples.lead(name, clock.now(), None, employees=None, role=None, engagement_count=0, last_activity_at=None)
