"""Starts a system of its own, sends it the plan, waits until all is at rest, compares, stops."""

import json
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from deploy.local import books
from deploy.local.checkcrm import reading
from deploy.local.checkcrm.comparing import Verdict, compare
from deploy.local.checkcrm.plan import Plan, plan
from deploy.local.checkcrm.sending import Courier
from deploy.local.crms import Crms
from deploy.local.errors import StartFailed
from deploy.local.stack import Stack
from deploy.local.waiting import wait_until
from libs.common import clock
from simulator.config import PROVIDERS

SHOWN = 10
LINE_EVERY_S = 5.0

Say = Callable[[str], None]

ALONE = {"gateway": {"FORETELL_COMPARE_SETTLED_S": str(10 * 365 * 86_400)}}
"""Deliveries have to do it alone: a comparison with the CRMs would ask back what they lost, and add deliveries of its own."""


def main(*, deliveries: int, broker: str, brokers: int) -> int:
    """0 only if nothing is lost, twice or diverged, and all was parked and refused that had to be. The last line is one JSON object."""
    begun = time.monotonic()
    console = Console()

    def say(line: str) -> None:
        console.print(
            f"check-crm | {time.monotonic() - begun:6.1f} s  {line}", highlight=False, markup=False, soft_wrap=True
        )

    with tempfile.TemporaryDirectory(prefix="foretell-crm-") as folder:
        home = Path(folder)
        home.chmod(0o755)
        with Stack(home, ports="auto", broker=broker, brokers=brokers, env=ALONE) as stack, Crms(stack) as crms:
            say("the system is ready")
            made, verdict = check(crms, deliveries, say, console)
    print(json.dumps(closing(made, verdict), separators=(",", ":")), flush=True)
    return 0 if is_good(made, verdict) else 1


def closing(made: Plan, verdict: Verdict) -> dict[str, Any]:
    """The last line of the output."""
    return {
        "name": "crm",
        "deliveries": len(made.sendings),
        "lost": len(verdict.lost),
        "twice": len(verdict.twice),
        "diverged": len(verdict.diverged),
        "parked": verdict.parked,
        "refused": verdict.refused,
    }


def is_good(made: Plan, verdict: Verdict) -> bool:
    """Whether the system did all that it promises."""
    differs = verdict.lost or verdict.twice or verdict.diverged
    return not differs and (verdict.parked, verdict.refused) == (made.count("unusable"), made.count("damaged"))


def check(crms: Crms, deliveries: int, say: Say, console: Console) -> tuple[Plan, Verdict]:
    """Send, wait, compare. Raises StartFailed when the system does not come to rest."""
    keys = {provider: crms.connection(provider).key for provider in PROVIDERS}
    made = plan(deliveries, keys, until=clock.now().replace(microsecond=0))
    say(
        f"{len(made.sendings):,} deliveries of {len(made.truth):,} records: {made.count('duplicate'):,} twice, "
        f"{made.count('shuffled'):,} late ({made.overtaken():,} after a newer one), {made.count('unusable'):,} unusable, "
        f"{made.count('damaged'):,} damaged"
    )
    courier = Courier(crms, made)
    begun = time.monotonic()
    with _meter(console, len(made.sendings), say) as told:
        courier.send(told)
    taken_s = time.monotonic() - begun
    for provider in PROVIDERS:
        told_so = sorted((kind, status, n) for (who, kind, status), n in courier.statuses.items() if who == provider)
        say(f"{provider:<10} " + ", ".join(f"{kind} {status}: {n:,}" for kind, status, n in told_so))
    say(f"all sent, {len(made.sendings) / taken_s:,.0f} a second")
    _rest(crms, deliveries, say)
    verdict = compare(courier.answers, made.truth, books.read(crms.stack), reading.ledger(crms.stack))
    for name in ("lost", "twice", "diverged"):
        found: list[str] = getattr(verdict, name)
        for line in found[:SHOWN]:
            say(f"{name}: {line}")
        if len(found) > SHOWN:
            say(f"{name}: {len(found) - SHOWN:,} more")
    say(
        f"{verdict.parked:,} of {made.count('unusable'):,} parked, {verdict.refused:,} of {made.count('damaged'):,} refused"
    )
    return made, verdict


def _rest(crms: Crms, deliveries: int, say: Say) -> None:
    since = clock.now()
    waits: list[str | None] = []

    def is_at_rest() -> bool:
        waits[:] = [reading.on_its_way(crms, since=since)]
        return waits[0] is None

    if not wait_until(is_at_rest, timeout_s=60 + deliveries / 20, every_s=0.5):
        raise StartFailed(f"The system did not come to rest: {waits[0]}")
    say("all at rest")


@contextmanager
def _meter(console: Console, total: int, say: Say) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal, a line now and then elsewhere."""
    if not console.is_terminal:
        last = [time.monotonic()]

        def line(done: int) -> None:
            if time.monotonic() - last[0] >= LINE_EVERY_S:
                last[0] = time.monotonic()
                say(f"{done:,} of {total:,} sent")

        yield line
        return
    columns = (TextColumn("sending"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("sending", total=total)
        yield lambda done: bar.update(task, completed=done)
