"""The page of a lead as it is written, whatever its standing."""

from typing import Any

import pytest

from gateway.pages.leads.lead import MARKS, STATES, Typed
from gateway.pages.leads.leads import CLOCKS, STANDINGS
from gateway.pages.templates import environment

LEAD = "00000000-0000-7000-8000-00000000000a"
OTHER = "00000000-0000-7000-8000-00000000000b"
AT = "2026-11-22T09:00:00+00:00"


def written(standing: str | None, **changes: Any) -> str:
    unknown = (
        "person_id owner_id source region market segment product amount currency engagement verdict_at verdict_by"
        " verdict_reason recycled_until merged_into connection external_id assigned_at assigned_by assigned_reason campaign"
        " first_source"
    )
    lead: dict[str, Any] = dict.fromkeys(unknown.split())
    lead |= {"lead_id": LEAD, "company": "Acme", "verdict": standing or "pending", "reasons": [], "fit": "A"}
    if standing == "recycled":
        lead["recycled_until"] = "2026-12-24"
    if standing is None:
        lead["merged_into"] = OTHER
    lack = {"element": "bant.need", "name": "Need", "wanted": "evidenced", "reason": "nothing is known"}
    element = {"element": "bant.need", "framework": "bant", "name": "Need", "question": "?", "state": "claimed"}
    entry = {"entry_id": OTHER, "lead_id": OTHER, "note": "said so", "state": "claimed", "source": "call"}
    clock = {"due_at": AT, "responded_at": None, "state": "running"}
    pair = {"likeness": 0.98, "reasons": [{"detail": "the same mailbox"}]}
    values: dict[str, Any] = {
        "lead": lead,
        "likely": None,
        "made": None,
        "queued": {"clock": clock, "arrived_at": AT},
        "standing": standing,
        "standings": STANDINGS,
        "clocks": CLOCKS,
        "names": {},
        "people": {"ann": "Ann"},
        "sellers": [OTHER],
        "histories": [],
        "mark_words": MARKS,
        "known": {
            "elements": [element | {"is_fresh": False, "strength": 0.1, "entry_id": OTHER}],
            "gate": {"lacking": [lack], "enforced": True},
        },
        "entries": {"bant.need": [entry | {"author": "ann", "at": AT}]},
        "states": STATES,
        "merged": [lead],
        "like": {OTHER: (lead, pair)},
        "deal_id": OTHER,
        "recycle_on": "2026-12-24",
        "tomorrow": "2026-11-23",
        "may_act": True,
        "typed": None,
        "done": None,
        "user": None,
        "csrf": "x",
        "zone": "Europe/Berlin",
        "currency": "EUR",
        "path": "/leads",
        "layout": "fragment.html",
    }
    return environment().get_template("leads/lead.html").render(**(values | changes))


OFFERED = {
    "waiting": {"qualify", "reject", "recycle", "merge", "evidence", "assign"},
    "recycled": {"qualify", "reject", "recycle", "merge", "evidence", "assign"},
    "qualified": {"reject", "recycle", "reopen", "merge"},
    "rejected": {"qualify", "reopen", "merge", "evidence"},
    None: {"unmerge"},
}


@pytest.mark.parametrize("standing", OFFERED)
def test_a_lead_offers_what_may_be_done_with_it_and_nothing_else(standing: str | None) -> None:
    html = written(standing)
    acts = {"qualify", "reject", "recycle", "reopen", "merge", "unmerge", "evidence", "assign"}
    assert {act for act in acts if f'action="/leads/{LEAD}/{act}"' in html} == OFFERED[standing]
    assert f'/leads/{LEAD}/qualify"' not in written(standing, may_act=False)
    assert "No other lead looks like it." in written(standing, like={}, merged=[])


def test_what_was_typed_into_a_refused_form_is_kept_beside_the_mistake() -> None:
    values = dict.fromkeys(("reason", "until", "into", "other", "element", "state", "source", "note"), "")
    html = written("waiting", typed=Typed("reject", values | {"reason": "too small"}, "Somebody was faster."))
    assert "Somebody was faster." in html
    assert 'value="too small"' in html
    assert html.count('role="alert"') == 1


def test_a_statement_that_is_too_old_and_one_of_a_merged_lead_are_told_as_such() -> None:
    html = written("waiting")
    assert "too old" in html
    assert "merged lead" in html
    assert "Refused until it is known: Need (nothing is known)" in " ".join(html.split())
