"""The page on movement as it is written: at either rate, with the bar that says what the two differ by."""

from decimal import Decimal
from typing import Any

import pytest

from gateway.pages.address import MovementView
from gateway.pages.calls.call import Part, fx_beside
from gateway.pages.movement.movement import _identity
from gateway.pages.templates import environment
from gateway.pages.views import movement_view
from services.forecast.movement.identity import CLOSED_TERMS

SHOWN = '{% from "_parts.html" import to, money %}{% include "movement/movement_identity.html" %}'


def closed(rate: str, opening: str, won: str, closing: str) -> dict[str, Any]:
    terms = [
        {"term": name, "amount": won if name == "won" else "0.00", "steps": int(name == "won")} for name in CLOSED_TERMS
    ]
    ends = {"as_of": "2026-11-22T12:00:00Z", "known_at": "2026-11-22T12:00:00Z"}
    return {
        "rate": rate,
        "currency": "EUR",
        "period": {"label": "Q4 2026"},
        "since": ends,
        "until": ends,
        "fx": {"opening": "10.00", "closing": "-30.00"},
        "closed": {"opening": opening, "terms": terms, "closing": closing, "change": won, "residual": "0.00"},
    }


@pytest.mark.parametrize(
    ("rate", "opening", "won", "closing"),
    [("constant", "100.00", "200.00", "300.00"), ("booked", "110.00", "160.00", "270.00")],
)
def test_closed_won_ends_with_the_bar_of_exchange_rates_whichever_rate_it_is_at(
    rate: str, opening: str, won: str, closing: str
) -> None:
    found, view = closed(rate, opening, won, closing), MovementView(rate=rate)  # type: ignore[arg-type]
    bar = fx_beside(Decimal(closing), Decimal(found["fx"]["closing"]), rate)
    assert bar == Part("fx", "450.00", "50.00"), "a tenth of closed won at constant rates, taken away"
    side = _identity("closed", found, view)
    html = environment().from_string(SHOWN).render(side=side, found=found, view=view, fx_bar=bar)
    assert 'value="-30.00" data-key="fx.closing"' in html
    assert 'value="10.00" data-key="fx.opening"' in html
    assert '<rect x="450.00" width="50.00"' in html
    assert ("rate=booked" in side.rows[0].href) == (rate == "booked")
    assert '<rect x="450.00"' not in environment().from_string(SHOWN).render(
        side=side, found=found, view=view, fx_bar=None
    )


def test_what_a_form_sends_back_unchanged_keeps_the_instants_of_the_address() -> None:
    exact, shown = "2026-11-22T12:00:31Z", "2026-11-22T13:00"
    form = {"since": shown, "since_shown": shown, "as_of": shown, "as_of_shown": shown}
    kept = movement_view(**form, since_kept=exact, as_of_kept=exact, rate="booked")
    assert (kept.since, kept.as_of, kept.rate) == (exact, exact, "booked")
    assert kept.asked("UTC")["rate"] == "booked"
    without = movement_view(**form)
    assert (without.since, without.as_of, without.rate) == ("", "", "constant")
    assert "rate" not in without.asked("UTC")
    chosen = movement_view(**form | {"since": "2026-11-01T00:00"}, since_kept=exact)
    assert (chosen.since, chosen.as_of) == ("2026-11-01T00:00", "")
