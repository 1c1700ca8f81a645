"""What may be seen at an instant: nothing that was recorded after it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import numpy as np

from libs.common.calendar import FiscalCalendar
from services.forecast.champion import methods
from services.forecast.champion.methods import Chosen, Method
from services.forecast.history.columns import Columns, seen, timeline
from services.forecast.projection.contracts import Contracts
from services.forecast.projection.reading import contracts_of, steps_of
from services.forecast.projection.settings import Settings
from services.forecast.projection.steps import Steps
from services.forecast.rates.conversion import Rates
from services.forecast.setup import answered as setup
from services.forecast.setup.answered import Answered


@dataclass(frozen=True, slots=True)
class Sight:
    """From where history is looked at: its columns, their rates, calendar and time zone, and when what was imported came.

    Nothing that was recorded after `known_at` is seen. `answered` at set-up and `chosen` of the two methods by then, oldest first.
    """

    columns: Columns
    rates: Rates
    calendar: FiscalCalendar
    zone: ZoneInfo
    imported_at: datetime | None
    known_at: datetime
    answered: Sequence[Answered] = ()
    chosen: Sequence[Chosen] = ()

    def settings(self, at: datetime, method: Method | None = None) -> Settings:
        """The settings at an instant: with what had been answered at set-up by then, of the method that answered or of another."""
        answered = setup.settings_of(setup.in_force(self.answered, at), currency=self.rates.base)
        return methods.settings_of(method or methods.method_of(methods.in_force(self.chosen, at)), answered)

    def sees(self, as_of: datetime, known_at: datetime) -> int:
        """How many rows of history are valid and known at two instants."""
        return int(np.count_nonzero(seen(self.columns, as_of, known_at)))

    def midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(), self.zone)

    def known_by(self, at: datetime) -> datetime:
        """Until when what was recorded counts as known at `at`: what was imported does from its own time on."""
        return min(self.known_at, max(at, self.imported_at or at))

    def known_then(self, day: date) -> tuple[Steps, Contracts]:
        """What was known when a day began: the steps of deals, and what was sold for a term."""
        at = self.midnight(day)
        rows = timeline(self.columns, at, self.known_by(at))
        return (
            steps_of(self.columns, rows, self.rates, self.zone),
            contracts_of(self.columns, rows, self.rates, self.zone),
        )
