"""The projection by HTTP: what it is made of, how sure it is, and what would have been said before."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from libs.common.db import Database
from libs.common.ids import ROOT_UNIT, unit_id
from services.forecast.projection.steps import LOST, OPEN, WON
from tests.calibration.worlds import STAGES, World, steps_of
from tests.integration.forecast.given import at, deal, handle, named, organisation
from tests.support.keys import bearer

DAYS = 700
"""From 1 January 2024 to the end of November 2025."""
NOW = datetime(2025, 12, 1, 9, tzinfo=UTC)
STATES = {OPEN: "open", WON: "won", LOST: "lost"}
SELLERS = ("ada", "ben", "cleo", "dev")


def company(seed: int = 4) -> list[Any]:
    """The events of a company of some 700 deals, each recorded when it happened."""
    steps = steps_of(World(deals_a_day=1.0), DAYS, seed)
    events, version, born, entered = [], dict[int, int](), dict[int, datetime](), dict[int, tuple[int, datetime]]()
    for row in range(len(steps)):
        number, state = int(steps.deal[row]), STATES[int(steps.state[row])]
        happened = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=float(steps.at[row]), hours=-1)
        version[number] = version.get(number, 0) + 1
        born.setdefault(number, happened)
        stage = int(steps.stage[row])
        if entered.get(number, (-1, happened))[0] != stage:
            entered[number] = (stage, happened)
        closed_on = happened.date() if state != "open" else None
        events.append(
            deal(
                f"deal {number}",
                version[number],
                recorded_at=happened,
                valid_from=happened,
                created_at=born[number],
                stage_entered_at=entered[number][1],
                state=state,
                stage=STAGES[stage],
                pipeline="default",
                segment=steps.segments[int(steps.segment[row])],
                amount=Decimal(f"{steps.amount[row]:.2f}"),
                category="pipeline" if state == "open" else None,
                close_date=closed_on,
                closed_on=closed_on,
                owner_id=named(SELLERS[number % len(SELLERS)]),
                deal_type="renewal" if number % 7 == 0 else "new",
            )
        )
    return events


@pytest.fixture
async def client(api_for: Callable[[str], tuple[Any, Any]]) -> AsyncIterator[Any]:
    client, runtime = api_for("forecast")
    teams = {"north/one": ["ada", "ben"], "north/two": ["cleo"], "south/three": ["dev"]}
    await organisation(runtime.database, teams, at=datetime(2023, 1, 1, tzinfo=UTC))
    events = company()
    for start in range(0, len(events), 1000):
        await handle(runtime.database, events[start : start + 1000])
    with at(NOW):
        yield client, runtime.database


async def ask(
    client: Any, path: str = "projection", scope: tuple[UUID, ...] = (ROOT_UNIT,), **asked: Any
) -> dict[str, Any]:
    answer = await client.get(f"/v1/forecast/{path}", params=asked, headers=bearer("cso", scope=scope))
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def money(text: str) -> Decimal:
    return Decimal(text)


async def test_the_projection_of_a_period_is_what_it_is_made_of(client: Any) -> None:
    api, database = client
    found = await ask(api, target="1")
    parts = {name: money(amount) for name, amount in found["parts"].items()}
    whole = parts.pop("projection")

    assert sum(parts.values()) == whole, "closed + open + not created + renewals + blend"
    call = await ask(api, "call")
    assert parts["closed"] == money(call["lines"]["closed_won"]["amount"]) > 0
    assert min(parts["open"], parts["not_created"], parts["renewals"]) > 0
    listed = sum(money(each["expected"]) for each in found["contributions"])
    assert listed + money(found["others"]) == parts["open"] + parts["renewals"]

    low, high = (money(found["bands"][0][end]) for end in ("low", "high"))
    assert parts["closed"] <= low < whole < high
    amounts = [money(each["amount"]) for each in found["quantiles"]]
    assert amounts == sorted(amounts)
    assert found["quantiles_add"] is False
    assert sum(each["share"] for each in found["histogram"]) == pytest.approx(1)
    assert found["target"]["probability"] == 1
    assert found["fan"][-1]["day"] == "2025-12-31"
    assert [each["closed"] is None for each in found["fan"]] == sorted(each["closed"] is None for each in found["fan"])
    assert found["width"]["label"] == "prior", "there are fewer than nine quarters"
    assert sum(each["weight"] for each in found["blend"]) == pytest.approx(1, abs=1e-3)

    await the_nodes_below_add_up(api, whole, parts)
    await what_is_supposed_adds_up(api, found)
    await what_cannot_be_supposed_is_told(api)
    await what_would_have_to_be_true_makes_it_so(api)
    await what_is_known_later_changes_nothing_said_before(api, database)
    await what_is_over_is_what_was_closed(api)
    await a_day_of_the_past_is_seen_as_it_was(api)
    await nobody_sees_more_than_their_own(api)
    await a_quarter_is_judged_by_those_before(api)


async def the_nodes_below_add_up(api: Any, whole: Decimal, parts: dict[str, Decimal]) -> None:
    """Means add from team to company to within the rounding of each part; so do the parts."""
    below = [await ask(api, org=str(unit_id(path))) for path in ("north", "south")]
    assert sum(money(each["parts"]["projection"]) for each in below) == pytest.approx(whole, abs=Decimal("0.05"))
    for name, amount in parts.items():
        assert sum(money(each["parts"][name]) for each in below) == pytest.approx(amount, abs=Decimal("0.05"))
    kinds = [await ask(api, deal_type=kind) for kind in ("new", "renewal")]
    assert sum(money(each["parts"]["projection"]) for each in kinds) == pytest.approx(whole, abs=Decimal("0.05"))
    assert money(kinds[0]["parts"]["renewals"]) == 0 == money(kinds[1]["parts"]["open"])


async def what_is_supposed_adds_up(api: Any, found: dict[str, Any]) -> None:
    """Each supposition's change is to the cent; none of them changes what is stored."""
    first, second = (each["deal_id"] for each in found["contributions"][:2])
    supposed = [f"won:{first}:5000", f"lost:{second}", "added:1000:0.5", "without:1", "pace:1.2", "creation:0"]
    told = await ask(api, "projection/what-if", suppose=supposed, target="1")
    assert told["as_is"]["parts"] == found["parts"]
    assert told["as_is"]["bands"] == found["bands"]
    assert [each["suppose"] for each in told["effects"]] == supposed
    assert [each["deal"] and each["deal"]["deal_id"] for each in told["effects"]] == [first, second, *[None] * 4]
    number = money(told["as_is"]["parts"]["projection"])
    for each in told["effects"]:
        number += money(each["change"])
        assert number == money(each["projection"])
    parts = {name: money(amount) for name, amount in told["supposed"]["parts"].items()}
    assert number == parts.pop("projection") == sum(parts.values())
    assert parts["not_created"] == 0, "nothing is created any more"
    contributed = {each["deal_id"]: money(each["expected"]) for each in found["contributions"]}
    changes = [money(each["change"]) for each in told["effects"]]
    assert changes[0] == pytest.approx(5000 - contributed[first], abs=Decimal("0.02"))
    assert changes[1] == pytest.approx(-contributed[second], abs=Decimal("0.02"))
    assert changes[2] == pytest.approx(Decimal(500), abs=Decimal("0.02"))
    assert changes[3] < 0 < changes[4]
    assert told["supposed"]["target"]["probability"] == 1
    assert (await ask(api))["parts"] == found["parts"]
    assert found["suggested"]["amount"] == found["quantiles"][3]["amount"], "the middle, as both errors cost the same"


async def what_cannot_be_supposed_is_told(api: Any) -> None:
    won = (await ask(api, "deals", line="closed_won"))["items"][0]["deal_id"]
    wrong = {
        "won": "is none of won:<deal>",
        "won:x": "'x' is not the id of a deal",
        f"lost:{won}": f"'{won}' is not an open deal of",
        "added:-1": "'-1' is not an amount of 0 or more",
        "added:1:2": "'2' is not a chance from 0 to 1",
        "without:0": "'0' is not a number of deals",
        "pace:5": "'5' is not a factor from 0 to 4",
        "creation:nan": "'nan' is not a factor",
        "pace:1:2": "is none of",
    }
    for text, why in wrong.items():
        answer = await api.get("/v1/forecast/projection/what-if", params={"suppose": text}, headers=bearer("cso"))
        assert answer.status_code == 422, text
        assert why in answer.json()["detail"]
        assert repr(text) in answer.json()["detail"]
    over = {"suppose": "without:1", "period": "2025Q2"}
    answer = await api.get("/v1/forecast/projection/what-if", params=over, headers=bearer("cso"))
    assert (answer.status_code, answer.json()["detail"]) == (
        422,
        "period: Q2 2025 is over; what was closed is known.",
    )


async def what_would_have_to_be_true_makes_it_so(api: Any) -> None:
    """Whatever is named as enough is enough when it is supposed."""
    found = await ask(api)
    target = found["quantiles"][4]["amount"]
    told = await ask(api, "projection/needed", target=target, wanted="0.3")
    assert told["probability"] == pytest.approx(0.25, abs=1e-3)
    enough = [[f"won:{each['deal']['deal_id']}" for each in told["deals"]]] if told["deals_suffice"] else []
    enough += [[f"{kind}:{told[kind]}"] for kind in ("pace", "creation") if told[kind] is not None]
    assert len(enough) >= 2
    for supposed in enough:
        likely = (await ask(api, "projection/what-if", suppose=supposed, target=target))["supposed"]["target"]
        assert likely["probability"] >= 0.3


async def what_is_known_later_changes_nothing_said_before(api: Any, database: Database) -> None:
    then = {"as_of": "2025-11-10T12:00:00Z", "known_at": "2025-11-10T12:00:00Z"}
    before, past = await ask(api, **then), await ask(api, "projection/past", **then)
    late = datetime(2025, 11, 30, tzinfo=UTC)
    await handle(
        database,
        [
            deal(
                f"late {n}",
                recorded_at=late,
                valid_from=late,
                state="won",
                amount=Decimal(90_000),
                closed_on=date(2025, 11, 5),
            )
            for n in range(20)
        ],
    )
    again = await ask(api, **then)
    of_now = dict.fromkeys(("watermark", "behind_s", "business_date"))
    assert before | of_now == again | of_now
    assert past | of_now == await ask(api, "projection/past", **then) | of_now
    assert money((await ask(api))["parts"]["closed"]) > money(before["parts"]["closed"])


async def what_is_over_is_what_was_closed(api: Any) -> None:
    over = await ask(api, period="2025Q2")
    assert over["is_over"]
    assert over["parts"]["projection"] == over["parts"]["closed"] == over["quantiles"][0]["amount"]
    assert over["contributions"] == []
    later = await ask(api, period="2026Q1")
    assert not later["is_over"]
    assert money(later["parts"]["closed"]) == 0 < money(later["parts"]["not_created"])


async def a_day_of_the_past_is_seen_as_it_was(api: Any) -> None:
    """What was closed after a business date is not closed on it, and what was open then is to come."""
    seen, then = await ask(api, date="2025-11-10"), await ask(api, as_of="2025-11-10T22:59:59.999999Z")
    assert seen["parts"] == then["parts"]
    assert money(seen["parts"]["closed"]) < money((await ask(api))["parts"]["closed"])
    assert seen["business_date"]["day"] == "2025-11-10"


async def nobody_sees_more_than_their_own(api: Any) -> None:
    scope = (unit_id("south"),)
    own = await ask(api, scope=scope)
    assert own["parts"] == (await ask(api, org=str(unit_id("south"))))["parts"]
    refused = await api.get(
        "/v1/forecast/projection", params={"org": str(unit_id("north"))}, headers=bearer("cso", scope=scope)
    )
    assert refused.status_code == 403
    negative = await api.get("/v1/forecast/projection", params={"target": "-1"}, headers=bearer("cso"))
    assert negative.status_code == 422
    assert "target" in negative.json()["detail"]


async def a_quarter_is_judged_by_those_before(api: Any) -> None:
    found = await ask(api, "projection/past")
    assert [each["period"]["key"] for each in found["periods"]][:2] == ["2025Q3", "2025Q2"]
    latest = found["periods"][0]
    assert [each["day"] for each in latest["sayings"]] == [1, 31, 61]
    for each in latest["sayings"]:
        assert each["hit"] == (money(each["low"]) <= money(latest["closed"]) <= money(each["high"]))
    assert found["why_empty"] is None
    judged = {(each["day"], each["method"]): each for each in found["methods"]}
    errors = [
        (money(each["projection"]), money(period["closed"]))
        for period in found["periods"]
        for each in period["sayings"]
        if each["day"] == 31
    ]
    assert judged[31, "foretell"]["wape"] == pytest.approx(
        float(sum(abs(said - came) for said, came in errors) / sum(came for _, came in errors)), abs=1e-4
    )


async def test_with_next_to_nothing_it_still_answers_and_says_from_what(api_for: Any) -> None:
    api, runtime = api_for("forecast")
    await organisation(runtime.database, {"north/one": ["ada"]})
    with at(NOW):
        empty = await ask(api)
        assert empty["parts"]["projection"] == empty["parts"]["not_created"]
        assert empty["prior"]["wins"] == 0
        assert (await ask(api, "projection/past"))["why_empty"]
        opened = datetime(2025, 11, 20, tzinfo=UTC)
        await handle(
            runtime.database,
            [
                deal(
                    "one",
                    valid_from=opened,
                    recorded_at=opened,
                    created_at=opened,
                    owner_id=named("ada"),
                    close_date=date(2025, 12, 20),
                )
            ],
        )
        one = await ask(api)
        assert 0 < money(one["parts"]["open"]) < 1000
        low, high = (money(one["bands"][0][end]) for end in ("low", "high"))
        assert high - low > money(one["parts"]["projection"]), "thin data is a wide band"


async def test_what_was_read_before_it_counts_as_known_is_in_the_number_as_soon_as_it_does(api_for: Any) -> None:
    """What is known reaches only as far as everything has arrived; nothing new need come for the rest to count."""
    api, runtime = api_for("forecast")
    await organisation(runtime.database, {"north/one": ["ada"]})
    soon = NOW + timedelta(seconds=5)
    about = {"owner_id": named("ada"), "close_date": date(2025, 12, 20), "created_at": soon}
    await handle(runtime.database, [deal("soon", valid_from=soon, recorded_at=soon, **about)])
    with at(NOW):
        assert money((await ask(api))["parts"]["open"]) == 0
    with at(NOW + timedelta(seconds=10)):
        assert money((await ask(api))["parts"]["open"]) > 0
