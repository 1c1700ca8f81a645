"""A CRM as the system meets it: connected by a document, sending signed webhooks."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import httpx
import yaml

from deploy.local import simulated
from deploy.local.stack import Stack
from libs.common import clock
from simulator import config as simulator_config
from simulator import connections, examples, senders
from simulator.records import DealRecord


class Crm:
    """Sends changes of deals. Its connection document can be extended, as sales ops would."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        config = simulator_config.parse(simulated.configuration(stack.state))
        self.connection = config.connection("standard")
        self.document = next(one for one in connections.documents(config) if one["key"] == self.connection.key)
        self.connect()

    def connect(self, *further: str) -> None:
        """Tell the gateway of this CRM, with further stages mapped as "Negotiate" is."""
        mapping = self.document["mapping"]
        known = mapping["stages"]
        stages = known | {name: known["Negotiate"] | {"stage": name} for name in further}
        document = self.document | {"mapping": mapping | {"stages": stages}}
        self._stack.command("gateway", "connection-put", "-", stdin=yaml.safe_dump([document]))

    def send(self, deal: DealRecord) -> None:
        request = senders.deal_request(self.connection, deal)
        answer = httpx.request(
            request.method, request.url, headers=request.headers, content=request.body, timeout=10, trust_env=False
        )
        assert answer.is_success, answer.text


def deal(external_id: str, *, amount: str, at: datetime | None = None, **changes: Any) -> DealRecord:
    """An open deal that closes today."""
    defaults = {"stage": "Negotiate", "category": "commit"}
    return examples.deal(external_id, at or clock.now(), Decimal(amount), **defaults | changes)
