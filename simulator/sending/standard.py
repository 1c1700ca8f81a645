"""Standard Webhooks: one signed request per change with the full record."""

from collections.abc import Sequence
from datetime import datetime

from simulator.config import SimConnection
from simulator.forms import standard
from simulator.records import iso
from simulator.sending.change import Change, Request, identifier, json_bytes
from simulator.signing import sign_standard

_VERB = {"created": "created", "changed": "updated", "deleted": "deleted", "restored": "restored", "merged": "merged"}


def standard_requests(
    connection: SimConnection, changes: Sequence[Change], at: datetime, attempt: int
) -> list[Request]:
    del attempt  # the message says nothing of it
    return [_standard_request(connection, change, at) for change in changes]


def _standard_request(connection: SimConnection, change: Change, at: datetime) -> Request:
    data = standard.data(change.record)
    if change.event in {"deleted", "merged"}:
        data["deleted"] = True
    if change.merged_into:
        data["merged_into"] = change.merged_into
    body = json_bytes({"type": f"{change.kind}.{_VERB[change.event]}", "timestamp": iso(at), "data": data})
    message_id = f"msg_{identifier(connection, change):030x}"
    signature = sign_standard(
        connection.secrets["secret"], message_id=message_id, timestamp=int(at.timestamp()), body=body
    )
    return Request("POST", connection.url, {"Content-Type": "application/json"} | signature, body)
