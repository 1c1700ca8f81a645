"""Who is offered what on the page of the call, and which lock it speaks of."""

from typing import Any
from uuid import UUID, uuid4

from gateway.pages.address import CallView
from gateway.pages.calls.weekly import Offers, Weekly, labels, last_lock, movement_href, offers
from libs.common.web.auth import Principal

UNIT, TEAM, ANN = uuid4(), uuid4(), uuid4()
NAMES = {ANN: "Ann Lovell"}


def _node(kind: str, identifier: UUID, label: str | None = None, **more: Any) -> dict[str, Any]:
    node = {"kind": kind, "id": str(identifier), "label": label}
    return {"node": node, "call": None, "other_calls": [], "adjustments": []} | more


def _weekly(*, caller: UUID | None = None, day: str = "2026-11-20", made_by: str = "user:boss") -> Weekly:
    made = {"adjustment_id": "a", "made_by": made_by, "node": {"id": str(TEAM)}}
    calls = {
        "period": {"key": "2026Q4", "end": "2026-12-31"},
        "business_date": {"day": day},
        "caller": str(caller) if caller else None,
        "deal_type": None,
        "value_basis": "arr",
        "node": _node("unit", UNIT, "North"),
        "children": [_node("unit", TEAM, "Team", adjustments=[made]), _node("person", ANN)],
    }
    return Weekly(calls, {"items": []}, None, None)


def _offered(role: str, scope: UUID = UNIT, **more: Any) -> Offers:
    weekly = _weekly(**more)
    principal = Principal("user:me", frozenset({role}), (scope,))
    return offers(weekly, labels(weekly, NAMES), principal=principal)


def _values(targets: tuple[Any, ...]) -> list[str]:
    return [target.label for target in targets]


def test_a_manager_calls_for_their_unit_and_adjusts_only_below_it() -> None:
    offered = _offered("manager")
    assert _values(offered.call) == ["North"]
    assert _values(offered.adjust) == ["Team", "Ann Lovell"]
    assert offered.judge
    assert _values(_offered("manager", scope=uuid4()).adjust) == ["North", "Team", "Ann Lovell"]


def test_a_cso_adjusts_everywhere_and_withdraws_what_others_added() -> None:
    offered = _offered("cso")
    assert _values(offered.adjust) == ["North", "Team", "Ann Lovell"]
    assert offered.withdraw == {"a"}
    assert _offered("manager").withdraw == frozenset()
    assert _offered("manager", made_by="user:me").withdraw == {"a"}


def test_a_seller_with_a_seat_calls_their_own_deals_and_nothing_else() -> None:
    offered = _offered("seller", caller=ANN)
    assert (_values(offered.call), offered.adjust, offered.judge) == (["My own deals"], (), False)
    assert offered.call[0].value == f"person:{ANN}"
    assert _offered("seller") == Offers()


def test_who_may_only_look_is_offered_nothing() -> None:
    for role in ("viewer", "sales_ops", "finance", "ceo"):
        assert _offered(role, caller=ANN) == Offers()


def test_of_a_period_that_is_over_nothing_more_is_said() -> None:
    assert _offered("cso", day="2027-01-01") == Offers(withdraw=frozenset({"a"}))
    assert _offered("cso", day="2026-12-31").call


def test_the_last_lock_is_the_newest_of_the_period_or_of_a_running_quarter_for_a_month() -> None:
    closed = {"kind": "closed", "periods": ["2026Q3"]}
    weekly, older = {"kind": "weekly", "periods": ["2026Q4", "2027Q1"]}, {"kind": "weekly", "periods": ["2026Q3"]}
    assert last_lock([closed, weekly, older], "2026Q4") is weekly
    assert last_lock([closed, weekly, older], "2026Q3") is closed
    assert last_lock([closed, weekly, older], "2026-11") is weekly
    assert last_lock([], "2026Q4") is None


def test_the_page_of_movements_is_asked_for_what_this_page_shows() -> None:
    view = CallView(org="u", date="", value_basis="arr", by="owner")
    assert movement_href(view, "2026Q4", "2026-11-16T11:00:00Z") == (
        "/movement?period=2026Q4&org=u&value_basis=arr&since=2026-11-16T11%3A00%3A00Z&mode=ends"
    )
