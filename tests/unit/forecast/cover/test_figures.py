"""Cover of all accounts together: what is unknown of one makes the sum unknown, never smaller."""

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.forecast.cover.figures import Told, covered

AMOUNTS = st.decimals(0, 10_000, places=2)
ACCOUNTS = st.lists(
    st.tuples(st.booleans(), st.lists(st.tuples(AMOUNTS, AMOUNTS, st.sampled_from(["EUR", "USD"])), max_size=2)),
    max_size=8,
)


def convert(amount: Decimal, currency: str) -> Decimal | None:
    return {"EUR": amount, "USD": amount * 2}.get(currency)


def account(has: bool, *amounts: tuple[Any, Any, str]) -> Told:
    told = [
        {
            "currency": currency,
            "open": str(opened),
            **({} if risk is None else {"at_risk": str(risk), "lapsed": str(risk)}),
        }
        for opened, risk, currency in amounts
    ]
    return Told(has, told)


@given(ACCOUNTS)
def test_accounts_with_and_without_an_executive_make_all_that_is_open(accounts: list[Any]) -> None:
    found = covered([account(has, *amounts) for has, amounts in accounts], convert)
    without = covered([account(True, *amounts) for has, amounts in accounts if not has], convert)
    assert found.with_executive is not None
    assert without.open is not None
    assert found.open == found.with_executive + without.open
    assert found.accounts == found.covered + without.accounts
    assert found.at_risk == sum(
        (convert(risk, currency) or 0 for _, amounts in accounts for _, risk, currency in amounts), Decimal()
    )


def test_what_is_unknown_of_one_account_is_unknown_of_all() -> None:
    known, untold = account(True, ("10", "4", "EUR")), account(False, ("5", None, "EUR"))
    found = covered([known, untold, account(True)], convert)
    assert (found.open, found.with_executive, found.at_risk, found.lapsed) == (15, 10, None, None)
    assert (found.accounts, found.covered) == (2, 1), "an account without open deals is none of them"
    assert covered([known, account(True, ("1", "1", "GBP"))], convert).open is None
