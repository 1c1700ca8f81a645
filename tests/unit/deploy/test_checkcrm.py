"""The plan of `make check-crm` is what it says, and its comparison sees every fault that is planted."""

import hashlib
import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import pytest

from deploy.local import simulated
from deploy.local.books import Page
from deploy.local.checkcrm import run
from deploy.local.checkcrm.comparing import Answers, Ledger, Verdict, compare
from deploy.local.checkcrm.plan import LATEST, Plan, Truth, new_deal, plan
from deploy.local.checkcrm.spoiling import damaged, unusable
from simulator import config
from simulator.config import PROVIDERS, Provider
from simulator.records import DealRecord, LeadRecord

KEYS: dict[Provider, str] = {provider: f"sim-{provider}" for provider in PROVIDERS}
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def _connection(provider: Provider):
    secrets = dict.fromkeys(
        (
            "hubspot_client_secret",
            "hubspot_api_token",
            "salesforce_path_secret",
            "salesforce_api_token",
            "pipedrive_password",
            "pipedrive_api_token",
        ),
        "one-secret",
    )
    secrets["standard_secret"] = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    ports = {"gateway": 8080, "simulator": 8110}
    state: Any = SimpleNamespace(simulator=secrets, ports=ports)
    return config.parse(simulated.configuration(state)).connection(provider)


# -- the plan ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def made() -> Plan:
    return plan(2000, KEYS, until=NOON)


def test_a_plan_has_the_promised_shares(made: Plan) -> None:
    kinds = Counter(each.kind for each in made.sendings)

    assert len(made.sendings) == 2000
    assert (kinds["duplicate"], kinds["shuffled"], kinds["unusable"], kinds["damaged"]) == (100, 100, 20, 20)


def test_shuffled_deliveries_come_up_to_three_days_late_and_mostly_after_newer_ones(made: Plan) -> None:
    late = [
        each.at - each.change.record.changed_at for each in made.sendings if each.kind == "shuffled" and each.change
    ]

    assert max(late) <= LATEST + timedelta(seconds=1)
    assert max(late) > LATEST * 0.8
    assert made.overtaken() > 50


def test_two_changes_of_a_record_never_fall_into_one_second(made: Plan) -> None:
    times: dict[tuple[str, str], list[datetime]] = {}
    for at, provider, record in made.happenings:
        times.setdefault((provider, record.external_id), []).append(at)

    assert all(len(set(found)) == len(found) for found in times.values())
    assert all(at.microsecond == 0 and at <= NOON for found in times.values() for at in found)


def test_the_truth_is_the_last_that_happened(made: Plan) -> None:
    newest = {(provider, record.external_id): record for _, provider, record in made.happenings}

    assert {(each.provider, each.record.external_id): each.record for each in made.truth.values()} == newest


def test_the_same_seed_gives_the_same_plan(made: Plan) -> None:
    assert plan(2000, KEYS, until=NOON).sendings == made.sendings


@pytest.mark.parametrize("provider", PROVIDERS)
def test_no_two_spoiled_deliveries_have_one_body(provider: Provider) -> None:
    connection = _connection(provider)
    bodies = [unusable(connection, number, at=NOON).request.body for number in range(40)]
    bodies += [damaged(connection, number, at=NOON).body for number in range(40)]

    assert len({hashlib.sha256(body).digest() for body in bodies}) == 80


# -- the comparison ---------------------------------------------------------------------------------------------------


class Row(NamedTuple):
    deal_id: UUID
    amount: Decimal | None
    state: str
    stage: str
    removed: bool


class World:
    """Two deals and a lead, sent, stored and applied as they should be; a test plants its fault and compares."""

    def __init__(self) -> None:
        self.deal, self.thin, self.lead = uuid4(), uuid4(), uuid4()
        first, second = NOON - timedelta(hours=2), NOON - timedelta(hours=1)
        deal = replace(new_deal("deal-1", first, Decimal("10.00")), changed_at=second, amount=Decimal("20.00"))
        thin = replace(new_deal("8801", first, Decimal("30.00")), changed_at=second, amount=Decimal("40.00"))
        lead = next(e.record for e in plan(200, KEYS, until=NOON).truth.values() if isinstance(e.record, LeadRecord))
        self.truth = {
            self.deal: Truth("standard", deal, {first, second}),
            self.thin: Truth("hubspot", thin, {first, second}),
            self.lead: Truth("salesforce", lead, {first}),
        }
        self.answers = Answers(
            taken=Counter({("std", "a"): 1, ("std", "b"): 2, ("std", "odd"): 1}),
            unusable={("std", "odd")},
            damaged={("std", "forged")},
            refused={("std", "forged")},
        )
        self.ledger = Ledger(
            stored={("std", "a"): 1, ("std", "b"): 2, ("std", "odd"): 1},
            parked={("std", "odd"): 1},
            changes_out={self.deal: 2, self.thin: 1, self.lead: 1},
            changes_in={self.deal: 2, self.thin: 1, self.lead: 1},
            repeated=[],
            leads={
                self.lead: (
                    lead.amount,
                    "pending" if lead.status != "disqualified" else "rejected",
                    lead.company,
                    False,
                )
            },
        )
        versions = {(self.deal, 1, first, NOON), (self.deal, 2, second, NOON), (self.thin, 1, second, NOON)}
        rows = {self.deal: _row(self.deal, deal), self.thin: _row(self.thin, thin)}
        self.page = Page(
            unsettled={"deliveries not read": 0},
            deliveries=4,
            parked=1,
            dead=0,
            deals=dict(rows),
            forecast=dict(rows),
            versions=versions,
            forecast_versions=set(versions),
            wrong_cells=0,
            told_twice={},
        )

    def compare(self) -> Verdict:
        return compare(self.answers, self.truth, self.page, self.ledger)

    def counts(self) -> tuple[int, int, int, int, int]:
        found = self.compare()
        return len(found.lost), len(found.twice), len(found.diverged), found.parked, found.refused


def _row(identifier: UUID, record: DealRecord) -> Row:
    return Row(identifier, record.amount, record.state, record.stage, record.deleted)


def test_a_system_that_did_all_it_promises_is_good() -> None:
    assert World().counts() == (0, 0, 0, 1, 1)


def test_an_answered_delivery_that_is_not_stored_is_lost() -> None:
    world = World()
    world.ledger = replace(world.ledger, stored=dict(world.ledger.stored) | {("std", "b"): 1})
    assert world.counts() == (1, 0, 0, 1, 1)


def test_a_delivery_stored_more_often_than_answered_is_twice() -> None:
    world = World()
    world.ledger = replace(world.ledger, stored=dict(world.ledger.stored) | {("std", "a"): 2})
    assert world.counts() == (0, 1, 0, 1, 1)


def test_an_attempt_without_an_answer_may_be_stored_or_not() -> None:
    world = World()
    world.answers.unanswered["std", "a"] += 1
    assert world.counts() == (0, 0, 0, 1, 1)
    world.ledger = replace(world.ledger, stored=dict(world.ledger.stored) | {("std", "a"): 2})
    assert world.counts() == (0, 0, 0, 1, 1)


def test_what_was_never_sent_and_is_stored_is_twice() -> None:
    world = World()
    world.ledger = replace(world.ledger, stored=dict(world.ledger.stored) | {("std", "invented"): 1})
    assert world.counts() == (0, 1, 0, 1, 1)


def test_a_delivery_that_was_never_taken_is_lost() -> None:
    world = World()
    world.answers.never_taken.append("standard change")
    assert world.counts() == (1, 0, 0, 1, 1)


def test_a_change_that_never_left_the_gateway_is_lost() -> None:
    world = World()
    fewer = {world.deal: 1, world.thin: 1, world.lead: 1}
    world.ledger = replace(world.ledger, changes_out=fewer, changes_in=fewer)
    assert world.counts() == (1, 0, 0, 1, 1)


def test_a_change_that_no_service_took_up_is_lost() -> None:
    world = World()
    world.ledger = replace(world.ledger, changes_in={world.deal: 2, world.thin: 1})
    assert world.counts() == (1, 0, 0, 1, 1)


def test_a_change_that_left_twice_is_twice() -> None:
    world = World()
    more = {world.deal: 3, world.thin: 1, world.lead: 1}
    world.ledger = replace(world.ledger, changes_out=more, changes_in=more)
    assert world.counts() == (0, 1, 0, 1, 1)


def test_an_entry_said_twice_is_twice() -> None:
    world = World()
    world.ledger = replace(world.ledger, repeated=[(world.deal, NOON)])
    assert world.counts() == (0, 1, 0, 1, 1)


def test_a_timeline_that_lacks_a_change_is_lost_and_one_that_has_too_many_is_twice() -> None:
    world = World()
    world.truth[world.deal].times.add(NOON - timedelta(minutes=5))
    world.ledger = replace(
        world.ledger,
        changes_out=dict(world.ledger.changes_out) | {world.deal: 3},
        changes_in=dict(world.ledger.changes_in) | {world.deal: 3},
    )
    assert world.counts() == (1, 0, 0, 1, 1)
    world.truth[world.deal].times -= {NOON - timedelta(minutes=5), NOON - timedelta(hours=2)}
    world.ledger = replace(
        world.ledger,
        changes_out=dict(world.ledger.changes_out) | {world.deal: 1},
        changes_in=dict(world.ledger.changes_in) | {world.deal: 1},
    )
    assert world.counts() == (0, 1, 0, 1, 1)


@pytest.mark.parametrize("where", ["deals", "forecast"])
def test_a_deal_that_stands_otherwise_than_in_its_crm_has_diverged(where: str) -> None:
    world = World()
    rows = getattr(world.page, where)
    rows[world.deal] = rows[world.deal]._replace(amount=Decimal("20.01"))
    assert world.counts() == (0, 0, 1, 1, 1)
    del rows[world.deal]
    assert world.counts() == (0, 0, 1, 1, 1)


@pytest.mark.parametrize("where", ["deals", "forecast"])
def test_a_deal_that_no_crm_holds_has_diverged(where: str) -> None:
    world = World()
    stranger = uuid4()
    getattr(world.page, where)[stranger] = Row(stranger, Decimal(1), "open", "Propose", False)
    assert world.counts() == (0, 0, 1, 1, 1)


def test_a_lead_that_stands_otherwise_than_in_its_crm_has_diverged() -> None:
    world = World()
    amount, _, company, deleted = world.ledger.leads[world.lead]
    world.ledger = replace(world.ledger, leads={world.lead: (amount, "qualified", company, deleted)})
    assert world.counts() == (0, 0, 1, 1, 1)


def test_versions_that_only_one_service_has_cells_that_differ_and_dead_letters_have_diverged() -> None:
    world = World()
    world.page.forecast_versions.pop()
    world.page = replace(world.page, wrong_cells=2, dead=3)
    assert world.counts() == (0, 0, 3, 1, 1)


def test_an_unusable_delivery_that_is_not_parked_is_missed() -> None:
    world = World()
    world.ledger = replace(world.ledger, parked={})
    assert world.counts() == (0, 0, 0, 0, 1)


def test_a_usable_delivery_that_is_parked_is_lost() -> None:
    world = World()
    world.ledger = replace(world.ledger, parked=dict(world.ledger.parked) | {("std", "a"): 1})
    assert world.counts() == (1, 0, 0, 1, 1)


def test_a_damaged_delivery_that_is_taken_or_stored_does_not_count_as_refused() -> None:
    world = World()
    world.ledger = replace(world.ledger, stored=dict(world.ledger.stored) | {("std", "forged"): 1})
    assert world.counts() == (0, 0, 0, 1, 0)
    world = World()
    world.answers.refused.clear()
    assert world.counts() == (0, 0, 0, 1, 0)


def test_a_hubspot_deal_deleted_before_it_was_ever_fetched_is_nowhere() -> None:
    world = World()
    known = world.truth[world.thin]
    known.record = replace(known.record, deleted=True)  # type: ignore[type-var]
    for rows in (world.page.deals, world.page.forecast):
        del rows[world.thin]
    for versions in (world.page.versions, world.page.forecast_versions):
        versions -= {each for each in versions if each[0] == world.thin}
    assert world.counts() == (0, 0, 0, 1, 1)


def test_the_last_line_and_the_exit_status_say_what_was_found(made: Plan) -> None:
    verdict = Verdict(lost=[], twice=[], diverged=[], parked=20, refused=20)

    assert run.is_good(made, verdict)
    assert json.dumps(run.closing(made, verdict), separators=(",", ":")) == (
        '{"name":"crm","deliveries":2000,"lost":0,"twice":0,"diverged":0,"parked":20,"refused":20}'
    )
    for name in ("lost", "twice", "diverged"):
        assert not run.is_good(made, replace(verdict, **{name: ["one"]}))
    assert not run.is_good(made, replace(verdict, parked=19))
    assert not run.is_good(made, replace(verdict, refused=19))
