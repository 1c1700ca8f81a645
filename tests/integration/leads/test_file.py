"""Leads from a CSV file: every row is taken or refused with its reason, and nothing else is lost."""

from collections.abc import Callable
from typing import Any

from libs.common.ids import new_id
from tests.support.keys import bearer

FILE = """company,employees,amount,currency,contact_email,owner_id
Acme,500,1000.50,EUR,ida@acme.example,
Birch,many,,,,
Cedar,5,10,,,
,5,,,,
Dogwood,,,,not a mail,
Elm,,,,,{stranger}
Fir,,,,,
"""


async def test_every_row_of_a_file_is_taken_or_refused_with_its_reason(api_for: Callable[..., Any]) -> None:
    client, _ = api_for("leads")
    headers = bearer("sales_ops", subject="sam") | {"Content-Type": "text/csv", "Idempotency-Key": "fair-1"}
    content = FILE.format(stranger=new_id()).encode()
    answer = await client.post("/v1/leads/file", content=content, headers=headers)
    assert answer.status_code == 200, answer.text
    report = answer.json()
    assert (report["taken"], report["refused"]) == (3, 4)
    refused = {row["row"]: row["refused"][0]["field"] for row in report["rows"] if row["refused"]}
    assert refused == {3: "employees", 4: "", 5: "company", 6: "contact_email"}
    listed = (await client.get("/v1/leads", headers=headers)).json()["items"]
    assert {lead["company"] for lead in listed} == {"Acme", "Elm", "Fir"}
    again = await client.post("/v1/leads/file", content=content, headers=headers)
    assert again.json() == report, "sent twice, taken once"
    assert len((await client.get("/v1/leads", headers=headers)).json()["items"]) == 3


async def test_a_file_that_cannot_be_read_takes_nothing_and_says_why(api_for: Callable[..., Any]) -> None:
    client, _ = api_for("leads")
    headers = bearer("sales_ops") | {"Content-Type": "text/csv"}
    for content, why in ((b"compnay\nAcme\n", "compnay"), (b"\xff\xfe", "UTF-8"), (b"source\nFair\n", "company")):
        answer = await client.post("/v1/leads/file", content=content, headers=headers)
        assert (answer.status_code, answer.json()["type"]) == (422, "urn:foretell:problem:unreadable-file")
        assert why in answer.json()["detail"]
    viewer = bearer("viewer") | {"Content-Type": "text/csv"}
    assert (await client.post("/v1/leads/file", content=b"company\nAcme\n", headers=viewer)).status_code == 403
