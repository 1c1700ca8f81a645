"""A seeded system under traffic, seen by a real Prometheus: every query has series, and each fault makes its alerts fire."""

import json
import tempfile
import time
from collections.abc import Callable, Set
from pathlib import Path

from deploy.local import components, ports, simulated
from deploy.local.crms import Crms
from deploy.local.errors import StartFailed
from deploy.local.stack import Stack
from deploy.local.traffic import Traffic
from deploy.local.waiting import wait_until
from deploy.local.watching.asking import all_queries, without_series
from deploy.local.watching.faults import FAULTS, LIMITS, Fault, injected
from deploy.local.watching.prometheus import Prometheus, program, quickened

HISTORY = 200
RATE_PER_S = 4.0
SERIES_S = 90.0
FIRE_S = 60.0
SILENT_S = 90.0

Say = Callable[[str], None]


def main(*, broker: str, brokers: int) -> int:
    """0 when nothing is missing. The last line is one JSON object."""
    begun = time.monotonic()
    program("prometheus")

    def say(line: str) -> None:
        print(f"dashboards| {time.monotonic() - begun:5.1f} s  {line}", flush=True)

    with tempfile.TemporaryDirectory(prefix="foretell-dashboards-") as folder:
        home = Path(folder)
        home.chmod(0o755)
        with Stack(home, ports="auto", broker=broker, brokers=brokers) as stack:
            found = _watch(stack, say)
    print(json.dumps({"name": "check-dashboards", **found, "seconds": round(time.monotonic() - begun, 1)}), flush=True)
    return 0 if not found["without_series"] and found["alerts"] == len(_expected()) else 1


def _expected() -> Set[str]:
    return {alert for fault in FAULTS for alert in fault.alerts | fault.after}


def _watch(stack: Stack, say: Say) -> dict[str, int]:
    simulated.write_configuration(stack, deals=HISTORY)
    simulated.put_connections(stack)
    simulated.import_history(stack)
    say("history imported")
    targets = [(name, f"{ports.LOOPBACK}:{stack.state.ports[name]}") for name in components.PACKAGES]
    with Crms(stack) as crms, Prometheus(stack.home, targets, quickened(LIMITS)) as prometheus:
        traffic = Traffic(crms)
        with traffic.flowing(rate_per_s=RATE_PER_S):
            make_a_late_lock(stack)
            _compare_now(crms)
            lacking, asked = _ask_all(prometheus, crms, say)
            early = prometheus.firing()
            if early:
                say(f"fire although nothing was done: {', '.join(sorted(early))}")
            fired = set[str]() if early else _do_all(prometheus, crms, say)
    return {"queries": asked, "without_series": len(lacking), "faults": len(FAULTS), "alerts": len(fired)}


def make_a_late_lock(stack: Stack) -> None:
    """Move the timetable back by eight days: no system of a minute's age has made a weekly lock."""
    stack.postgres.sql(
        "UPDATE lock_schedule SET checked_to = checked_to - interval '8 days'", database=components.database("forecast")
    )


def _compare_now(crms: Crms) -> None:
    """The comparison at the start may have found no CRM that answers yet; the next would come in an hour."""
    for provider in ("hubspot", "salesforce", "pipedrive"):
        crms.http.post(f"/api/v1/connections/{crms.connection(provider).key}/comparisons").raise_for_status()


def _ask_all(prometheus: Prometheus, crms: Crms, say: Say) -> tuple[dict[str, str], int]:
    queries = all_queries()
    lacking = dict(queries)

    def all_there() -> bool:
        for path in ("forecast/rollup", "leads", "pricing/products", "deals/organisation"):
            crms.http.get(f"/api/v1/{path}")
        lacking_now = without_series(prometheus, lacking)
        lacking.clear()
        lacking.update(lacking_now)
        return not lacking

    wait_until(all_there, timeout_s=SERIES_S, every_s=1.0)
    for name, expr in lacking.items():
        say(f"no series: {name}: {expr}")
    say(f"{len(queries) - len(lacking)} of {len(queries)} queries have series")
    return lacking, len(queries)


def _do_all(prometheus: Prometheus, crms: Crms, say: Say) -> set[str]:
    fired: set[str] = set()
    for fault in FAULTS:
        try:
            fired |= _do(fault, prometheus, crms, say)
        except StartFailed as error:
            say(str(error))
    return fired


def _do(fault: Fault, prometheus: Prometheus, crms: Crms, say: Say) -> set[str]:
    """Do it, see its alerts, undo it, see them silent."""
    begun = time.monotonic()
    with injected(fault, crms):
        _await(prometheus, lambda firing: fault.alerts <= firing, FIRE_S, f"{fault.name}: not all fire", fault.alerts)
        took = time.monotonic() - begun
    if fault.after:
        _await(prometheus, lambda firing: fault.after <= firing, FIRE_S, f"{fault.name}: not all fire", fault.after)
    passing = fault.alerts - fault.lasting
    _await(
        prometheus, lambda firing: not passing & firing, SILENT_S, f"{fault.name} is over and some still fire", passing
    )
    say(f"{fault.name}: {', '.join(sorted(fault.alerts | fault.after))} after {took:.0f} s")
    return set(fault.alerts | fault.after)


def _await(
    prometheus: Prometheus, holds: Callable[[set[str]], bool], timeout_s: float, what: str, of: Set[str]
) -> None:
    if not wait_until(lambda: holds(prometheus.firing()), timeout_s=timeout_s, every_s=0.5):
        firing = prometheus.firing()
        raise StartFailed(f"{what}: {', '.join(sorted(of))}; firing: {', '.join(sorted(firing)) or 'none'}")
