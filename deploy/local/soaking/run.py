"""A system of its own under changes at a fixed rate, sampled all along; then whether anything climbs."""

import json
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from deploy.local.crms import Crms
from deploy.local.errors import LocalError
from deploy.local.soaking.samples import Sample, take
from deploy.local.soaking.slopes import Slope, climbs, slope
from deploy.local.stack import Stack
from deploy.local.traffic import Traffic

EVERY_S = 2.0
WARM_UP = 0.3
"""This share of the time is not judged: caches fill, pools open."""
MEMORY = {"share": 0.10, "least": 40.0}
"""Memory climbs when it surely gains more than a tenth, and more than 40 MB, in an hour: history itself is kept in memory."""
HANDLES = {"share": 0.05, "least": 10.0}
BY_NATURE = {"broker memory": "the embedded broker keeps every event in memory until it ends"}
"""What climbs and is told, and held against nobody."""
LAG = {"share": 1.0, "least": 60.0}
SAMPLES = 24

Say = Callable[[str], None]


def main(*, minutes: float, rate_per_s: float, broker: str, brokers: int) -> int:
    """1 when something climbs. The last line is one JSON object."""
    if minutes * 60 * (1 - WARM_UP) / EVERY_S < SAMPLES:
        raise LocalError(f"MINUTES={minutes:g} is too short to tell; 2 is the least")
    with tempfile.TemporaryDirectory(prefix="foretell-soak-") as folder:
        home = Path(folder)
        home.chmod(0o755)
        with Stack(home, ports="auto", broker=broker, brokers=brokers) as stack, Crms(stack) as crms:
            traffic = Traffic(crms)
            samples = _soak(stack, traffic, minutes * 60, rate_per_s)
            found = judge(
                samples, is_embedded=broker == "embedded", say=lambda line: print(f"soak      | {line}", flush=True)
            )
    figures = {"name": "soak", "minutes": minutes, "rate_per_s": rate_per_s, "changes": len(traffic.taken), **found}
    print(json.dumps(figures, allow_nan=False), flush=True)
    return 0 if found["flat"] else 1


def _soak(stack: Stack, traffic: Traffic, seconds: float, rate_per_s: float) -> list[Sample]:
    samples: list[Sample] = []
    pause = threading.Event()
    with traffic.flowing(rate_per_s=rate_per_s):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            samples.append(take(stack))
            pause.wait(EVERY_S)
    return samples


def judge(samples: Sequence[Sample], *, is_embedded: bool, say: Say) -> dict[str, Any]:
    """Slopes per hour with their intervals, of what was sampled after the warm-up; and whether nothing climbs."""
    judged = samples[int(len(samples) * WARM_UP) :]
    at = [each.at for each in judged]
    guilty: list[str] = []

    def fit(name: str, values: Sequence[float], unit: str, limits: dict[str, float]) -> Slope:
        found = slope(at, values)
        low, mid, high = found.shown()
        say(f"{name:<22} {found.mean:9.1f} {unit:<8} {mid:+9.2f} an hour, 95 % {low:+.2f} to {high:+.2f}")
        if climbs(found, **limits) and not (name in BY_NATURE and is_embedded):
            guilty.append(name)
        return found

    processes: dict[str, Any] = {}
    for name in judged[-1].memory_mb:
        memory = fit(f"{name} memory", [each.memory_mb.get(name, 0.0) for each in judged], "MB", MEMORY)
        handles = fit(f"{name} handles", [each.handles.get(name, 0.0) for each in judged], "files", HANDLES)
        processes[name] = {
            "memory_mb": round(memory.mean, 1),
            "memory_mb_per_hour": memory.shown(),
            "handles": round(handles.mean, 1),
            "handles_per_hour": handles.shown(),
        }
    lag = fit("lag", [each.lag_s for each in judged], "s", LAG)
    fit("records not applied", [each.lag_records for each in judged], "records", LAG)
    return {
        "processes": processes,
        "lag_s_per_hour": lag.shown(),
        "max_lag_s": round(max(each.lag_s for each in judged), 1),
        "climbing": guilty,
        "flat": not guilty,
    }
