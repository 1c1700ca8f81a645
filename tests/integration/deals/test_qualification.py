"""What leads knew is known of their deals, whatever comes first and whatever is merged."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

from libs.common.events.leads import LeadEvidenceHanded
from libs.common.ids import new_id, provisional_deal_id
from libs.common.qualification import Entry
from tests.integration.deals.books import apply
from tests.support.keys import bearer
from tests.unit.deals.given import day, deal_id, lead, lead_id, record
from tests.unit.deals.given import handed as buyer

NEED = {"element": "bant.need", "state": "confirmed", "source": "mail", "note": "they wrote so"}


def handed(name: str, note: str = "their press stands still") -> LeadEvidenceHanded:
    entry = Entry(
        entry_id=new_id(), element="bant.need", state="evidenced", source="call", note=note, author="ann", at=day(1)
    )
    return LeadEvidenceHanded(lead_id=lead_id(name), entry=entry)


async def known(client: Any, deal: Any) -> list[str]:
    answer = await client.get(f"/v1/deals/{deal}/evidence", headers=bearer("viewer"))
    assert answer.status_code == 200, answer.text
    return sorted(entry["note"] for entry in answer.json()["entries"])


async def test_what_was_handed_over_is_known_of_the_deal_that_the_lead_opened_and_of_the_one_that_absorbs_it(
    api_for: Callable[..., Any],
) -> None:
    client, runtime = api_for("deals")
    told = handed("L0")
    for events in ([told], [told, lead(1, day(1), "L0")]):
        async with runtime.database.transaction() as session:
            await apply(session, events)
    assert await known(client, provisional_deal_id(lead_id("L0"))) == ["their press stands still"]
    async with runtime.database.transaction() as session:
        await apply(session, [record(day(2), "D0", lead_id=lead_id("L0"))])
    assert await known(client, deal_id("D0")) == ["their press stands still"]


async def test_a_deal_knows_what_was_known_of_leads_merged_into_its_own_and_forgets_it_when_that_is_taken_back(
    api_for: Callable[..., Any],
) -> None:
    client, runtime = api_for("deals")
    async with runtime.database.transaction() as session:
        merged = lead(1, day(1), "L1", verdict="pending", deleted=True, merged_into=lead_id("L0"))
        await apply(session, [record(day(2), "D0", lead_id=lead_id("L0")), merged, handed("L1", "of L1"), handed("L0")])
    assert await known(client, deal_id("D0")) == ["of L1", "their press stands still"]
    async with runtime.database.transaction() as session:
        await apply(session, [lead(2, day(3), "L1", verdict="pending")])
    assert await known(client, deal_id("D0")) == ["their press stands still"]


async def test_a_deal_that_names_a_merged_lead_passes_the_gate_of_the_one_that_stands_for_it(
    api_for: Callable[..., Any],
) -> None:
    client, runtime = api_for("deals")

    async def gate() -> Any:
        return (await client.get(f"/v1/deals/{deal_id('D0')}", headers=bearer("viewer"))).json()["gate"]

    async with runtime.database.transaction() as session:
        await apply(session, [record(day(1), "D0", lead_id=lead_id("L1")), lead(1, day(1), "L1", verdict="pending")])
    assert await gate() == "waiting"
    async with runtime.database.transaction() as session:
        merged = lead(2, day(2), "L1", verdict="pending", deleted=True, merged_into=lead_id("L0"))
        await apply(session, [merged, lead(1, day(2), "L0", verdict="qualified")])
    assert await gate() == "passed"
    pursuit = await client.get(f"/v1/deals/{provisional_deal_id(lead_id('L0'))}", headers=bearer("viewer"))
    assert pursuit.json()["absorbed_into"] == str(deal_id("D0")), "one pursuit, not two"
    async with runtime.database.transaction() as session:
        await apply(session, [lead(3, day(4), "L1", verdict="pending")])
    assert await gate() == "waiting"


async def test_what_becomes_known_of_a_deal_stands_beside_it_and_gates_say_what_is_lacking(
    api_for: Callable[..., Any],
) -> None:
    client, runtime = api_for("deals")
    async with runtime.database.transaction() as session:
        await apply(session, [record(day(2), "D0")])
    made = await client.post(f"/v1/deals/{deal_id('D0')}/evidence", json=NEED, headers=bearer("seller"))
    assert made.status_code == 201, made.text
    gates = {gate["name"]: [lack["name"] for lack in gate["lacking"]] for gate in made.json()["gates"]}
    assert gates["qualified"] == ["Authority", "Timing"]
    assert gates["commit"] == ["Budget", "Economic buyer", "Decision process", "Paper process", "Champion"]
    refused = await client.post(f"/v1/deals/{deal_id('D0')}/evidence", json=NEED, headers=bearer("viewer"))
    assert refused.status_code == 403
    unseen = await client.get(f"/v1/deals/{deal_id('D0')}/evidence", headers=bearer("seller", scope=(new_id(),)))
    assert unseen.status_code == 404


async def test_the_deal_tells_of_its_economic_buyer_from_statements_about_it_and_about_its_leads(
    api_for: Callable[..., Any],
) -> None:
    client, runtime = api_for("deals")

    async def until() -> Any:
        answer = await client.get(f"/v1/deals/{deal_id('D0')}", headers=bearer("viewer"))
        found = answer.json()["economic_buyer_until"]
        return found and datetime.fromisoformat(found)

    async def happens(*events: Any) -> None:
        async with runtime.database.transaction() as session:
            await apply(session, events)

    await happens(buyer(day(1), "L1"), record(day(2), "D0", lead_id=lead_id("L0")))
    assert await until() is None, "nothing is known of its own lead"
    await happens(lead(1, day(3), "L1", verdict="pending", deleted=True, merged_into=lead_id("L0")))
    assert await until() == day(121), "what was said of a lead that is merged into its own"
    await happens(buyer(day(4), "L0"))
    assert await until() == day(124)
    await happens(record(day(5), "D0", lead_id=lead_id("L0"), amount=Decimal(5)))
    assert await until() == day(124), "a fold that is continued keeps it"
    said = {"element": "meddpicc.economic_buyer", "source": "call", "note": "wrong person", "at": day(6).isoformat()}
    made = await client.post(
        f"/v1/deals/{deal_id('D0')}/evidence", json=said | {"state": "void"}, headers=bearer("seller")
    )
    assert made.status_code == 201, made.text
    assert await until() is None
    timeline = await client.get(f"/v1/deals/{deal_id('D0')}/timeline", headers=bearer("viewer"))
    entry = timeline.json()["entries"][-1]
    assert entry["cause"]["event"] == made.json()["entries"][0]["entry_id"], "the statement is the cause"
