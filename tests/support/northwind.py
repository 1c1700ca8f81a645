"""A CRM that nobody coded for: the one of the guide, with what it knows and how it signs."""

import hashlib
import hmac
import itertools
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import orjson

from libs.common import clock
from simulator.senders import Request

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guides" / "connect-a-crm.md"
NORTHWIND = "".join(re.findall(r"^```yaml\n(.*?)^```$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL))
"""The document of the guide, put together from its steps."""
SECRET = "the-old-one"


class Northwind:
    """The CRM: what it knows, and how it signs."""

    def __init__(self, url: str = "http://testserver") -> None:
        self.url = url
        self.started = clock.now().replace(microsecond=0) - timedelta(minutes=4)
        self.numbers = itertools.count(1)
        self.records: dict[str, dict[str, Any]] = {}
        self.asked: list[httpx.Request] = []

    def at(self, seconds: int) -> int:
        return clock.to_millis(self.started + timedelta(seconds=seconds))

    def change(self, seconds: int, what: str = "upd", ref: str = "77", **body: Any) -> dict[str, Any]:
        stamp = self.at(seconds)
        record = {"title": "Ovens", "cents": 100_000 + seconds, "phase": "prop", "odds": 40, "rep": 5, "org": 6}
        return {
            "event": f"e{next(self.numbers)}",
            "kind": "oppty",
            "what": what,
            "ref": ref,
            "at": stamp,
            "body": record | {"stamp": stamp, "due": "2026-12-18"} | body,
        }

    def request(
        self, *changes: dict[str, Any], secret: str = SECRET, at: datetime | None = None, delivery: str | None = None
    ) -> Request:
        body = orjson.dumps({"sent": 1, "changes": changes})
        stamp = str(int((at or clock.now()).timestamp()))
        name = delivery or f"d{next(self.numbers)}"
        digest = hmac.new(secret.encode(), f"{name}:{stamp}:".encode() + body, hashlib.sha512).hexdigest()
        headers = {
            "Content-Type": "application/json",
            "X-North-Delivery": name,
            "X-North-Signature": f"t={stamp},v1={digest}",
        }
        return Request("POST", f"{self.url}/webhooks/northwind?tenant=eu&token=hush", headers, body)

    async def answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        refs = request.url.params["ref"].split(",")
        return httpx.Response(
            200, json={"rows": [{"ref": ref, "body": self.records[ref]} for ref in refs if ref in self.records]}
        )
