"""A text that no database keeps is refused by name wherever it stands in a request, and nothing of the request is taken."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.keys import bearer

KEY = bearer("sales_ops")


@pytest.mark.parametrize("body", ['{"name": "A\\u0000cme"}', '{"name": "Acme", "note\\u0000": 1}'])
async def test_nul_in_a_body_is_refused_by_its_place(api_for: Callable[..., Any], body: str) -> None:
    client, _ = api_for("pricing")
    answer = await client.post("/v1/products", content=body, headers=KEY | {"content-type": "application/json"})
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert "holds a character that no database keeps as text" in answer.json()["detail"]


async def test_nul_in_an_address_is_refused(api_for: Callable[..., Any]) -> None:
    client, _ = api_for("leads")
    answer = await client.get("/v1/leads?region=A%00cme", headers=KEY)
    assert answer.status_code == 422, answer.text
    assert (
        answer.json()["detail"] == "GET /v1/leads: a text holds a character that no database keeps (NUL); leave it out."
    )
