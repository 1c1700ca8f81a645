"""The pages of plans, as they are written from what the forecast answers."""

import re
from typing import Any

import pytest

from gateway.pages.calls.attainment import reach
from gateway.pages.plans.costed import known_of
from gateway.pages.plans.plans import DIMENSIONS, MEASURES, METHODS, TABS, PlanView
from gateway.pages.templates import environment
from services.forecast.plans.schemas import BoundOut
from tests.support.planned import ADA, NORTH, PLAN, SOUTH, reached, tree

AROUND = {"user": None, "csrf": "", "zone": "Europe/Berlin", "currency": "EUR", "layout": "fragment.html"}
PEOPLE = {"user:carla": "Carla", "user:mara": "Mara"}
STEPS = ("edited", "proposed", "approved", "activated", "superseded")


def written(template: str, *kinds: str, user: str = "user:carla", **parts: Any) -> str:
    plan = tree(*kinds)["plan"]
    chosen = plan["versions"][0]
    return (
        environment()
        .get_template(template)
        .render(
            **AROUND,
            path=f"/plans/{PLAN}",
            plan=plan,
            chosen=chosen,
            view=PlanView(str(PLAN), tab=template.removeprefix("plan_").removesuffix(".html")),  # type: ignore[arg-type]
            tabs=TABS,
            measures=MEASURES,
            dimensions=DIMENSIONS,
            methods=METHODS,
            people=PEOPLE,
            persons={str(ADA): "Ada Osei"},
            mistake=None,
            report=None,
            once="once",
            may_edit=plan["state"] == "draft",
            may_plan=True,
            may_approve=user not in chosen["authors"],
            is_author=user in chosen["authors"],
            **{"measure": "bookings", "bound": dict.fromkeys(BoundOut.model_fields)} | parts,
        )
    )


def targets(*kinds: str, user: str = "user:carla") -> str:
    found = tree(*kinds)
    periods = [each for each in found["periods"] if each["kind"] != "month"]
    keys = {each["key"] for each in periods}
    for node in found["nodes"]:
        node["shown"] = [each for each in node["cells"] if each["period"] in keys]
    could = {"needs": "1.1800", "wanted": "700000.00", "best": "593220.34", "best_period": "FY2025", "periods": 3}
    parts = {"nodes": found["nodes"], "periods": periods, "of": found["of"], "unit": "EUR", "csv_href": "/csv"}
    return written("plans/plan_targets.html", *kinds, user=user, **parts, capacity={str(NORTH): could}, is_empty=False)


def row(html: str, label: str) -> str:
    found = re.search(rf'<tr[^>]* data-node="{label}">.*?</tr>', html, re.DOTALL)
    assert found, label
    return found.group()


def test_a_draft_is_typed_into_and_says_what_is_over_assigned() -> None:
    html = targets()
    assert 'value="700,000" inputmode' in row(html, "North")
    assert "said by a person" in row(html, "South")
    assert "made of the periods within" in row(html, "North")
    assert 'placeholder="unassigned"' not in row(html, "Northwind")
    assert 'data-key="unallocated.FY2027"><data value="-100000.00">' in html
    assert re.search(r"10(\.0)?.?% over-assigned", html)
    assert "118" in row(html, "North")


@pytest.mark.parametrize("kinds", [STEPS[:each] for each in range(2, 6)])
def test_what_is_no_draft_cannot_be_typed_into(kinds: tuple[str, ...]) -> None:
    html = targets(*kinds)
    assert "<input form" not in html
    assert '<data value="700000.00"' in row(html, "North")


def test_each_state_offers_what_may_follow_and_no_author_approves() -> None:
    assert "Propose</button>" in targets()
    assert "Approve</button>" not in targets("proposed")
    assert "Somebody who did not write it approves it." in targets("proposed")
    assert "Approve</button>" in targets("proposed", user="user:mara")
    assert "Put in force</button>" in targets("proposed", "approved")
    assert "New version</button>" in targets("proposed", "approved", "activated")


def attained(found: dict[str, Any], measure: str = "bookings") -> str:
    nodes = found["nodes"]
    geometry = {
        each["node_id"]: reach(
            {"attainment": each["attainment"], "closed_won": each["closed"] or "0", "quota": each["target"]}
        )
        for each in nodes
    }
    known = {each["node_id"]: known_of(each) for each in nodes}
    return written(
        "plans/plan_reached.html", *STEPS[1:4], nodes=nodes, reading=found, reason=None, reaches=geometry, known=known,
        unit="EUR", csv_href="/csv", measure=measure,
    )  # fmt: skip


def test_attainment_shows_every_part_and_what_is_in_none_of_them() -> None:
    html = attained(reached())
    assert "Cost known" not in html
    assert 'value="310000.00" data-key="plan.closed"' in html
    assert 'value="10000.00" data-key="elsewhere"' in html
    assert 'value="-100000.00" data-key="unallocated"' in html
    assert "41" in row(html, "North")
    assert html.count("not over") == 9


def test_margin_stands_with_how_much_of_the_bookings_has_a_known_cost_and_unknown_is_no_number() -> None:
    html = attained(reached(margin=True), "margin")
    assert "75.0\u202f%" in html
    assert "the margin of the rest is not known" in html
    assert "100.0\u202f%" in row(html, "North")
    assert 'data-key="closed.North"' in row(html, "North")
    assert 'data-key="closed.South"' not in row(html, "South")
    assert "0.0\u202f%" in row(html, "South")


def test_the_campaigns_that_a_market_names_stand_there_with_what_they_cost_and_brought() -> None:
    named = [str(NORTH), str(SOUTH)]
    said = {"DACH": {"market": "DACH", "text": "Win", "campaigns": named, "promotions": []}}
    touch = {"leads": 12, "pipeline": "900.00", "won": "150.00", "roi": "0.5000"}
    fair = {
        "campaign_id": str(NORTH),
        "name": "Fair",
        "cost": "100.00",
        "first": touch,
        "last": touch | {"roi": None},
        "why": None,
    }
    returns = {
        "since": "2026-01-01",
        "until": "2026-10-31",
        "currency": "EUR",
        "caveat": "Attribution is not lift.",
        "hidden": None,
        "csv_href": "/csv",
    }
    campaigns = [{"campaign_id": str(NORTH), "name": "Fair"}, {"campaign_id": str(SOUTH), "name": "Mail"}]
    parts = {"markets": ["DACH"], "said": said, "amounts": {}, "unit": "EUR", "campaigns": campaigns, "nodes": []}
    html = written("plans/plan_markets.html", **parts, returns=returns, returned={str(NORTH): fair})
    for key, value in {"cost": "100.00", "pipeline": "900.00", "won": "150.00", "roi": "0.5000", "leads": "12"}.items():
        assert f'value="{value}" data-key="{NORTH}.{key}"' in html
    assert "Attribution is not lift." in html
    assert "No lead that it touched arrived then" in html, "of Mail nothing is told, and what to do is"
    hidden = returns | {"hidden": "Figures of campaigns are of the whole company."}
    html = written("plans/plan_markets.html", **parts, returns=hidden, returned={})
    assert "Figures of campaigns are of the whole company." in html
    assert f"{NORTH}.cost" not in html


def test_what_is_said_of_markets_and_versions_is_written_as_text() -> None:
    said = {"DACH": {"market": "DACH", "text": "<b>Win</b>", "campaigns": [str(NORTH)], "promotions": ["Spring"]}}
    campaigns = [{"campaign_id": str(NORTH), "name": "Fair"}, {"campaign_id": str(SOUTH), "name": "Mail"}]
    html = written(
        "plans/plan_markets.html", markets=["", "DACH"], said=said, amounts={"": "5.00", "DACH": "7.00"}, unit="EUR",
        campaigns=campaigns, nodes=[], returns=None, returned={},
    )  # fmt: skip
    assert "&lt;b&gt;Win&lt;/b&gt;" in html
    assert '<span class="tag">Fair</span>' in html
    changed = {
        "changed": [{"node": ["Northwind", "North"], "period": "FY2027", "measure": "bookings", "before": None,
                     "after": "5.00", "change": "5.00"}],
        "added": [], "removed": [], "texts": ["DACH"], "not_listed": 0,
    }  # fmt: skip
    html = written("plans/plan_versions.html", *STEPS[1:3], changed=changed, nodes=[])
    assert "Northwind › North" in html
    assert "As we spoke" in html
    assert "The first version" in written("plans/plan_versions.html", changed=None, nodes=[])


@pytest.mark.parametrize(
    ("measures", "asked", "shown", "told"),
    [
        (["bookings", "margin"], "", "bookings", ""),
        (["bookings", "margin"], "margin", "margin", "margin"),
        (["margin"], "", "margin", "margin"),
        (["margin", "bookings"], "bookings", "bookings", "bookings"),
        (["bookings"], "luck", "bookings", ""),
    ],
)
def test_what_is_typed_goes_to_the_measure_that_is_shown(
    measures: list[str], asked: str, shown: str, told: str
) -> None:
    measure, view = PlanView(str(PLAN), measure=asked).measured(measures)
    assert measure == shown
    assert view.measure == told
    assert (view.measure or "bookings") == shown, "so the pages that take what is typed read it"


def test_a_plan_that_is_bound_says_to_what_and_how_far_it_is_from_that() -> None:
    above = {"plan_id": str(PLAN), "name": "Together <b>", "version": 2, "amount": "600.00", "currency": "EUR"}

    def told(said: str | None, gap: str | None) -> str:
        bound = above | {"said": said, "gap": gap}
        return written("plans/plan_versions.html", "edited", bound=bound, changed=None, nodes=[])

    far = told("999999.00", "999399.00")
    assert "Together &lt;b&gt;" in far
    assert re.search(r"wants 600 EUR of Northwind. This plan says 999,999, <strong>\+999,399</strong>", far)
    assert "notice warn" in far
    assert "This plan says the same" in told("600.00", "0.00")
    assert "This plan says nothing of it" in told(None, None)
