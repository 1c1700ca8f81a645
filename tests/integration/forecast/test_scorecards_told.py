"""What pricing, leads and deals tell, on the scorecard of a month: as it was known at the closing, and never on one that was signed."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson
import pytest
from sqlalchemy import text

from libs.common.events.deals import CoverAmount, CoverCounted
from libs.common.ids import ROOT_UNIT
from libs.common.messaging.topics import PRICING_EVENTS
from services.forecast.scorecard.sealing import canonical, chained, digest
from tests.integration.forecast.campaigning import counted
from tests.integration.forecast.given import at, handle, named, received
from tests.integration.forecast.planning import a_plan, child, in_force, numbered, read
from tests.integration.forecast.quotes import quote_of, weighed
from tests.integration.forecast.signing import CEO, KNOWN, MONTH, NOW, a_company, close, draft, get, sign, won
from tests.support.scorecards import first_format

LATER = KNOWN + timedelta(days=1)
AFTER = datetime(2024, 11, 20, 9, tzinfo=UTC)


@pytest.fixture(autouse=True)
def in_november() -> Iterator[None]:
    with at(NOW):
        yield


@pytest.fixture
async def client(api_for: Callable[[str], tuple[Any, Any]]) -> Any:
    api, runtime = api_for("forecast")
    await a_company(api, runtime.database)
    return api, runtime.database


def quoted(name: str, amount: str, **fields: Any) -> Any:
    about = {
        "amount": Decimal(amount),
        "amount_from": "quote",
        "quote_id": quote_of(name),
        "known": LATER,
        "since": LATER,
    }
    return won(name, 2, **(about | fields))


async def price(database: Any) -> None:
    """Of October 1,250.30: acme has all, bell's cost is unknown, cole is in dollars at 0.50 and has no list price."""
    await handle(
        database,
        [
            quoted("acme", "800.10", owner_id=named("ann"), market="DACH"),
            quoted("bell", "400.20", owner_id=named("bob"), deal_type="renewal"),
            quoted("cole", "100", currency="USD", owner_id=named("bob")),
        ],
    )
    await handle(
        database,
        [
            weighed("acme", "800.10", list_amount="1000", pocket_amount="750", cost_amount="450", known=LATER),
            weighed("bell", "400.20", list_amount="500", pocket_amount="400", known=LATER),
            weighed("cole", "100", currency="USD", pocket_amount="90", cost_amount="100", known=LATER),
        ],
    )


def line(contents: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = [each for each in contents["valued"] if each["line"] == name]
    return {key: found[key] for key in ("part", "whole", "share", "deals", "bookings", "covered")}


async def test_margin_and_price_realisation_are_of_the_deals_whose_quotes_tell_them_and_say_of_how_much(
    client: Any,
) -> None:
    api, database = client
    await price(database)
    await close(api)
    contents = (await draft(api))["contents"]
    assert contents["format"] == "scorecard-2"
    assert contents["bookings"][0]["closed"] == "1250.30"
    assert line(contents, "price_realisation") == {
        "part": "1150.00", "whole": "1500.00", "share": "0.7667", "deals": 2, "bookings": "1200.30", "covered": "0.9600",
    }  # fmt: skip
    assert line(contents, "margin") == {
        "part": "295.00", "whole": "795.00", "share": "0.3711", "deals": 2, "bookings": "850.10", "covered": "0.6799",
    }, "bell's cost is unknown: it is in no margin, and never one of 100 %"  # fmt: skip
    assert {each["line"] for each in contents["unknown"]} == {"campaigns", "executive_cover"}


async def test_what_is_told_after_the_closing_changes_nothing_of_the_month(client: Any) -> None:
    api, database = client
    await price(database)
    await close(api)
    before = await draft(api)
    with at(AFTER):
        told = {"list_amount": "900", "pocket_amount": "100", "cost_amount": "1"}
        await handle(database, [weighed("acme", "800.10", revision=2, known=AFTER, **told)])
        assert await draft(api) == before


async def test_markets_and_products_are_attained_by_the_plan_in_force_as_it_credits_them(client: Any) -> None:
    """The plan wants something of three markets of the company, and of a product of Ann's alone."""
    api, database = client
    with at(datetime(2024, 11, 4, 9, tzinfo=UTC)):
        plan = await a_plan(api, period="FY2024", value_basis="one_off")
        top = (await read(api, f"/{plan['plan_id']}/nodes", levels=0))["nodes"][0]["node_id"]
        plan = await numbered(api, plan, "90000")
        for market, amount in (("DACH", "1000"), ("Nordics", "500"), ("France", "100"), ("", "10")):
            plan, node = await child(api, plan, top, "market", market)
            if market == "DACH":
                plan, sold = await child(api, plan, node, "product", "Cloud")
                plan = await numbered(api, plan, "400", node=sold, period=MONTH)
            plan = await numbered(api, plan, amount, node=node, period=MONTH)
        await in_force(api, plan)
    await handle(
        database,
        [
            won(
                "dora",
                amount=Decimal("50.00"),
                product="Cloud",
                market="Nordics",
                owner_id=named("bob"),
                known=LATER,
                since=LATER,
            ),
            won(
                "emil",
                amount=Decimal("100.00"),
                product="Cloud",
                market="DACH",
                owner_id=named("bob"),
                known=LATER,
                since=LATER,
            ),
        ],
    )
    await close(api)
    markets, products, types = (await draft(api))["contents"]["cuts"]
    names = ("closed", "target", "credited", "attainment")
    assert {part["label"]: tuple(part[name] for name in names) for part in markets["parts"]} == {
        "DACH": ("900.10", "1000.00", "900.10", "0.9001"),
        "Nordics": ("450.20", "500.00", "450.20", "0.9004"),
        "France": ("0", "100.00", "0.00", "0.0000"),
        None: ("50.00", "10.00", "50.00", "5.0000"),
    }
    cloud = next(part for part in products["parts"] if part["label"] == "Cloud")
    assert tuple(cloud[name] for name in names) == ("150.00", "400.00", "100.00", "0.2500"), (
        "of DACH alone, as the plan has it"
    )
    assert (markets["no_target"], products["no_target"], "deal" in types["no_target"]) == (None, None, True)
    assert sum(Decimal(part["closed"]) for part in markets["parts"]) == Decimal("1400.30")


async def test_campaigns_stand_with_what_they_cost_and_brought_in_the_twelve_months_to_the_months_end(
    client: Any,
) -> None:
    api, database = client
    await handle(
        database,
        [
            counted("Fair", "2023-10", known=KNOWN, cost=[("7000", "EUR")], leads=70),
            counted("Fair", "2023-11", known=KNOWN, cost=[("100", "EUR")], leads=7, won=[("150", "EUR")]),
            counted(
                "Fair",
                "2024-10",
                known=KNOWN,
                cost=[("100", "USD")],
                leads=3,
                pipeline=[("30", "EUR")],
                last_won=[("75", "EUR")],
            ),
            counted("Fair", "2024-11", known=KNOWN, cost=[("9", "EUR")], leads=9),
            counted("Mail", "2024-05", known=KNOWN, leads=5, won=[("20", "EUR")]),
        ],
    )
    await close(api)
    found = (await draft(api))["contents"]["campaigns"]
    assert (found["since"], found["until"], "not lift" in found["caveat"]) == ("2023-11-01", "2024-10-31", True)
    fair, mail = found["parts"]
    assert (fair["label"], fair["cost"], fair["first"]["leads"]) == ("Fair", "150.00", 10)
    assert (fair["first"]["won"], fair["first"]["pipeline"], fair["first"]["roi"], fair["last"]["roi"]) == (
        "150.00", "30.00", "0.0000", "-0.5000",
    )  # fmt: skip
    assert (mail["cost"], mail["first"]["roi"], mail["reason"]) == (None, None, "no cost is known")
    assert (found["total"]["cost"], found["total"]["first"]["won"]) == ("150.00", "170.00")
    before = await draft(api)
    with at(AFTER):
        await handle(database, [counted("Fair", "2024-10", 2, known=AFTER, cost=[("1", "EUR")], leads=99)])
        assert await draft(api) == before, "what is counted after the closing stands on no closed month"


def cover(name: str, version: int = 1, *, has: bool, known: datetime = KNOWN, **amounts: tuple[str, str | None]) -> Any:
    """Open and at-risk money by currency."""
    told = CoverCounted(
        account_id=named(name),
        version=version,
        counted_at=known,
        has_executive=has,
        amounts=tuple(
            CoverAmount(
                currency=currency, open=Decimal(opened), at_risk=risk and Decimal(risk), lapsed=risk and Decimal(1)
            )
            for currency, (opened, risk) in amounts.items()
        ),
    )
    return received(told, told.account_id, version, at=known)


async def test_executive_cover_is_told_in_money_as_it_was_known_in_any_order(client: Any) -> None:
    api, database = client
    told = [
        cover("a", has=False, EUR=("5", None)),
        cover("a", 2, has=True, EUR=("300.30", "100.10"), USD=("50", "10")),
        cover("b", has=False, EUR=("99.70", "9.70")),
        cover("a", 3, has=False, known=AFTER),
    ]
    for order in (told, told[::-1], [told[1], told[0], told[3], told[2], told[1]]):
        await handle(database, order)
    await close(api)
    found = (await draft(api))["contents"]["cover"]
    assert (found["open"], found["with_executive"], found["share"]) == ("425.00", "325.30", "0.7654")
    assert (found["at_risk"], found["lapsed"], found["reason"]) == ("114.80", "2.50", None)
    assert (found["accounts"], found["covered"]) == (2, 1)


async def test_without_touchpoints_it_is_unknown_what_has_lapsed_and_without_an_executive_there_is_no_cover(
    client: Any,
) -> None:
    api, database = client
    await handle(database, [cover("a", has=False, EUR=("5", "1"))])
    contents = (await draft(api))["contents"]
    assert contents["cover"] is None
    (why,) = [each["reason"] for each in contents["unknown"] if each["line"] == "executive_cover"]
    assert "name one" in why
    await handle(database, [cover("a", 2, has=True, EUR=("5", None))])
    found = (await draft(api))["contents"]["cover"]
    assert (found["open"], found["at_risk"], found["lapsed"]) == ("5.00", None, None)
    assert "who spoke with whom" in found["reason"]


async def test_a_month_is_signed_once_all_that_was_told_by_its_closing_has_arrived(client: Any) -> None:
    api, database = client
    await close(api)
    await reached(database, NOW - timedelta(minutes=1))
    waiting = await draft(api)
    assert (waiting["can_be_signed"], "has arrived" in waiting["why_not"]) == (False, True)
    await sign(api, waiting["digest"], status=409)
    await reached(database, NOW + timedelta(minutes=1))
    assert (await sign(api))["signature"]["version"] == 1


async def reached(database: Any, instant: datetime) -> None:
    """All that pricing recorded up to an instant is here."""
    async with database.transaction() as session:
        await session.execute(
            text(
                """
                INSERT INTO consumer_position (topic, partition, cluster, log, next_offset, recorded_to)
                SELECT :topic, p, 'c', 'l', 0, cast(:at AS timestamptz) FROM generate_series(0, :last) p
                ON CONFLICT (topic, partition) DO UPDATE SET recorded_to = excluded.recorded_to
                """
            ),
            {"topic": PRICING_EVENTS.name, "last": PRICING_EVENTS.partitions - 1, "at": instant},
        )


async def test_a_scorecard_that_was_signed_before_more_was_told_stays_what_was_signed(client: Any) -> None:
    """A document of the first format, as a version of the product signed it that knew no more: read, proven, asked, restated."""
    api, database = client
    contents = (await draft(api))["contents"]
    old = first_format(contents)
    await store(database, old)
    card = await get(api, f"/{MONTH}")
    assert (card["format"], card["contents"]) == ("scorecard-1", old)
    assert (await get(api, "/verify"))["is_whole"] is True
    asked = {"line": "margin", "body": "When will it be known?"}
    answer = await api.post(f"/v1/forecast/scorecards/{MONTH}/versions/1/notes", json=asked, headers=CEO)
    assert answer.status_code == 201, answer.text
    with at(AFTER):
        await handle(
            database, [won("acme", 2, amount=Decimal("700.10"), owner_id=named("ann"), known=AFTER, since=AFTER)]
        )
    with at(datetime(2024, 12, 5, 9, tzinfo=UTC)):
        (restated,) = (await draft(api, "2024-11"))["contents"]["restated"]
        assert (restated["period"], restated["change"]) == (MONTH, "-100.00")
        assert (await get(api, f"/{MONTH}"))["contents"] == old
        await close(api, month="2024-11")
        following = await sign(api, month="2024-11")
        assert (following["format"], following["signature"]["position"]) == ("scorecard-2", 2)
        assert (await get(api, "/verify"))["is_whole"] is True


async def store(database: Any, contents: dict[str, Any]) -> None:
    """Hang a document in the chain as it was hung."""
    signature = {
        "position": 1, "unit_id": str(ROOT_UNIT), "period": MONTH, "version": 1, "contents_digest": digest(canonical(contents)),
        "previous_digest": "", "signed_by": "user:cso", "signed_at": NOW.isoformat(), "comment": "", "unmatched": None,
    }  # fmt: skip
    document = canonical({"contents": contents, "signature": signature})
    row = {
        "position": 1, "unit_id": ROOT_UNIT, "period_key": MONTH, "period_start": contents["start"], "period_end": contents["last_day"],
        "version": 1, "contents_digest": signature["contents_digest"], "document": document, "previous_digest": "",
        "digest": chained("", document), "signed_by": "user:cso", "signed_at": NOW,
    }  # fmt: skip
    async with database.transaction() as session:
        await session.execute(
            text("INSERT INTO scorecard SELECT * FROM jsonb_populate_record(NULL::scorecard, cast(:row AS jsonb))"),
            {"row": orjson.dumps(row, default=str).decode()},
        )
