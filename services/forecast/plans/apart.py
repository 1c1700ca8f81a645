"""Work on many plans, of which each stands by itself: what goes wrong with one keeps no other waiting."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from libs.common.db import is_passing


class Apart:
    """One turn over plans. `each` keeps what went wrong with one of them; `tell` raises all of it when the turn is over."""

    def __init__(self) -> None:
        self._wrong: list[Exception] = []

    @contextmanager
    def each(self, plan_id: UUID) -> Iterator[None]:
        """What goes wrong inside is this plan's alone. Trouble of the infrastructure is everybody's and is raised at once."""
        try:
            yield
        except Exception as error:
            if is_passing(error):
                raise
            error.add_note(f"plan {plan_id}")
            self._wrong.append(error)

    def tell(self) -> None:
        """Fail the turn if a plan did, after the others have had theirs: it is logged and counted once, and tried again at the next."""
        if self._wrong:
            raise ExceptionGroup(f"{len(self._wrong)} plans were left out of this turn", self._wrong)
