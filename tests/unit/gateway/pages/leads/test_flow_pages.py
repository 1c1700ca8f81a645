"""The pages on the flow of leads as they are written: the capacity line, routing and absences, campaigns."""

from typing import Any
from uuid import UUID

import pytest

from gateway.pages.leads.campaigns import TOUCHES, _leads_of
from gateway.pages.leads.flow import CONDITIONS
from gateway.pages.leads.leads import BECAUSE, today
from gateway.pages.templates import environment

ANN, TEAM = str(UUID(int=1)), str(UUID(int=2))
AT = "2026-11-22T09:00:00+00:00"
ROOM = {
    "user": None,
    "csrf": "x",
    "zone": "Europe/Berlin",
    "currency": "EUR",
    "path": "/leads",
    "layout": "fragment.html",
}


def written(template: str, **values: Any) -> str:
    return environment().get_template(template).render(**(ROOM | values))


def team(because: str, **changes: Any) -> dict[str, Any]:
    person = {"person_id": ANN, "hours": "6", "taken": "0", "free": "6", "away": ["2026-11-23"]}
    last = {"lead_id": str(UUID(int=9)), "place": 3, "grade": "B3", "arrived_at": AT}
    found = {"unit_id": TEAM, "unit_name": "North", "because": because, "hours": "6", "taken": "0", "free": "6"}
    return found | {"waiting": 4, "fits": 2, "fits_hours": "2", "last": last, "people": [person]} | changes


@pytest.mark.parametrize("because", BECAUSE)
def test_the_line_says_why_it_stands_where_it_stands_and_who_is_away(because: str) -> None:
    capacity = {"teams": [team(because)], "days": ["2026-11-23"], "rep_hours": "6", "hours_from": "as shipped"}
    macro = environment().get_template("leads/_leads.html").module
    html = str(macro.capacity_line(capacity, BECAUSE, {ANN: "Ann"}))  # type: ignore[attr-defined]
    assert BECAUSE[because] in html
    assert "away: Ann" in html
    assert ("down to" in html) == (because == "filled")


@pytest.mark.parametrize(
    ("place", "number", "said"), [(2, 1, "fits"), (3, 9, "fits"), (3, 8, "below"), (4, 99, "below"), (3, 10, "fits")]
)
def test_a_lead_stands_above_the_line_or_below_it(place: int, number: int, said: str) -> None:
    lead = {"lead_id": str(UUID(int=number)), "assigned_at": None}
    queued = {"lead": lead, "place": place, "arrived_at": AT, "clock": {"responded_at": None}}
    assert today(queued, team("filled")) == said
    assert today(queued, team("nobody", last=None)) == "below"
    assert today(queued, None) == "unplaced"
    assert today(queued | {"lead": lead | {"assigned_at": AT}}, team("filled")) == "given"
    assert today(queued | {"clock": {"responded_at": AT}}, team("filled")) == "answered"


def flow_page(**changes: Any) -> str:
    setting = {
        "version": 0,
        "rep_hours": "6",
        "lead_hours": {"A3": "1", "none": "0.5"},
        "response_hours": {"A3": "1", "none": "8"},
        "hours_from": "as shipped",
        "works_from": "09:00",
        "works_until": "17:00",
        "warn_share": "0.75",
        "escalate_after_hours": ["1", "8"],
    }
    rule = {"position": 1, "asks": "market DE", "unit_id": TEAM, "unit_name": "North", "person_id": None}
    share = {"unit_id": None, "unit_name": None, "n": 0, "in_time": 0, "running": 2, "share": None}
    absence = {"absence_id": TEAM, "person_id": ANN, "first_day": "2026-11-23", "last_day": "2026-11-27"}
    values = {
        "mistake": None,
        "setting": setting,
        "rules": {"rules": [rule]},
        "absences": [absence],
        "teams": [team("filled")],
        "shares": {"since": AT, "teams": [share]},
        "people": [ANN],
        "names": {ANN: "Ann"},
        "conditions": CONDITIONS,
        "may_set": True,
        "may_say_away": True,
    }
    return written("leads/flow.html", **(values | changes))


def test_rules_and_absences_are_changed_by_those_who_may() -> None:
    acts = {"rule", "unrule", "away", "withdraw", "hours"}
    html = flow_page()
    assert {act for act in acts if f'action="/leads/flow/{act}"' in html} == acts
    plain = flow_page(may_set=False, may_say_away=False)
    assert not any(f'action="/leads/flow/{act}"' in plain for act in acts)
    assert "Withdraw the absence of Ann from 23 Nov 2026" in html
    assert "No rule:" in flow_page(rules={"rules": []})
    assert 'role="alert"' in flow_page(mistake="Rule 1 goes to nobody.")


def test_every_line_of_campaigns_leads_to_its_leads_and_says_why_a_return_is_missing() -> None:
    none = dict.fromkeys(
        ["campaign_id", "channel", "market", "currency", "cost_per_lead", "cost_per_accepted", "cost_per_won"]
    )
    counts: dict[str, Any] = dict.fromkeys(("leads", "accepted", "deals", "won_deals"), 1)
    counts |= {name: [] for name in ("pipeline", "weighted", "won", "cost")}
    spring = none | counts | {"kind": "campaign", "name": "Spring", "source": None, "currency": "EUR"}
    spring |= {"cost_per_lead": "12.50", "roi": "1.5", "weighted_roi": "2", "why": None}
    spring |= {"cost": [{"amount": "1200.50", "currency": "EUR"}]}
    unknown = none | counts | {"kind": "unknown", "name": None, "source": None}
    unknown |= {"roi": None, "weighted_roi": None, "why": "no cost is known"}
    found = {
        "touch": "first",
        "since": "2026-01-01",
        "until": "2026-11-22",
        "caveat": "Attribution is not lift.",
        "leads": 2,
    }
    found |= {"lines": [spring, unknown]}
    html = written(
        "leads/campaigns.html",
        found=found,
        touches=TOUCHES,
        hrefs=dict.fromkeys(TOUCHES, "/campaigns"),
        here="/campaigns",
        leads_of=[_leads_of(each) for each in found["lines"]],
    )
    assert 'href="/leads?campaign=Spring"' in html
    assert "Source unknown" in html
    assert "no cost is known" in html
    assert 'value="1200.50"' in html
    assert "Attribution is not lift." in html
