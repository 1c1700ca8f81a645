"""What campaigns brought and cost: sums of what was told, in whatever order, and never a figure that hides what is unknown."""

from datetime import date
from decimal import Decimal
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from services.forecast.campaigns.figures import FREE, NO_COST, NO_RATE, Line, Told, lines, total

RATES = {"EUR": Decimal(1), "USD": Decimal("0.5")}
AMOUNTS = st.decimals(0, 10_000, places=2)
PAIRS = st.lists(st.tuples(AMOUNTS, st.sampled_from(["EUR", "USD"])), max_size=2)
TOLD = st.lists(st.tuples(st.integers(1, 3), st.integers(1, 12), PAIRS, PAIRS, PAIRS, st.integers(0, 9)), max_size=8)


def convert(amount: Decimal, currency: str, month: date) -> Decimal | None:
    rate = RATES.get(currency)
    return None if rate is None else amount * rate


def amounts(pairs: list[tuple[Decimal, str]]) -> list[dict[str, str]]:
    return [{"amount": str(amount), "currency": currency} for amount, currency in pairs]


def told(number: int, month: int, cost: list, pipeline: list, won: list, leads: int) -> Told:
    touch = {
        "leads": leads,
        "accepted": 0,
        "deals": 0,
        "won_deals": 0,
        "pipeline": amounts(pipeline),
        "won": amounts(won),
    }
    said = {"cost": amounts(cost), "first": touch, "last": touch}
    return Told(UUID(int=number), date(2026, month, 1), f"C{number}", None, said)


@given(TOLD, st.randoms())
def test_campaigns_add_up_to_all_of_them_and_order_changes_nothing(given_: list, random: object) -> None:
    every = [told(*each) for each in given_]
    found = lines(every, convert)
    mixed = list(every)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    assert lines(mixed, convert) == found
    whole = total(found)
    assert whole.first.leads == sum(each[5] for each in given_)
    for name, at in (("pipeline", 3), ("won", 4)):
        assert getattr(whole.first, name) == sum(
            (convert(amount, currency, date(2026, 1, 1)) for each in given_ for amount, currency in each[at]), Decimal()
        )
    spent = [convert(amount, currency, date(2026, 1, 1)) for each in given_ for amount, currency in each[2]]
    assert whole.has_cost is bool(spent)
    assert (whole.cost or 0) == sum(each for each in spent if each is not None)


def one(**said: list) -> Line:
    given_ = {"cost": [], "pipeline": [], "won": []} | said
    (line,) = lines([told(1, 1, leads=1, **given_)], convert)
    return line


def test_a_return_says_why_there_is_none() -> None:
    won = [(Decimal(30), "EUR")]
    assert (one(won=won).why, one(won=won).cost) == (NO_COST, None)
    assert one(won=won, cost=[(Decimal(0), "EUR")]).why == FREE
    assert one(won=[(Decimal(1), "GBP")], cost=[(Decimal(1), "EUR")]).why == NO_RATE
    assert one(won=won, cost=[(Decimal(1), "GBP")]).why == NO_RATE
    known = one(won=won, cost=[(Decimal(20), "USD")])
    assert (known.why, known.roi(known.first)) == (None, Decimal("2.0000"))
