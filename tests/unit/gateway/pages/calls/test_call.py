import json
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from gateway.pages.address import CallView
from gateway.pages.calls.call import LINES, CallPage, Part, certainty, fx_bar, label_of, rows
from gateway.pages.templates import HERE, environment

EXAMPLE = HERE.parents[1] / "docs" / "api" / "forecast-call.example.json"


def _sum(amount: str = "0.00", count: int = 0) -> dict[str, Any]:
    return {"count": count, "amount": amount, "weighted": amount, "unpriced_count": 0, "unweighted_count": 0}


def _part(key: str | None, kind: str, label: str | None = None, *, children: bool = False) -> dict[str, Any]:
    lines = {line: _sum() for line in LINES}
    return {
        "key": key, "kind": kind, "label": label, "has_children": children, "total": _sum(), "lines": lines,
        "beside": {"held_back": _sum()},
    }  # fmt: skip


def test_an_open_unit_shows_its_children_below_it_and_a_closed_one_does_not() -> None:
    north, south, seller = str(uuid4()), str(uuid4()), str(uuid4())
    call = {
        "tree": {
            "children": [_part(north, "unit", "North", children=True), _part(south, "unit", "South", children=True)]
        }
    }
    page = CallPage(call, None, {UUID(north): [_part(seller, "owner")]})
    view = CallView(open=(UUID(north),))

    shown = rows(page, view, {UUID(seller): "Ada Lovell"})

    assert [(row.label, row.depth, row.is_open) for row in shown] == [
        ("North", 0, True),
        ("Ada Lovell", 1, False),
        ("South", 0, False),
    ]
    assert shown[0].toggle == "/call"
    assert shown[2].toggle == f"/call?open={north},{south}"


def test_an_owner_whom_the_directory_does_not_know_is_still_told_apart() -> None:
    owner = UUID("0c1d6a8b-5d0c-5b7e-9a53-6f0e7a527f11")
    assert label_of(_part(str(owner), "owner"), {}) == "Person 0c1d6a8b"
    assert label_of(_part(None, "owner"), {}) == "Nobody"
    assert label_of(_part(None, "value"), {}) == "Not given"


def test_the_bar_of_certainty_is_full_and_in_order_of_certainty() -> None:
    lines = {line: _sum(amount) for line, amount in zip(LINES, ("10", "20", "0", "30", "40"), strict=True)}
    parts = certainty(lines)
    assert [part.line for part in parts] == ["closed_won", "commit", "best_case", "pipeline"]
    assert sum(Decimal(part.width) for part in parts) == 1000
    assert [part.x for part in parts] == ["0.00", "100.00", "300.00", "600.00"]


def test_without_any_amount_there_is_no_bar() -> None:
    assert certainty({line: _sum() for line in LINES}) == []


def test_a_negative_line_takes_no_room_in_the_bar() -> None:
    lines = {line: _sum("5") for line in LINES} | {"closed_won": _sum("-100")}
    assert all(Decimal(part.width) > 0 for part in certainty(lines))


def _with_fx(fx: str, closed_won: str, rate: str = "constant") -> dict[str, Any]:
    return {"fx": fx, "rate": rate, "lines": {"closed_won": _sum(closed_won)}}


def test_the_bar_of_exchange_rates_goes_right_for_what_they_add_and_left_for_what_they_take() -> None:
    added, taken = fx_bar(_with_fx("10.00", "100")), fx_bar(_with_fx("-10.00", "100"))
    assert (added, taken) == (Part("fx", "500.00", "50.00"), Part("fx", "450.00", "50.00"))
    assert fx_bar(_with_fx("10.00", "110", "booked")) == added, "the same difference, whichever rate is shown"
    assert fx_bar(_with_fx("10.00", "0")) == Part("fx", "500.00", "500.00")
    assert fx_bar(_with_fx("0.00", "100")) is None


def test_exchange_rates_and_late_wins_stand_beside_the_lines() -> None:
    call = json.loads(EXAMPLE.read_text())
    call["restated"]["moved_out"] = _sum("300.00", 2)
    shown = environment().from_string(
        '{% from "_parts.html" import amount, line_names, money %}{% include "calls/call_beside.html" %}'
    )
    without = shown.render(call=call, fx_bar=None, later_by_plan=[])
    assert 'data-key="fx" title="0.00 EUR"' in without
    assert "<svg" not in without
    call["fx"] = "-1234.56"
    late = {"line": "commit", "later": _sum("450.00", 3)}
    page = shown.render(call=call, fx_bar=fx_bar(call), later_by_plan=[late])
    assert "Of commit: ends later by its close plan" in page
    assert '<data value="450.00" data-key="by_close_plan.commit"' in page
    assert '<data value="-1234.56" data-key="fx"' in page
    assert 'role="img" aria-label="−1,235 EUR beside closed won"' in page
    assert '<data value="300.00" data-key="restated.moved_out"' in page
    assert "restated.moved_in" not in page
