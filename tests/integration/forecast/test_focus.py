"""Where an hour of attention is worth most: every term is that of another reading, within scope, and people may say more."""

import csv
import io
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import permutations
from typing import Any
from uuid import UUID

import pytest

from libs.common.events.deals import AccountChanged
from libs.common.ids import ROOT_UNIT, unit_id
from libs.common.web.auth import Principal
from services.forecast.focus import repository
from tests.integration.forecast.given import AT, deal, handle, named, organisation, received
from tests.integration.forecast.given import at as clock_at
from tests.integration.forecast.quotes import quote_of, weighed
from tests.integration.forecast.test_calls_import import upload
from tests.integration.forecast.test_projection import NOW, ask, company, money
from tests.support.keys import bearer

NORTH, SOUTH = unit_id("north"), unit_id("south")
ONE = {"period": "2025Q4", "value_basis": "one_off"}
BEFORE = NOW - timedelta(days=5)
LAST_YEAR = NOW - timedelta(days=300)
WEIGHTS = {"plan_gap": 40, "account_tier": 20, "whitespace": 15, "reference": 15, "displacement": 10}
ASSUMED = {"uplift": "0.05", "hours": "4", "emphasis": "1", "weights": WEIGHTS, "tiers": {"gold": "1"}}


def account(name: str, version: int = 1, **fields: Any) -> Any:
    data = AccountChanged(account_id=named(name), version=version, **({"valid_from": AT, "name": name} | fields))
    return received(data, data.account_id, version)


def sold(name: str, **fields: Any) -> list[Any]:
    """A deal of ada that is open, or won with `closed_on`."""
    about = {"created_at": BEFORE, "owner_id": named("ada"), "stage": "Propose", "pipeline": "default"}
    about |= {"valid_from": BEFORE, "recorded_at": BEFORE, "stage_entered_at": BEFORE, "close_date": None}
    return [deal(name, **(about | fields))]


@pytest.fixture
async def api(api_for: Callable[[str], tuple[Any, Any]]) -> AsyncIterator[Any]:
    client, runtime = api_for("forecast")
    teams = {"north/one": ["ada", "ben"], "north/two": ["cleo"], "south/three": ["dev"]}
    await organisation(runtime.database, teams, at=datetime(2023, 1, 1, tzinfo=UTC))
    of_acme = {"account_id": named("acme"), "amount": Decimal(90_000)}
    won = {"state": "won", "closed_on": LAST_YEAR.date(), "valid_from": LAST_YEAR, "recorded_at": LAST_YEAR}
    extra = [
        *sold("had already", product="Suite", **of_acme),
        *sold("would be new", product="Cloud", **of_acme),
        *sold("of no account", product="Cloud", amount=Decimal(90_000)),
        *sold("sold before", product="Suite", **(of_acme | won | {"created_at": LAST_YEAR})),
    ]
    await handle(runtime.database, [account("acme", tier=" Gold ")])
    events = [*company(), *extra]
    for start in range(0, len(events), 1000):
        await handle(runtime.database, events[start : start + 1000])
    with clock_at(NOW):
        yield client, runtime.database


async def post(client: Any, path: str, body: Any, status: int = 200, role: str = "cso", **more: Any) -> dict[str, Any]:
    scope: tuple[UUID, ...] = more.pop("scope", (ROOT_UNIT,))
    headers = bearer(role, subject=role, scope=scope) | {"Idempotency-Key": more.pop("key", f"{path}{body}")}
    answer = await client.post(f"/v1/forecast/focus/{path}", json=body, headers=headers)
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


def named_deals(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in (*found["deals"], *found["missed"])}


def share(deal: dict[str, Any], term: str) -> float | None:
    (found,) = [each["share"] for each in deal["terms"] if each["term"] == term]
    return None if found is None else float(found)


async def test_every_term_is_that_of_another_reading_and_makes_the_order(api: Any) -> None:
    client, _ = api
    rows = f"company,,2025Q4,9000000\n,{named('ada')},2025Q4,2000000\nsouth,,2025Q4,1\n"
    assert (await upload(client, "quotas", "unit,owner,period,amount\n" + rows))["refused"] == []
    await post(client, "assumptions", ASSUMED)
    found = await ask(client, "focus", hours="4000", **ONE)
    projection = await ask(client, "projection", **ONE)
    attained = await ask(client, "attainment", below="all", **ONE)
    deals = named_deals(found)
    assert (found["open"], found["fitting"], found["missed"]) == (len(found["deals"]), len(found["deals"]), [])
    assert money(found["used"]) == 4 * found["fitting"]

    chances = {each["name"]: each for each in projection["contributions"]}
    assert len(chances) > 5
    for name, each in chances.items():
        assert deals[name]["chance"] == pytest.approx(each["chance"], abs=1e-6)
        assert money(deals[name]["worth"]) == money(each["brings"])

    gaps = {each["node"]["id"]: each["gap"] for each in (attained["node"], *attained["below"])}
    acme, south = deals["would be new"], [each for each in deals.values() if each["owner_id"] == str(named("dev"))]
    assert share(acme, "plan_gap") == pytest.approx(
        float(money(acme["worth"]) / money(gaps[str(named("ada"))])), abs=1e-4
    )
    cleo = next(each for each in deals.values() if each["owner_id"] == str(named("cleo")))
    assert share(cleo, "plan_gap") == pytest.approx(float(money(cleo["worth"]) / money(gaps[str(NORTH)])), abs=1e-4), (
        "without a number of their own that of the nearest unit above"
    )
    assert {share(each, "plan_gap") for each in south} == {0.0}, "their unit has more than it was to have"
    assert [share(deals[name], "whitespace") for name in ("had already", "would be new", "of no account")] == [
        0,
        1,
        None,
    ]
    assert [share(deals[name], "account_tier") for name in ("had already", "of no account")] == [1.0, None]

    for each in deals.values():
        points = sum(term["points"] or 0 for term in each["terms"])
        chance = each["chance"]
        assert each["strategic"] == pytest.approx(points, abs=1e-3)
        assert each["uplift"] == pytest.approx(0.2 * chance * (1 - chance), abs=1e-5)
        assert float(each["gain"]) == pytest.approx(float(each["financial"]) * (1 + points / 100), rel=1e-3, abs=0.02)
        assert float(each["by_the_hour"]) == pytest.approx(float(each["gain"]) / 4, rel=1e-3, abs=0.02)
    order = [money(each["by_the_hour"]) for each in found["deals"]]
    assert order == sorted(order, reverse=True)
    assert [each["rank"] for each in found["deals"]] == list(range(1, len(order) + 1))


async def test_twelve_hours_name_three_deals_and_who_just_missed(api: Any) -> None:
    client, _ = api
    found = await ask(client, "focus", **ONE)
    assert (found["fitting"], found["hours"], found["used"]) == (3, "12", "12")
    assert [each["rank"] for each in (*found["deals"], *found["missed"])] == list(range(1, 9))
    assert found["target"] == "none"
    assert {share(each, "plan_gap") for each in found["deals"]} == {None}, "without a target nothing is known of a gap"
    assert (found["without_margin"], {each["worth_is"] for each in found["deals"]}) == (found["open"], {"amount"})
    assert (found["assumptions"]["said_by"], found["assumptions"]["weights"]) == (None, WEIGHTS)

    each = await ask(client, "focus", whose="each", hours="8", **ONE)
    assert (each["fitting"], each["used"]) == (8, "32"), "four sellers have eight hours each"

    first, fourth = found["deals"][0], found["missed"][0]
    await post(client, f"deals/{first['deal_id']}", {"hours": "11"})
    after = await ask(client, "focus", **ONE)
    assert named_deals(after)[first["name"]]["hours_are"] == "said"
    assert named_deals(after)[fourth["name"]]["fits"]

    answer = await client.get(
        "/v1/forecast/focus", params=ONE | {"format": "csv"}, headers=bearer("cso", scope=(ROOT_UNIT,))
    )
    lines = list(csv.DictReader(io.StringIO(answer.text)))
    told = [*after["deals"], *after["missed"]]
    assert [(line["deal_id"], line["gain"], line["fits"]) for line in lines] == [
        (deal["deal_id"], deal["gain"], str(deal["fits"])) for deal in told
    ]


async def test_nobody_sees_or_speaks_of_deals_beyond_their_scope(api: Any) -> None:
    client, _ = api
    whole = await ask(client, "focus", hours="4000", **ONE)
    theirs = await ask(client, "focus", hours="4000", scope=(SOUTH,), **ONE)
    assert {each["owner_id"] for each in theirs["deals"]} == {str(named("dev"))}
    assert 0 < theirs["open"] < whole["open"]
    other = next(each for each in whole["deals"] if each["owner_id"] == str(named("ada")))
    said = {"reference": "1"}
    await post(client, f"deals/{other['deal_id']}", said, status=404, role="manager", scope=(SOUTH,))
    await post(client, f"deals/{other['deal_id']}", said, status=403, role="viewer")
    await post(client, "assumptions", ASSUMED, status=403, role="manager")
    after = await ask(client, "focus", hours="4000", **ONE)
    assert after["deals"] == whole["deals"]
    await post(client, f"deals/{other['deal_id']}", said, role="manager", scope=(NORTH,))
    after = named_deals(await ask(client, "focus", hours="4000", **ONE))[other["name"]]
    assert share(after, "reference") == 1.0
    assert after["strategic"] == pytest.approx(other["strategic"] + 15)


async def test_what_is_said_twice_is_said_once_and_what_is_wrong_is_refused_by_name(api: Any) -> None:
    client, _ = api
    first = await post(client, "assumptions", ASSUMED, key="one")
    assert (await post(client, "assumptions", ASSUMED, key="one"))["said_at"] == first["said_at"]
    await post(client, "assumptions", ASSUMED | {"uplift": "0.1"}, key="one", status=409)
    wrong = ASSUMED | {"weights": WEIGHTS | {"plan_gap": 41}}
    assert "add up to 101, not to 100" in str(await post(client, "assumptions", wrong, status=422))
    partly = ASSUMED | {"weights": {"plan_gap": 100}}
    assert "account_tier, whitespace" in str(await post(client, "assumptions", partly, status=422))
    await post(client, f"deals/{named('nothing')}", {"hours": "1"}, status=404)


async def test_in_any_order_and_repetition_an_account_has_the_tier_of_the_end_of_its_timeline(api: Any) -> None:
    _, database = api
    told = [
        account("birch", 1, tier="A"),
        account("birch", 2, tier="C", valid_from=AT + timedelta(days=2)),
        account("birch", 3, tier="B", valid_from=AT + timedelta(days=1)),
    ]
    for number, order in enumerate(permutations(told)):
        name = f"birch {number}"
        mine = [each.data.model_copy(update={"account_id": named(name)}) for each in (*order, order[0])]
        for one in mine:
            await handle(database, [received(one, one.account_id, one.version)])
        async with database.reading() as session:
            found = await repository.tiers(session, [named(name)], principal=Principal.system("forecast"))
        assert found == {named(name): "c"}


async def test_a_deal_counts_by_its_margin_where_its_cost_is_known_and_else_by_its_amount_and_says_so(api: Any) -> None:
    client, database = api
    rows = "company,,2025Q4,9000000\n"
    assert (await upload(client, "quotas", "unit,owner,period,amount\n" + rows))["refused"] == []
    before = await ask(client, "focus", hours="4000", **ONE)
    assert before["without_margin"] == before["open"]
    about = {"account_id": named("acme"), "amount": Decimal(90_000), "amount_from": "quote", "version": 2}
    later = BEFORE + timedelta(hours=1)
    names = ("had already", "would be new", "of no account")
    await handle(
        database,
        [
            each
            for name in names
            for each in sold(name, **about, quote_id=quote_of(name), valid_from=later, recorded_at=later)
        ],
    )
    await handle(
        database,
        [
            weighed(
                "had already", "90000", pocket_amount="85500", cost_amount="45000", below_floor="1500.50", known=later
            ),
            weighed("would be new", "90000", pocket_amount="85500", known=later),
            weighed("of no account", "90000", pocket_amount="40000", cost_amount="45000", known=later),
        ],
    )
    found = await ask(client, "focus", hours="4000", **ONE)
    deals = named_deals(found)
    assert found["without_margin"] == found["open"] - 2
    known = deals["had already"]
    assert (known["worth_is"], known["margin_share"], known["below_floor"]) == ("margin", 0.45, "1500.50")
    assert money(known["worth"]) == pytest.approx(money(known["amount"]) * Decimal("0.45"), abs=Decimal("0.01"))
    assert float(money(known["financial"])) == pytest.approx(float(money(known["worth"])) * known["uplift"], rel=1e-4)
    unknown = deals["would be new"]
    assert (unknown["worth_is"], unknown["margin_share"], unknown["worth"]) == ("amount", None, unknown["amount"])
    assert share(known, "plan_gap") == share(unknown, "plan_gap"), "a plan of bookings lacks bookings, not margin"
    assert deals.get("of no account") is None or money(deals["of no account"]["gain"]) == 0, "a loss is worth no hour"
    assert unknown["rank"] < known["rank"]
    seller = await client.get(
        "/v1/forecast/focus", params={"hours": "4000", **ONE}, headers=bearer("seller", scope=(ROOT_UNIT,))
    )
    shown = named_deals(seller.json())["had already"]
    assert (shown["worth_is"], shown["margin_share"], shown["worth"]) == ("amount", None, known["amount"])
    assert (seller.json()["costs_shown"], found["costs_shown"]) == (False, True), "a seller is shown no costs"
    answer = await client.get(
        "/v1/forecast/focus",
        params={"hours": "4000", "format": "csv", **ONE},
        headers=bearer("cso", scope=(ROOT_UNIT,)),
    )
    (line,) = [row for row in csv.DictReader(io.StringIO(answer.text)) if row["name"] == "had already"]
    assert (line["worth_is"], line["worth"], line["amount"]) == ("margin", known["worth"], known["amount"])
