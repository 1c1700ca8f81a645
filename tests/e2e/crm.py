"""A CRM as the system meets it: connected by a document, sending signed webhooks."""

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import yaml

from deploy.local import simulated
from deploy.local.stack import Stack
from libs.common import clock
from simulator import config as simulator_config
from simulator import connections, examples, senders
from simulator.records import DealRecord

ORG_ZONE = ZoneInfo("Europe/Berlin")
"""Of an organisation that says nothing else."""

PEOPLE = """
version: 1
name: people
connection: {connection}
currency: EUR
files: {{people: {{match: people.csv}}}}
records:
  - object: user
    file: people
    id: id
    person: {{name: name}}
    fields: {{team_path: team}}
    changes: [{{at: since}}]
"""


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

    def employ(self, folder: Path, **teams: str) -> None:
        """Tell of people by id, each with the path of their team, as an import of the CRM's users does."""
        rows = "".join(f"{user},{user.capitalize()},{team},2020-01-01\n" for user, team in teams.items())
        people, mapping = folder / "people.csv", folder / "people.yaml"
        people.write_text(f"id,name,team,since\n{rows}")
        mapping.write_text(PEOPLE.format(connection=self.connection.key))
        self._stack.command("gateway", "import", str(people), "--mapping", str(mapping))

    def send(self, deal: DealRecord) -> None:
        request = senders.deal_request(self.connection, deal, at=clock.now())
        answer = httpx.request(
            request.method, request.url, headers=request.headers, content=request.body, timeout=10, trust_env=False
        )
        assert answer.is_success, answer.text


def deal(external_id: str, *, amount: str, at: datetime | None = None, **changes: Any) -> DealRecord:
    """An open deal that closes today, as the organisation's clocks have it: yesterday's date would be a machine's guess."""
    at = at or clock.now()
    defaults = {"stage": "Negotiate", "category": "commit", "close_date": at.astimezone(ORG_ZONE).date()}
    return examples.deal(external_id, at, Decimal(amount), **defaults | changes)
