"""The company's history: reproducible, consistent with itself, and as a sales organisation looks."""

import csv
import hashlib
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from simulator.export import export
from simulator.records import DealRecord, LeadRecord, text
from simulator.world import World
from simulator.world.world import DAYS
from tests.unit.simulator.given import config

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
MEDIUM = 20_000


@pytest.fixture(scope="module")
def medium() -> World:
    return World(seed=11, deals=MEDIUM, now=NOW)


@pytest.fixture(scope="module")
def small() -> World:
    return World(seed=7, deals=300, now=NOW)


def exported(folder: Path, world: World) -> dict[str, str]:
    export(config(), world, folder, Console(file=io.StringIO()))
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.glob("*.csv"))}


def test_the_same_seed_writes_the_same_bytes_and_another_seed_does_not(tmp_path: Path, small: World) -> None:
    first = exported(tmp_path / "a", small)
    assert first == exported(tmp_path / "b", World(seed=7, deals=300, now=NOW + timedelta(hours=3)))
    other = exported(tmp_path / "c", World(seed=8, deals=300, now=NOW))
    assert {name for name in first if first[name] != other[name]} >= {
        "users.csv",
        "accounts.csv",
        "leads.csv",
        "deals.csv",
    }


def test_the_state_at_any_time_is_the_replay_of_the_exported_rows(tmp_path: Path, small: World) -> None:
    exported(tmp_path, small)
    for share in (0.2, 0.55, 1.0):
        at = small.end - timedelta(days=DAYS) + share * timedelta(days=DAYS)
        state = small.state_at(at)
        for name, key, records in (
            ("deals.csv", "deal_id", [record for _, record in state.deals()]),
            ("leads.csv", "lead_id", [record for _, record in state.leads()]),
        ):
            replayed: dict[str, dict[str, str]] = {}
            with (tmp_path / name).open(newline="") as file:
                for row in csv.DictReader(file):
                    if datetime.fromisoformat(row["changed_at"]) <= at:
                        replayed[row["connection"] + row[key]] = row
            assert len(records) == len(replayed) > 0
            by_id = {row[key]: row for row in replayed.values()}
            for record in records:
                assert isinstance(record, DealRecord | LeadRecord)
                row = by_id[record.external_id]
                assert all(row[column] == text(getattr(record, column)) for column in row if column != "connection")


def test_rows_stand_in_order_of_time_and_none_lies_beyond_the_end(medium: World) -> None:
    end = round(medium.end.timestamp() * 1000)
    for times in (medium.versions["at"], medium.leads.version_at):
        assert (np.diff(times) >= 0).all()
        assert times[-1] < end


def test_a_deal_starts_open_changes_at_distinct_times_and_never_after_it_closed(medium: World) -> None:
    order = np.lexsort((medium.versions["at"], medium.versions["deal"]))
    rows = medium.versions[order]
    same = rows["deal"][1:] == rows["deal"][:-1]
    assert (rows["at"][1:] > rows["at"][:-1])[same].all()
    assert (rows["stage"][:-1][same] < 4).all()
    assert not rows["deleted"][:-1][same].any()
    first = np.concatenate([[True], ~same])
    assert first.sum() == len(medium.deals)
    assert (rows["at"][first] == medium.deals["created"][rows["deal"][first]]).all()
    assert (rows["stage"][first] < 4).all()


def test_the_number_of_deals_is_about_what_was_asked_for(medium: World) -> None:
    assert abs(len(medium.deals) / MEDIUM - 1) < 0.1


def test_a_bit_more_than_a_quarter_of_new_business_is_won_and_most_renewals_are(medium: World) -> None:
    truth, renewal = medium.truth, medium.deals["deal_type"] == 2
    closed = truth.outcome >= 0
    assert 0.24 < (truth.outcome[closed & ~renewal] == 1).mean() < 0.32
    assert 0.7 < (truth.outcome[closed & renewal] == 1).mean() < 0.9


def test_wins_pile_up_before_a_quarter_ends_and_are_rare_after_it_began(medium: World) -> None:
    won = medium.versions[medium.versions["stage"] == 4]
    dates = [medium.start + timedelta(days=int(day)) for day in won["closed_day"]]
    last_days = sum(date.month % 3 == 0 and date.day >= 21 for date in dates)
    first_days = sum(date.month % 3 == 1 and date.day <= 10 for date in dates)
    assert last_days > 1.8 * first_days


def test_good_sellers_win_more(medium: World) -> None:
    truth, skill = medium.truth, medium.people.skill
    new = (truth.outcome >= 0) & (medium.deals["deal_type"] != 2)
    good, poor = skill[truth.first_owner] > 0.4, skill[truth.first_owner] < -0.4
    assert (truth.outcome[new & good] == 1).mean() > 1.5 * (truth.outcome[new & poor] == 1).mean()


def test_the_hidden_probability_to_win_is_what_happens(medium: World) -> None:
    """Over deals old enough to have ended, in five groups of equal size from the least to the most likely."""
    truth = medium.truth
    old = np.flatnonzero(medium.deals["created"] < medium.start_ms + (DAYS - 300) * 86_400_000)
    ranked = old[np.argsort(truth.win_probability[old], kind="stable")]
    for group in np.array_split(ranked, 5):
        assert abs((truth.outcome[group] == 1).mean() - truth.win_probability[group].mean()) < 0.06


def test_leads_convert_as_their_hidden_chance_says_and_name_their_deal(medium: World) -> None:
    leads = medium.leads
    ripe = leads.created < medium.start_ms + (DAYS - 90) * 86_400_000
    assert abs((leads.converted[ripe] >= 0).mean() - leads.chance[ripe].mean()) < 0.02
    converted = np.flatnonzero(leads.converted >= 0)
    assert (medium.deals["lead"][medium.lead_deal[converted]] == converted).all()
    assert (medium.deals["created"][medium.lead_deal[converted]] == leads.converted[converted]).all()


def test_who_left_owns_no_open_deal(medium: World) -> None:
    state = medium.state_at(medium.end)
    rows = medium.versions[state.deal_rows]
    still = rows[(rows["stage"] < 4) & ~rows["deleted"]]
    assert len(still) > 100
    assert (medium.people.left[still["owner"]] > DAYS - 1).all()
    assert (medium.people.joined[still["owner"]] <= DAYS).all()


def test_sixty_people_in_eight_teams_of_whom_some_came_and_some_left(medium: World) -> None:
    changes = [user for _, user in medium.user_changes()]
    assert len({user.user_id for user in changes}) == 60
    assert len({user.team_path for user in changes if "/" in user.team_path}) == 8
    assert sum(not user.active for user in changes) == 8
    assert (medium.people.joined > 0).sum() == 8
