"""Contracts that fall due without a deal, by HTTP: in the number, in the months, as moved on by events, within one's scope."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from libs.common.ids import unit_id
from tests.integration.forecast.given import at, deal, handle, named, organisation
from tests.integration.forecast.test_projection import ask, money

NOW = datetime(2025, 12, 1, 9, tzinfo=UTC)
NAMES = ("closed", "open", "not_created", "renewals", "blend")
CENTS = Decimal("0.05")


def contract(name: str, owner: str, closed_on: date, amount: str, **other: Any) -> Any:
    told = datetime(closed_on.year, closed_on.month, closed_on.day, 10, tzinfo=UTC)
    about = {
        "valid_from": told, "recorded_at": told, "created_at": told - timedelta(days=40), "state": "won", "category": None,
        "close_date": closed_on, "closed_on": closed_on, "amount": Decimal(amount), "value_basis": "arr", "term_months": 12,
        "account_id": named(f"account of {name}"), "owner_id": named(owner), "deal_type": "new",
    }  # fmt: skip
    return deal(name, **about | other)


def adds_up(parts: dict[str, str]) -> None:
    assert sum(money(parts[name]) for name in NAMES) == money(parts["projection"])


async def test_what_falls_due_without_a_deal_is_expected_once_and_adds_up(
    api_for: Callable[[str], tuple[Any, Any]],
) -> None:
    api, runtime = api_for("forecast")
    await organisation(
        runtime.database, {"north/one": ["ada"], "south/three": ["dev"]}, at=datetime(2023, 1, 1, tzinfo=UTC)
    )
    taught = [
        contract(f"taught {n}", "ada" if n % 2 else "dev", date(2024, 1, 10) + timedelta(days=9 * n), "20000")
        for n in range(24)
    ]
    renewed = [
        contract(
            f"renewed {n}", "ada" if n % 2 else "dev", date(2025, 1, 10) + timedelta(days=9 * n), "21000",
            deal_type="renewal", account_id=named(f"account of taught {n}"),
        )
        for n in range(24)
        if n % 4
    ]  # fmt: skip
    ahead = [
        contract("ahead", "ada", date(2024, 12, 20), "120000.40"),
        contract("monthly", "dev", date(2025, 11, 25), "60000", term_months=1),
        contract("covered", "dev", date(2024, 12, 15), "50000"),
        contract("lost", "dev", date(2024, 12, 12), "70000"),
        contract("next year", "dev", date(2025, 2, 1), "90000"),
        contract("once", "dev", date(2024, 12, 15), "5000", value_basis="one_off"),
        contract("nobody's", "dev", date(2024, 12, 15), "5000", account_id=None),
        contract("no term", "ada", date(2024, 12, 15), "5000", term_months=None),
    ]
    told = datetime(2025, 11, 20, tzinfo=UTC)
    about = {
        "valid_from": told,
        "recorded_at": told,
        "created_at": told,
        "owner_id": named("dev"),
        "value_basis": "arr",
    }
    spoken = [
        deal("again", deal_type="renewal", account_id=named("account of covered"), amount=Decimal(50000),
             close_date=date(2025, 12, 18), **about),
        deal("gone", deal_type="renewal", account_id=named("account of lost"), amount=Decimal(70000), state="lost",
             category=None, close_date=date(2025, 11, 19), closed_on=date(2025, 11, 19), **about),
    ]  # fmt: skip
    await handle(runtime.database, [*taught, *renewed, *ahead, *spoken])
    with at(NOW):
        found = await ask(api)
        due = found["due"]
        adds_up(found["parts"])
        assert (due["contracts"], due["unknown"]) == (4, 2)
        assert [money(due[name]) for name in ("amount", "spoken", "ended", "left")] == [
            Decimal("300000.40"), 120000, 0, Decimal("180000.40")
        ]  # fmt: skip
        assert {each["name"]: each["ends_on"] for each in due["largest"]} == {
            "ahead": "2025-12-20",
            "monthly": "2025-12-25",
        }
        assert sum(money(each["expected"]) for each in due["largest"]) + money(due["others"]) == money(due["expected"])
        rate = due["rate"]
        assert rate["contracts"] == 24, "those that ended more than 90 days ago"
        assert rate["low"] <= 0.75 * 1.05 <= rate["high"]
        assert 0 < money(due["expected"]) < money(due["left"])
        listed = sum(money(each["expected"]) for each in found["contributions"]) + money(found["others"])
        assert listed + money(due["expected"]) == money(found["parts"]["open"]) + money(found["parts"]["renewals"])

        await the_parts_below_and_the_months_add_up(api, found)
        await what_comes_in_is_what_the_same_instants_give(api, runtime.database, found)


async def the_parts_below_and_the_months_add_up(api: Any, found: dict[str, Any]) -> None:
    """Units, types and months give the same; whoever sees only the south sees nothing of what the north has due."""
    north, south = [await ask(api, org=str(unit_id(path))) for path in ("north", "south")]
    kinds = [await ask(api, deal_type=kind) for kind in ("new", "renewal")]
    for pair in ((north, south), kinds):
        for name in NAMES:
            together = sum(money(each["parts"][name]) for each in pair)
            assert abs(together - money(found["parts"][name])) <= CENTS
    assert (kinds[0]["due"]["contracts"], kinds[1]["due"]["expected"]) == (0, found["due"]["expected"])
    own = await ask(api, scope=(unit_id("south"),))
    assert own["parts"] == south["parts"]
    assert [each["name"] for each in own["due"]["largest"]] == ["monthly"]
    assert (own["due"]["contracts"], own["due"]["unknown"]) == (3, 1)

    months = await ask(api, "projection/months")
    for org, row in (
        (str(unit_id("north")), next(row for row in months["rows"] if row["key"] == str(unit_id("north")))),
        (None, months["total"]),
    ):
        for month in (0, 2):
            alone = await ask(api, period=months["periods"][month]["key"], **({"org": org} if org else {}))
            shown = row["months"][month]["parts"]
            adds_up(shown)
            for name in NAMES:
                assert abs(money(shown[name]) - money(alone["parts"][name])) <= CENTS
    assert money(months["total"]["months"][2]["parts"]["renewals"]) > 50000, "what ends in February"


async def what_comes_in_is_what_the_same_instants_give(api: Any, database: Any, before: dict[str, Any]) -> None:
    """A contract and then a renewal of another come in: each moves the number at once, as it does when it is asked for again."""
    now = NOW + timedelta(hours=1)
    later = now + timedelta(minutes=10)
    coming = [
        contract("sold late", "ada", date(2025, 11, 28), "40000", term_months=1, valid_from=now, recorded_at=now),
        deal("begun", deal_type="renewal", account_id=named("account of ahead"), amount=Decimal("120000.40"),
             close_date=date(2025, 12, 19), valid_from=later, recorded_at=later, created_at=later, owner_id=named("ada"),
             value_basis="arr"),
    ]  # fmt: skip
    for minutes, event, left, terms in ((1, coming[0], "220000.40", 1), (20, coming[1], "100000.00", -1)):
        await handle(database, [event])
        with at(now + timedelta(minutes=minutes)):
            moved_on = await ask(api)
            months = await ask(api, "projection/months", by="owner")
        with at(now + timedelta(minutes=minutes + 5)):
            instants = {"as_of": moved_on["as_of"], "known_at": moved_on["known_at"]}
            again = await ask(api, **instants)
            assert {name: again[name] for name in ("parts", "bands", "due", "quantiles")} == {
                name: moved_on[name] for name in ("parts", "bands", "due", "quantiles")
            }
            assert (await ask(api, "projection/months", by="owner", **instants))["rows"] == months["rows"]
            why = await ask(api, "projection/moved", since=before["as_of"], since_known_at=before["known_at"])
        assert money(moved_on["due"]["left"]) == Decimal(left)
        moved = {each["term"]: money(each["amount"]) for each in why["terms"]}
        assert money(why["residual"]) == 0
        assert money(before["parts"]["projection"]) + sum(moved.values()) == money(moved_on["parts"]["projection"])
        assert moved["due"] == money(moved_on["due"]["expected"]) - money(before["due"]["expected"])
        assert (moved["due"] > 0) == (terms > 0)
        before = moved_on
