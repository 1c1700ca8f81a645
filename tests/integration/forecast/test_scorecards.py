"""A month's scorecard: what it says, who signs it, that nobody changes it, and what became of it since."""

import csv
import hashlib
import io
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from libs.common.db import Database
from libs.common.ids import unit_id
from libs.common.web.auth import Principal
from services.forecast.reviews import watching
from tests.integration.forecast.calling import CSO
from tests.integration.forecast.given import at, handle, named, rows, told
from tests.integration.forecast.planning import a_plan, in_force, numbered
from tests.integration.forecast.reviewing import decide
from tests.integration.forecast.reviewing import opened as review_of
from tests.integration.forecast.signing import CEO, FINANCE, MONTH, NOW, a_company, bring, close, draft, get, sign, won
from tests.support.keys import bearer


@pytest.fixture(autouse=True)
def in_november() -> Iterator[None]:
    with at(NOW):
        yield


@pytest.fixture
async def opened(api_for: Callable[[str], tuple[Any, Any]]) -> Any:
    api, runtime = api_for("forecast")
    await a_company(api, runtime.database)
    return api, runtime


@pytest.fixture
def client(opened: Any) -> Any:
    api, runtime = opened
    return api, runtime.database


async def test_a_year_without_quarters_is_spread_over_the_month_the_quarter_and_the_year_to_date(client: Any) -> None:
    api, _ = client
    await in_force(api, await numbered(api, await a_plan(api, period="FY2024"), "12000.60"))
    found = (await draft(api))["contents"]["bookings"]
    assert [(each["line"], each["target"], each["target_source"]) for each in found] == [
        ("bookings.month", "1000.05", "even"), ("bookings.quarter", "1000.05", "even"), ("bookings.year", "10000.50", "even"),
    ]  # fmt: skip


async def test_the_parts_of_a_scorecard_add_to_the_bookings_and_what_is_unknown_is_said_to_be(client: Any) -> None:
    api, _ = client
    await close(api)
    contents = (await draft(api))["contents"]
    month, quarter, year = contents["bookings"]
    assert (month["closed"], month["target"], month["target_source"]) == ("1250.30", "2000.00", "own")
    assert (month["attainment"], month["gap"], month["last_year"], month["growth"]) == (
        "0.6252", "749.70", "1000.00", "0.2503",
    )  # fmt: skip
    assert (quarter["closed"], quarter["target"]) == ("1250.30", "2000.00")
    assert (year["closed"], year["target"], year["last_year"]) == ("1320.30", None, "1000.00")
    for cut in contents["cuts"]:
        assert sum(Decimal(part["closed"]) for part in cut["parts"]) == Decimal("1250.30")
        assert all(part["target"] is None and part["attainment"] is None for part in cut["parts"])
        assert cut["no_target"]
    types = {part["label"]: part["closed"] for part in contents["cuts"][2]["parts"]}
    assert types["renewal"] == "400.20"
    assert [(each["line"], each["amount"]) for each in contents["concentration"]] == [
        ("concentration.deal", "800.10"), ("concentration.deals", "1250.30"), ("concentration.account", "850.10"),
    ]  # fmt: skip
    assert {each["line"] for each in contents["unknown"]} == {
        "price_realisation", "margin", "campaigns", "executive_cover",
    }  # fmt: skip
    assert (contents["valued"], contents["campaigns"]) == ([], None)
    assert contents["win_rates"][0]["value"] is None
    assert "20" in contents["win_rates"][0]["reason"]
    assert [(each["line"], each["target"]) for each in contents["ahead"]] == [
        ("ahead.2025Q1", "9000.00"), ("ahead.2025Q2", None),
    ]  # fmt: skip
    assert contents["ahead"][0]["open"] == "900.00"
    assert contents["ahead"][1]["reason"] == "No target is set."
    assert (contents["landing"]["label"], contents["landing"]["target"]) == ("Q4 2024", "6000.00")
    assert contents["no_decisions"]
    assert (contents["other_bases"], len(contents["wins"])) == (1, 4)


async def test_only_a_cso_signs_a_month_that_finance_closed_and_only_what_was_read(client: Any) -> None:
    api, database = client
    early = await draft(api)
    assert (early["can_be_signed"], "Finance has not closed" in early["why_not"]) == (False, True)
    await close(api)
    read = await draft(api)
    assert read == await draft(api, headers=CEO), "the same for whoever asks"
    assert "If-Match" in (await sign(api, "", status=422))["detail"]
    await sign(api, "*", status=422)
    for roles in ("admin", "finance", "manager", "ceo", "system"):
        await sign(api, read["digest"], bearer(roles, subject="user:other"), status=403)
    await sign(api, read["digest"], bearer("cso", scope=(unit_id("EMEA"),)), status=403)
    await sign(api, early["digest"], status=412)
    signed = await sign(api, read["digest"])
    assert (signed["signature"]["signed_by"], signed["signature"]["version"]) == ("user:cso", 1)
    assert signed["contents"] == read["contents"]
    assert await sign(api, read["digest"]) == signed, "the same again changes nothing"
    assert "signed as it stands" in (await sign(api, read["digest"], bearer("cso", subject="user:two"), 409))["detail"]
    assert [event["digest"] for event in await told(database, "forecast.scorecard.signed.v1")] == [
        signed["signature"]["digest"]
    ]
    text_of = await api.get(f"/v1/forecast/scorecards/{MONTH}/document", headers=CEO)
    assert hashlib.sha256(f"\n{text_of.text}".encode()).hexdigest() == signed["signature"]["digest"]
    listed = (await get(api, ""))["items"]
    assert next(each["versions"][0]["version"] for each in listed if each["period"] == MONTH) == 1
    await get(api, "/2024-09", 404)
    await get(api, "/2024Q4/draft", 422)
    await get(api, "/2024-11/draft", 409)


async def test_what_is_corrected_after_the_signature_stands_on_the_next_card_and_never_on_the_signed_one(
    client: Any,
) -> None:
    """Rates, amounts and deals that come later: the signed month keeps its text, the next one names each deal."""
    api, database = client
    await close(api)
    signed = await sign(api)
    with at(datetime(2024, 11, 20, 9, tzinfo=UTC)):
        later = datetime(2024, 11, 20, 8, tzinfo=UTC)
        body = {"rates": {"EUR": "1", "USD": "0.9"}}
        assert (await api.put("/v1/forecast/rates", json=body, headers=FINANCE)).status_code == 200
        await handle(
            database,
            [won("acme", 2, amount=Decimal("700.10"), owner_id=named("ann"), market="DACH", known=later, since=later)],
        )
    with at(datetime(2024, 12, 5, 9, tzinfo=UTC)):
        assert await get(api, f"/{MONTH}") == signed
        await close(api, month="2024-11")
        (restated,) = (await draft(api, "2024-11"))["contents"]["restated"]
    assert (restated["signed"], restated["now"], restated["change"]) == ("1250.30", "1190.30", "-60.00")
    assert [(deal["name"], deal["signed"], deal["now"], deal["change"]) for deal in restated["deals"]] == [
        ("acme", "800.10", "700.10", "-100.00"),
        ("cole", "50.00", "90.00", "40.00"),
    ]


async def test_a_signed_month_is_held_against_nothing_where_its_deals_were_not_read(client: Any) -> None:
    """A gap of unsigned months does not reach back to one of which a later card reads no deal."""
    api, _ = client
    await close(api)
    await sign(api)
    for month, compared in (("2025-12", 1), ("2026-01", 0)):
        with at(datetime(2026, 2, 5, 9, tzinfo=UTC)):
            await close(api, month=month)
            contents = (await draft(api, month))["contents"]
        assert (contents["restated"], contents["months_compared"]) == ([], compared)


async def test_a_month_that_is_opened_and_closed_again_is_signed_as_its_next_version(client: Any) -> None:
    api, _ = client
    await close(api)
    first = await sign(api)
    with at(datetime(2024, 11, 6, 9, tzinfo=UTC)):
        await close(api, "reopen")
        await close(api)
        second = await sign(api)
    assert (second["signature"]["version"], second["signature"]["position"]) == (2, 2)
    assert second["signature"]["previous_digest"] == first["signature"]["digest"]
    assert await get(api, f"/{MONTH}?version=1") == first
    assert (await get(api, f"/{MONTH}"))["signature"]["version"] == 2


async def test_a_question_stays_with_the_line_and_version_that_it_is_about(client: Any) -> None:
    api, _ = client
    await close(api)
    await sign(api)

    async def ask(status: int = 201, key: str = "", **body: Any) -> dict[str, Any]:
        answer = await api.post(
            f"/v1/forecast/scorecards/{MONTH}/versions/1/notes",
            json={"line": "bookings.month", "body": "Why so little?", **body},
            headers=CEO | ({"Idempotency-Key": key} if key else {}),
        )
        assert answer.status_code == status, answer.text
        found: dict[str, Any] = answer.json()
        return found

    asked = await ask(key="k")
    assert await ask(key="k") == asked
    await ask(409, key="k", body="Another question")
    answered = await ask(body="Bell came late.", answers=asked["note_id"])
    assert "has no line" in (await ask(422, line="bookings.week"))["detail"]
    await ask(422, line="landing", answers=asked["note_id"])
    assert (await get(api, f"/{MONTH}"))["notes"] == [asked, answered]
    with at(datetime(2024, 11, 6, 9, tzinfo=UTC)):
        await close(api, "reopen")
        await close(api)
        assert (await sign(api))["notes"] == []
    assert (await get(api, f"/{MONTH}?version=1"))["notes"] == [asked, answered]


async def test_orders_are_tied_out_by_deal_amount_currency_and_date(client: Any) -> None:
    api, _ = client
    lines = [
        "A-1,D-1,800.10,EUR,2024-10-21,1",
        "A-2,crm:D-2,390.20,EUR,2024-10-21,1",
        f"A-3,{named('cole')},50.00,EUR,2024-11-02,1",
        "A-4,D-4,70,EUR,2024-10-02,1",
        "A-5,nobody,33.33,EUR,2024-10-02,1",
    ]
    bad = ["A-6,D-1,ten,EUR,2024-10-02,1", "A-6,D-1,10,XYZ,2024-10-02,1", "A-6,D-1,10,EUR,2024-12-02,1"]
    done = await bring(api, *lines, *bad)
    assert (done["rows"], done["accepted"]) == (8, 5)
    assert [(row["line"], row["column"]) for row in done["refused"]] == [(7, "amount"), (8, "currency"), (9, "date")]
    assert (await bring(api, *reversed(lines)))["known"] == 5
    contradicted = await bring(api, "A-1,D-1,800.11,EUR,2024-10-21,1")
    assert [(row["column"], "higher revision" in row["reason"]) for row in contradicted["refused"]] == [
        ("amount", True)
    ]
    tied = await get(api, f"/{MONTH}/tie-out")
    found = {
        line["name"] or line["reference"]: (line["status"], line["differs"], line["difference"])
        for line in tied["lines"]
    }
    assert found == {
        "acme": ("matched", [], "0.00"),
        "bell": ("differing", ["amount"], "-10.00"),
        "cole": ("differing", ["currency", "date"], "0.00"),
        "sept": ("elsewhere", ["date"], None),
        "nobody": ("missing_in_crm", ["deal"], "33.33"),
        "yearly": ("missing_in_finance", [], "-50.00"),
    }
    assert (tied["crm"], tied["finance"], tied["unmatched"]) == ("1300.30", "1273.63", "93.33")

    await bring(api, "A-2,D-2,400.20,EUR,2024-10-21,2", "A-5,nobody,0,EUR,2024-10-02,2")
    await close(api)
    signed = await sign(api)
    assert signed["signature"]["unmatched"] == signed["contents"]["tie_out"]["unmatched"] == "50.00"
    after = await draft(api)
    await bring(api, "A-7,D-5,50,EUR,2024-10-30,1")
    assert (await draft(api))["digest"] != after["digest"], "what was read is no longer what would be signed"
    assert await get(api, f"/{MONTH}") == signed
    exported = await api.get(
        f"/v1/forecast/scorecards/{MONTH}/tie-out", params={"version": 1, "format": "csv"}, headers=CEO
    )
    table = list(csv.DictReader(io.StringIO(exported.text)))
    assert sum(Decimal(row["difference"]) for row in table if row["difference"]) == Decimal("-50.00")
    refused = await api.post(
        "/v1/forecast/imports/orders", content="order\n", headers=CSO | {"Content-Type": "text/csv"}
    )
    assert refused.status_code == 403


async def test_no_role_but_the_owner_changes_a_signed_document_and_the_chain_shows_where_he_did(
    opened: Any,
) -> None:
    api, runtime = opened
    database, chosen = runtime.database, runtime.settings
    await close(api)
    await sign(api)
    for day in (6, 7):
        with at(datetime(2024, 11, day, 9, tzinfo=UTC)):
            await close(api, "reopen")
            await close(api)
            await sign(api)
    whole = await get(api, "/verify")
    assert (whole["documents"], whole["is_whole"], whole["broken"]) == (3, True, None)
    changing = {"scorecard": "document", "scorecard_note": "body", "finance_order": "recorded_by"}
    for table, column in changing.items():
        for statement in ("DELETE FROM {0}", "UPDATE {0} SET {1} = ''", "TRUNCATE {0} CASCADE"):
            with pytest.raises(DBAPIError, match="permission denied"):
                async with database.transaction() as session:
                    await session.execute(text(statement.format(table, column)))
    owner = Database(chosen.model_copy(update={"database_url": chosen.owner_database_url}))
    try:
        await each_change_of_an_owner_is_shown(api, owner)
    finally:
        await owner.close()


async def each_change_of_an_owner_is_shown(api: Any, owner: Database) -> None:
    (document,) = await rows(owner, "SELECT document, digest FROM scorecard WHERE position = 2")
    changed = document["document"].replace("1250.30", "1250.31", 1)
    assert changed != document["document"]
    for change, back, position, why in (
        ("UPDATE scorecard SET document = :changed WHERE position = 2",
         "UPDATE scorecard SET document = :document WHERE position = 2", 2, "not the one that was signed"),
        (("UPDATE scorecard SET document = :changed, digest = encode(sha256(convert_to(previous_digest || E'\n' || :changed, "
         "'UTF8')), 'hex') WHERE position = 2"),
         "UPDATE scorecard SET document = :document, digest = :digest WHERE position = 2", 2, "contents are not those"),
        ("UPDATE scorecard SET digest = repeat('0', 64) WHERE position = 2",
         "UPDATE scorecard SET digest = :digest WHERE position = 2", 2, "not the one that was signed"),
        ("UPDATE scorecard SET signed_by = 'user:else' WHERE position = 3",
         "UPDATE scorecard SET signed_by = 'user:cso' WHERE position = 3", 3, "signed_by"),
        ("DELETE FROM scorecard WHERE position = 1", "", 2, "document 1 is missing"),
    ):  # fmt: skip
        given = {"changed": changed, **document}
        await run(owner, change, given)
        found = await get(api, "/verify")
        assert (found["is_whole"], found["broken"]["position"]) == (False, position)
        assert why in found["broken"]["why"]
        assert found["broken"]["period"] == MONTH
        if back:
            await run(owner, back, given)
            assert (await get(api, "/verify"))["is_whole"]


async def run(owner: Database, statement: str, given: dict[str, Any]) -> None:
    used = {name: value for name, value in given.items() if f":{name}" in statement}
    async with owner.transaction() as session:
        await session.execute(text(statement), used)


async def test_decisions_stand_on_the_card_as_they_had_turned_out_when_the_month_was_closed(client: Any) -> None:
    api, database = client
    plan = await in_force(api, await numbered(api, await a_plan(api, period="2024Q4"), "6000"))
    assert (await draft(api))["contents"]["no_decisions"]
    first = await decide(api, await review_of(api, plan), check_on="2024-11-06")
    with at(NOW + timedelta(days=3)):
        system = Principal.system("forecast")
        assert await watching.score_due(database, principal=system) == 1
        await decide(api, await review_of(api, plan), check_on="2024-11-30")
        await close(api)
        contents = (await draft(api))["contents"]
    with at(NOW + timedelta(days=4)):
        await decide(api, await review_of(api, plan), check_on="2024-12-01")
        later = (await draft(api))["contents"]
    assert later == contents, "what was decided after the closing stands on the next one"
    newest, earlier = contents["decisions"]
    assert (newest["outcome"], newest["came"], newest["check_on"]) == (None, None, "2024-11-30")
    assert (earlier["outcome"], earlier["came"]) == ("hit", "1250.30")
    assert earlier["line"] == f"decision.{first['review']['review_id']}"
    assert (contents["format"], contents["no_decisions"]) == ("scorecard-2", None)
    assert earlier["evidence_digest"] == first["review"]["digest"]
