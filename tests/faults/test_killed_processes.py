"""kill -9 at a random moment under 50 changes a second, of each process, of the servers, of everything at once.

FORETELL_FAULT_ROUNDS (1) says how often each; every round has moments of its own. FORETELL_FAULT_VICTIMS says how many of the
victims, in the order below; all without it.
"""

import os
import random
import threading

import pytest

from deploy.local.components import PACKAGES
from deploy.local.stack import Stack
from tests.faults.books import Books

RESTARTS = 3
ROUNDS = int(os.environ.get("FORETELL_FAULT_ROUNDS", "1"))
RATE_PER_S = 50
BROKER = "the broker"
EVERYTHING = "everything"
ALL_VICTIMS = ("gateway", "deals", "postgres", BROKER, EVERYTHING, "leads", "pricing", "forecast")
VICTIMS = ALL_VICTIMS[: int(os.environ.get("FORETELL_FAULT_VICTIMS", len(ALL_VICTIMS)))]


@pytest.mark.parametrize("round_", range(ROUNDS))
@pytest.mark.parametrize("victim", VICTIMS)
def test_what_is_killed_under_load_loses_and_doubles_nothing(
    stack: Stack, books: Books, victim: str, round_: int
) -> None:
    moments = random.Random(f"{victim} {round_}")  # noqa: S311 - a test's choice, to be repeatable
    pause = threading.Event()
    traffic = books.traffic(seed=round_, per_crm=100, duplicates=0.05, deletions=0.02)
    with traffic.flowing(rate_per_s=RATE_PER_S):
        pause.wait(moments.uniform(0.5, 2.5))
        if victim == EVERYTHING:
            stack.kill_all()
            stack.start()
        else:
            name = stack.broker.children[0].name if victim == BROKER else victim
            stack.kill(name)
            pause.wait(moments.uniform(0.0, 1.0))
            stack.restart(name)
        pause.wait(0.5)
    assert traffic.taken, "nothing was sent"
    books.settle()


def test_restarts_of_postgresql_under_load_end_no_component(stack: Stack, books: Books) -> None:
    """An orderly restart says farewell on every connection, which meets each of them in the middle of something else."""
    moments = random.Random("restarts")  # noqa: S311 - a test's choice, to be repeatable
    pause = threading.Event()
    running = {name: stack.child(name).pid for name in PACKAGES}
    traffic = books.traffic(seed=77, per_crm=100)
    with traffic.flowing(rate_per_s=RATE_PER_S):
        for _ in range(RESTARTS):
            pause.wait(moments.uniform(0.2, 1.5))
            stack.restart("postgres")
    assert {name: stack.child(name).pid for name in PACKAGES} == running
    assert traffic.taken, "nothing was sent"
    books.settle()


def test_after_all_faults_the_roll_up_is_what_the_deals_make_it_and_no_item_is_unaccounted_for(
    stack: Stack, books: Books
) -> None:
    books.settle()
    assert stack.command("forecast", "check-rollup").strip() == "0 cells differ from the deals"
    assert stack.command("gateway", "audit").splitlines()[-1].endswith(", 0 violated")
