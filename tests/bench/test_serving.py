"""The benchmarks of one deal, of one lead, of one price check and of a plan run, do what they time, and print figures in their order."""

from deploy.local import dealing, planning
from deploy.local.evalleads import speed as leads
from deploy.local.evalprices import speed as prices


def test_leads_are_scored_and_read() -> None:
    found = leads.run(leads=2_000, say=lambda said: None, readings=5)
    assert (found["leads"], found["scored"]) == (2_000, 2_000)
    assert 0 < found["one_lead_p50_ms"] <= found["one_lead_p95_ms"]


def test_bands_are_published_and_prices_checked() -> None:
    found = prices.run(quotes=500, say=lambda said: None, checks=5)
    assert found["quotes"] == 500
    assert found["bands"] > 1
    assert 0 < found["check_p50_ms"] <= found["check_p95_ms"]


def test_a_plan_is_drafted_and_its_attainment_read() -> None:
    found = planning.run(nodes=300, deals=400, say=lambda said: None, readings=5)
    assert found["nodes"] >= 300
    assert 0 < found["read_p50_ms"] <= found["read_p95_ms"]


def test_deals_are_read_one_by_one_and_in_lists() -> None:
    found = dealing.run(deals=2_000, say=lambda said: None, readings=10)
    assert found["deals"] == 2_000
    assert 0 < found["deal_p50_ms"] <= found["deal_p95_ms"]
    assert 0 < found["nearest_p50_ms"] <= found["nearest_p95_ms"]
    assert found["team_nearest_p50_ms"] > 0
    assert 0 < found["team_list_p50_ms"] <= found["list_slowest_p95_ms"] + found["team_list_slowest_p95_ms"]
