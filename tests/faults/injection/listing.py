"""The kinds of faults as docs/guarantees.md shows them: `python -m tests.faults.injection.listing` prints it."""

import sys

from tests.faults.injection.registry import FAULTS, Fault
from tests.faults.injection.run import DEFINED_IN
from tests.faults.injection.system import EMBEDDED, KAFKA

_NAMES = {EMBEDDED: "the embedded broker", KAFKA: "Apache Kafka"}


def listed() -> list[str]:
    """A line per kind, in the order of the modules that define them."""
    ordered = [each for module in DEFINED_IN for each in FAULTS.values() if _module(each) == module.__name__]
    assert len(ordered) == len(FAULTS), "a module of faults is missing from DEFINED_IN"
    return [_line(each) for each in ordered]


def _module(fault: Fault) -> str:
    return str(fault.inject.__module__)


def _line(fault: Fault) -> str:
    absent = [f"not on {_NAMES[broker]}: {fault.why_not}" for broker in _NAMES if broker not in fault.on]
    if fault.needs_small_disk:
        absent.append("not without root, who alone may mount a small file system")
    return f"- **{fault.title}**: {' '.join(fault.what.split())}" + "".join(
        f" *{each[0].upper()}{each[1:]}.*" for each in absent
    )


if __name__ == "__main__":
    sys.stdout.write("\n".join(listed()) + "\n")
