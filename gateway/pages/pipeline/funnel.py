"""How the metrics are drawn: stages as a funnel, shares as bars. Lengths are thousandths of the width. Pure; no sum is made here."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WIDTH = 1000
SMALLEST = 4.0
"""What there is is seen, however little it is."""

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage with what each metric says of it, null where it says nothing. `came` is that part of `entered` that went on."""

    key: str
    pipeline: str
    name: str
    conversion: Row | None
    time: Row | None
    age: Row | None
    stalled: Row | None
    entered: str
    came: str


def stages(conversion: Sequence[Row], time: Sequence[Row], age: Sequence[Row], stalled: Sequence[Row]) -> list[Stage]:
    """The stages in their order; bars in proportion to the stage of all pipelines that most deals entered."""
    by_key = [{row["key"]: row for row in rows} for rows in (conversion, time, age, stalled)]
    most = max((row["denominator"] or 0 for row in conversion), default=0)
    made = []
    keys = in_order(by_key)
    pipelines = list(dict.fromkeys(key.partition("/")[0] for key in keys))
    for key in sorted(keys, key=lambda key: pipelines.index(key.partition("/")[0])):
        pipeline, _, name = key.partition("/")
        of = by_key[0].get(key)
        entered, came = (length(of[side], most) if of else length(0, most) for side in ("denominator", "numerator"))
        shown = dict(zip(("conversion", "time", "age", "stalled"), (rows.get(key) for rows in by_key), strict=True))
        made.append(Stage(key, pipeline, name, **shown, entered=entered, came=came))
    return made


def in_order(lists: Iterable[Iterable[str]]) -> list[str]:
    """Every key of lists that have one order in common: what a list does not have stands behind what it follows elsewhere."""
    found: list[str] = []
    for keys in lists:
        at = 0
        for key in keys:
            if key in found:
                at = found.index(key) + 1
            else:
                found.insert(at, key)
                at += 1
    return found


def length(part: float | None, whole: float | None) -> str:
    """The length of a part; none of nothing or of what is unknown."""
    if not part or not whole:
        return "0.00"
    return f"{min(max(part * WIDTH / whole, SMALLEST), WIDTH):.2f}"


@dataclass(frozen=True, slots=True)
class Third:
    """A piece of a bar of three."""

    name: str
    share: float
    x: str
    width: str


def thirds(factors: Mapping[str, Row]) -> list[Third]:
    """The shares booked in the first, second and last third of a period; none while nothing is booked."""
    made: list[Third] = []
    x = 0.0
    for name in ("first", "second", "last"):
        factor = factors.get(f"{name}_third")
        if factor is None or factor["value"] is None:
            return []
        share = float(factor["value"])
        made.append(Third(name, share, f"{x:.2f}", f"{share * WIDTH:.2f}"))
        x += share * WIDTH
    return made
