"""A CRM that nobody coded for, by the guide: connected, tried with what it has sent, activated, in the forecast; then re-mapped."""

import uuid
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
import yaml

from deploy.local.stack import Stack
from deploy.local.waiting import wait_until
from libs.common.ids import entity_id
from tests.support.days import business_day
from tests.support.northwind import NORTHWIND, SECRET, Northwind

REFS = ("1", "2", "3")
DUE = business_day() + timedelta(days=40)


class Office:
    """Sales ops: puts and tries documents, and reads the forecast."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        key = stack.command("gateway", "api-key", "--name", f"office-{uuid.uuid4()}", "--role", "sales_ops").split()[-1]
        self.http = httpx.Client(
            base_url=stack.url("gateway"), headers={"Authorization": f"Bearer {key}"}, timeout=30, trust_env=False
        )
        self.document: dict[str, Any] = yaml.safe_load(NORTHWIND)

    def put(self, **changes: Any) -> str:
        return self._stack.command(
            "gateway", "connection-put", "-", stdin=yaml.safe_dump(self.document | changes)
        ).strip()

    def tried(self, **changes: Any) -> dict[str, Any]:
        answer = self.http.post("/api/v1/connections/northwind/trial", json=self.document | changes)
        assert answer.is_success, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def tried_by_command(self, **changes: Any) -> str:
        return self._stack.command("gateway", "connection-try", "-", stdin=yaml.safe_dump(self.document | changes))

    def amounts(self) -> dict[str, tuple[str, Decimal]]:
        """Line or state and amount of the CRM's deals, as the forecast has them."""
        found = {}
        for ref in REFS:
            answer = self.http.get(f"/api/v1/forecast/deals/{entity_id('northwind', 'deal', ref)}/history")
            if answer.is_success:
                now = answer.json()["current"]
                found[ref] = (now["stage"], Decimal(now["amount"]))
        return found

    def effect(self) -> dict[str, Any]:
        """The lines of the month in which the CRM's deals are due."""
        answer = self.http.get("/api/v1/forecast/rollup", params={"period": f"{DUE:%Y-%m}"})
        assert answer.is_success, answer.text
        lines: dict[str, Any] = answer.json()["totals"]["lines"]
        return {name: (line["count"], Decimal(line["amount"])) for name, line in lines.items()}


@pytest.fixture
def office(stack: Stack) -> Iterator[Office]:
    opened = Office(stack)
    yield opened
    opened.http.close()


def _stages(document: dict[str, Any], **changes: Any) -> dict[str, Any]:
    mapping = document["mapping"]
    return mapping | {"stages": mapping["stages"] | changes}


def _moved(trial: dict[str, Any]) -> dict[str, tuple[int, Decimal]]:
    return {each["line"]: (each["deals"], Decimal(each["amount"])) for each in trial["forecast"]["moved"]}


def _difference(before: dict[str, Any], after: dict[str, Any]) -> dict[str, tuple[int, Decimal]]:
    moved = {name: (after[name][0] - before[name][0], after[name][1] - before[name][1]) for name in after}
    return {name: found for name, found in moved.items() if any(found)}


def test_a_crm_that_nobody_coded_for_is_tried_and_then_in_the_forecast(stack: Stack, office: Office) -> None:
    crm = Northwind(stack.url("gateway"))
    assert office.put(state="paused") == "northwind: created"
    changes = [crm.change(number, "new", ref, due=DUE.isoformat()) for number, ref in enumerate(REFS, start=1)]
    changes[2]["body"]["phase"] = "unheard"
    for change in changes:
        request = crm.request(change, secret=SECRET)
        answer = httpx.post(request.url, headers=request.headers, content=request.body, trust_env=False)
        assert answer.status_code == 202

    before = office.effect()
    trial = office.tried(state="active")
    assert (trial["records"], trial["deliveries"], trial["added"]) == (3, 3, {"deal": 2})
    (refused,) = trial["refused"]
    assert (refused["field"], refused["value"], refused["external_ids"]) == ("stage", "unheard", ["3"])
    assert _moved(trial) == {"best_case": (2, Decimal("2000.03"))}
    assert (office.effect(), office.amounts()) == (before, {}), "a trial writes nothing"

    fixed = _stages(office.document, unheard={"stage": "Propose", "state": "open", "category": "commit"})
    trial = office.tried(state="active", mapping=fixed)
    assert trial["refused"] == []
    expected = _moved(trial)
    assert expected == {"best_case": (2, Decimal("2000.03")), "commit": (1, Decimal("1000.03"))}

    assert office.put(state="active", mapping=fixed).startswith("northwind: ")
    assert wait_until(lambda: len(office.amounts()) == len(REFS), timeout_s=60, every_s=0.1)
    assert office.amounts()["3"] == ("Propose", Decimal("1000.03"))
    assert wait_until(lambda: _difference(before, office.effect()) == expected, timeout_s=5, every_s=0.1)

    # A mapping that is in use changes: tried, activated, and all records follow by themselves.
    office.document["mapping"] = fixed
    major = fixed | {"amounts": "major"}
    before = office.effect()
    trial = office.tried(mapping=major)
    assert (trial["changed"], [each["field"] for each in trial["fields"]]) == ({"deal": 3}, ["amount"])
    assert "3 deals would differ" in office.tried_by_command(mapping=major)
    expected = _moved(trial)
    assert expected == {"best_case": (0, Decimal("198002.97")), "commit": (0, Decimal("99002.97"))}
    assert "northwind: remapped" in office.put(mapping=major)
    assert wait_until(lambda: _difference(before, office.effect()) == expected, timeout_s=60, every_s=0.1)
    assert office.amounts()["1"] == ("Propose", Decimal("100001.00"))


def test_a_document_that_cannot_be_tried_says_why(office: Office) -> None:
    document = office.document | {"key": "nobody"}
    answer = office.http.post("/api/v1/connections/nobody/trial", json=document)
    assert (answer.status_code, answer.json()["detail"][:35]) == (404, "There is no connection 'nobody'; pu")
    answer = office.http.post("/api/v1/connections/other/trial", json=document)
    assert (answer.status_code, answer.json()["title"]) == (422, "other key")
