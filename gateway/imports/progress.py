"""Progress of an import: a bar on a terminal, now and then a plain line elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from gateway.imports.reading.stream import Stream
from libs.common import clock

LINE_EVERY_S = 5.0


class Meter:
    """Told after each batch; knows the share of bytes read and the rows per second."""

    def __init__(self, console: Console, bar: Progress | None) -> None:
        self._console, self._bar = console, bar
        self._task = bar.add_task("reading", total=None, rate=0.0, rows=0) if bar else None
        self._started = self._last_line = clock.monotonic()

    def show(self, stream: Stream) -> None:
        now = clock.monotonic()
        rate = stream.tally.rows / max(now - self._started, 1e-6)
        if self._bar is not None and self._task is not None:
            self._bar.update(
                self._task, total=stream.total_bytes, completed=stream.bytes_read, rows=stream.tally.rows, rate=rate
            )
        elif now - self._last_line >= LINE_EVERY_S:
            self._last_line = now
            share = stream.bytes_read / max(stream.total_bytes, 1)
            self._console.print(f"{share:4.0%}  {stream.tally.rows:,} rows, {rate:,.0f} rows/s", highlight=False)

    @property
    def elapsed_s(self) -> float:
        return clock.monotonic() - self._started


@contextmanager
def meter(console: Console) -> Iterator[Meter]:
    if not console.is_terminal:
        yield Meter(console, None)
        return
    columns = (
        TextColumn("{task.fields[rows]:,} rows"),
        BarColumn(),
        TextColumn("{task.percentage:3.0f} %"),
        TextColumn("{task.fields[rate]:,.0f} rows/s"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bar:
        yield Meter(console, bar)
