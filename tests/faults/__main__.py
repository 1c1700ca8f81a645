"""`make test-faults`: every crash point in every component, and faults drawn by a seed, on one of the two brokers."""

import json
import signal
import sys
import time
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tests.faults.injection.registry import FAULTS, Fault, drawn, possible
from tests.faults.injection.run import Outcome, Total, at_every_point, run

SHOWN = 20


def main(
    faults: Annotated[int, typer.Option(min=0, help="how many are drawn")] = 300,
    rounds: Annotated[int, typer.Option(min=0, help="how often each crash point in each component comes first")] = 3,
    seed: Annotated[int, typer.Option(help="the same faults in the same order again")] = 1,
    broker: Annotated[str, typer.Option(help="embedded or kafka")] = "embedded",
    only: Annotated[str, typer.Option(help="names of kinds, separated by commas")] = "",
    minutes: Annotated[float, typer.Option(min=1, help="no further fault after so long")] = 240.0,
    part: Annotated[
        str, typer.Option(help="2/3 is the second third of them; together the parts are the whole")
    ] = "1/1",
    go_on: Annotated[bool, typer.Option(help="go on with a fresh system after harm")] = False,
) -> None:
    """Inject them under traffic; status 1 and what differs at the first that does harm. The last line is one JSON object."""
    chosen = {name for name in only.split(",") if name}
    if unknown := chosen - FAULTS.keys():
        raise typer.BadParameter(f"no kind {', '.join(sorted(unknown))}; there are: {', '.join(FAULTS)}")
    which, parts = _part(part)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    total, until = Total(), time.monotonic() + minutes * 60
    console = Console()
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=console
    )
    with bar:
        task = bar.add_task("faults", total=faults)

        def choose(small_disk: bool) -> list[Fault]:
            kinds = [each for each in possible(broker, small_disk=small_disk) if not chosen or each.name in chosen]
            if not small_disk:
                console.print("the disk is not filled: that takes root, who may mount a small file system")
            whole = at_every_point(rounds) + drawn(kinds, faults, seed)
            total.before = len(whole) * (which - 1) // parts
            plan = whole[total.before : len(whole) * which // parts]
            bar.update(task, total=len(plan))
            return plan

        def report(outcome: Outcome) -> None:
            bar.update(task, advance=1, description=outcome.kind.replace("_", " "))
            taken = "never settled" if outcome.recovery_s is None else f"{outcome.recovery_s:6.1f} s"
            console.print(
                f"{outcome.number:4}  {taken}  {outcome.kind}: {outcome.detail}", markup=False, highlight=False
            )
            if outcome.differences or outcome.broke:
                _explain(console, outcome, seed, broker)

        try:
            run(total, choose, broker=broker, seed=seed, until=until, report=report, go_on=go_on)
        finally:
            # Also when somebody ends it early: what has been injected by then has been.
            bar.stop()
            console.print(json.dumps(total.line()), markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(1 if total.failed else 0)


def _part(words: str) -> tuple[int, int]:
    """Which part of how many."""
    which, _, parts = words.partition("/")
    if not (which.isdigit() and parts.isdigit() and 1 <= int(which) <= int(parts)):
        raise typer.BadParameter(f"part {words!r} is not understood; write 2/3 for the second third")
    return int(which), int(parts)


def _explain(console: Console, outcome: Outcome, seed: int, broker: str) -> None:
    more = len(outcome.differences) - SHOWN
    for line in (
        f"fault {outcome.number} of SEED={seed} BROKER={broker} did harm: {outcome.kind}: {outcome.detail}",
        *([f"  {outcome.broke}"] if outcome.broke else []),
        *(f"  {each}" for each in outcome.differences[:SHOWN]),
        *([f"  and {more} more"] if more > 0 else []),
    ):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    typer.run(main)
