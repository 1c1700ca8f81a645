"""Dataverse lists its opportunities a page at a time, by links of its own."""

from typing import Any

import pytest

from gateway.connectors.client import CrmClient, FetchFailed
from gateway.connectors.dataverse import fetch
from gateway.mapping.schemas import Mapping

pytestmark = pytest.mark.asyncio

IDS = [f"00000000-0000-0000-0000-00000000000{number}" for number in range(3)]


class _Environment(CrmClient):
    """Answers a page of one row; `base` is where its links lead."""

    def __init__(self, base: str) -> None:
        self.base, self.asked = base, list[str]()

    async def get(self, path: str, *, params: Any, instead: str | None = None) -> dict[str, Any]:
        self.asked.append(path)
        assert params["$orderby"] == "opportunityid"
        return self._page(0)

    async def ask(self, method: str, path: str, *, json: Any = None) -> Any:
        self.asked.append(path)
        return self._page(int(path.rpartition("=")[2]))

    def _page(self, number: int) -> dict[str, Any]:
        row = {"opportunityid": IDS[number].upper(), "modifiedon": "2026-03-01T10:00:00Z"}
        link = f"{self.base}/opportunities?$select=opportunityid&$skiptoken={number + 1}"
        return {"value": [row]} | ({"@odata.nextLink": link} if number < 2 else {})


async def test_pages_are_followed_by_the_environments_own_links() -> None:
    environment = _Environment("https://acme.crm4.dynamics.com/api/data/v9.2")
    found, after = [], None
    for number in range(3):
        listed = await fetch.page(environment, Mapping(), after)
        found += [each.external_id for each in listed.records]
        after = listed.following
        assert (after is None) == (number == 2)

    assert found == IDS
    assert environment.asked[1] == "/api/data/v9.2/opportunities?$select=opportunityid&$skiptoken=1"


@pytest.mark.parametrize("base", ["https://elsewhere.example.com", "https://acme.crm4.dynamics.com/api/data/v8"])
async def test_a_link_that_leads_out_of_the_list_is_not_followed(base: str) -> None:
    with pytest.raises(FetchFailed, match="leads out of the list"):
        await fetch.page(_Environment(base), Mapping(), None)
