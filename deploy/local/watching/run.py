"""A seeded system under traffic, seen by a real Prometheus: every query has series, and each fault makes its alerts fire."""

import json
import tempfile
import time
from collections.abc import Callable, Sequence, Set
from contextlib import ExitStack
from pathlib import Path

from deploy.local import components, ports, simulated
from deploy.local.crms import Crms
from deploy.local.stack import Stack
from deploy.local.traffic import Traffic
from deploy.local.waiting import wait_until
from deploy.local.watching.asking import all_queries, without_series
from deploy.local.watching.faults import FAULTS, LIMITS, ROUNDS, THROUGHOUT, Fault, injected
from deploy.local.watching.harm import compare, discard, make_a_late_lock
from deploy.local.watching.prometheus import Prometheus, program, quickened
from simulator.config import Provider

HISTORY = 200
RATE_PER_S = 4.0
SERIES_S = 90.0
FIRE_S = 90.0
SILENT_S = 90.0
WITHOUT_STANDBY = {"wal_level": "minimal", "max_wal_senders": "0"}
"""So a session that holds a table is no writer, for whom relays would wait."""
COMPARED: tuple[Provider, ...] = ("hubspot", "salesforce", "pipedrive")

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
        with Stack(home, ports="auto", broker=broker, brokers=brokers, postgres=WITHOUT_STANDBY) as stack:
            found = _watch(stack, say)
    print(json.dumps({"name": "check-dashboards", **found, "seconds": round(time.monotonic() - begun, 1)}), flush=True)
    lasting = {alert for fault in FAULTS for alert in fault.lasting}
    whole = {"without_series": 0, "alerts": len(expected()), "ended": len(expected() - lasting)}
    return 0 if {name: found[name] for name in whole} == whole else 1


def expected() -> set[str]:
    """Every alert that some fault must make fire."""
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
            # A lock that is made before the first look at its counter would not have been counted.
            wait_until(lambda: prometheus.has_series("forecast_lock_delay_seconds_count"), timeout_s=SERIES_S)
            make_a_late_lock(stack)
            # The comparison at the start may have found no CRM that answers yet; the next would come in an hour.
            for provider in COMPARED:
                compare(crms, provider)
            lacking, asked = _ask_all(prometheus, crms, say)
            wait_until(lambda: not prometheus.firing(), timeout_s=SILENT_S, every_s=0.5)
            early = prometheus.firing()
            if early:
                say(f"fire although nothing was done: {', '.join(sorted(early))}")
            fired, ended = (set(), set()) if early else _do_all(prometheus, crms, say)
    alerts = {"alerts": len(fired & expected()), "ended": len(ended)}
    return {"queries": asked, "without_series": len(lacking), "faults": len(FAULTS), **alerts}


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


def _do_all(prometheus: Prometheus, crms: Crms, say: Say) -> tuple[set[str], set[str]]:
    """Names of alerts that fired, and of those that ended."""
    fired: set[str] = set()
    with ExitStack() as throughout:
        begun = time.monotonic()
        throughout.enter_context(injected(THROUGHOUT, crms))
        for together in ROUNDS:
            fired |= _do(together, prometheus, crms, say)
        fired |= _seen({THROUGHOUT: throughout}, prometheus, begun, say)
    discard(crms.stack)
    passing = expected() - {alert for fault in FAULTS for alert in fault.lasting}
    wait_until(lambda: not passing & prometheus.firing(), timeout_s=SILENT_S, every_s=0.5)
    still = passing & prometheus.firing()
    say(
        f"all is mended, {len(passing - still)} of {len(passing)} alerts are silent"
        + "".join(map(", not {}".format, still))
    )
    return fired, (passing & fired) - still


def _do(together: Sequence[Fault], prometheus: Prometheus, crms: Crms, say: Say) -> set[str]:
    """Do them at the same time; which of their alerts fired that had not fired before."""
    awaited = {alert for fault in together for alert in fault.alerts | fault.after}
    wait_until(lambda: not awaited & prometheus.firing(), timeout_s=SILENT_S, every_s=0.5)
    early = awaited & prometheus.firing()
    if early:
        say(f"fire before anything was done to them: {', '.join(sorted(early))}")
    begun = time.monotonic()
    with ExitStack() as all_of_them:
        standing = {}
        for fault in together:
            standing[fault] = all_of_them.enter_context(ExitStack())
            standing[fault].enter_context(injected(fault, crms))
        return _seen(standing, prometheus, begun, say) - early


def _seen(standing: dict[Fault, ExitStack], prometheus: Prometheus, begun: float, say: Say) -> set[str]:
    """Mend each fault when its alerts fire, and wait for those that then come; all of theirs that fired."""
    seen: dict[Fault, set[str]] = {fault: set() for fault in standing}

    def all_fired() -> bool:
        firing = prometheus.firing()
        for fault in seen:
            seen[fault] |= firing & (fault.alerts if fault in standing else fault.after)
        for fault in [each for each in standing if each.alerts <= seen[each]]:
            standing.pop(fault).close()
            _tell(fault, seen[fault], begun, say)
        return not standing and all(fault.after <= found for fault, found in seen.items())

    wait_until(all_fired, timeout_s=FIRE_S, every_s=0.5)
    for fault, found in seen.items():
        if fault.after or fault in standing:
            _tell(fault, found, begun, say)
    return set().union(*seen.values())


def _tell(fault: Fault, found: Set[str], begun: float, say: Say) -> None:
    lacking = (fault.alerts | fault.after) - found
    after = f"{', '.join(sorted(found)) or 'nothing'} after {time.monotonic() - begun:.0f} s"
    say(f"{fault.name}: {after}" + (f"; not yet: {', '.join(sorted(lacking))}" if lacking else ""))
