"""Loading a component's code with the garbage collector at rest."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def loading() -> Iterator[None]:
    """Collect nothing inside, and never look through what was made there again.

    Modules, routes and schemas are hundreds of thousands of objects that stay; a collector that looks through them again and
    again while they are made takes a quarter of the time of a start.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
