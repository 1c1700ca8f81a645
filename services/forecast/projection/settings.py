"""Every number of the engine that was chosen rather than learnt. None of them comes from a real company.

`quarter_prior`, `quarter_events`, `weekend_prior` and `week_events` are what `make priors` prints of simulated companies; the
others are round numbers set beforehand, and judged in simulated companies by `make calibrate`.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Settings:
    """Days unless it says otherwise. `exposure`: how many deal-days of other evidence a parent is worth."""

    ages: tuple[int, ...] = (1, 2, 3, 4, 5, 7, 10, 14, 21, 30, 45, 60, 75, 90, 105, 120, 150, 180, 240, 365)
    """First day of each age band of a stage; the last has no end."""
    silence: float = 10.0
    """Closes to be expected before the first one, from which on there were none because nobody recorded them."""
    half_life: float = 365.0
    size_half_life: float = 180.0
    arrival_half_life: float = 60.0
    company_exposure: float = 100.0
    stage_exposure: float = 60.0
    age_exposure: float = 120.0
    segment_exposure: float = 300.0
    quarter_prior: tuple[tuple[float, ...], ...] = (
        (0.82, 1.19, 0.91, 1.17, 0.93, 1.78),
        (0.85, 1.06, 0.94, 1.05, 0.95, 1.78),
        (0.88, 1.1, 0.97, 1.09, 0.98, 1.37),
    )
    """Of wins, losses and moves: months 1 to 3 of a quarter, each without and then with its last seven days."""
    quarter_events: tuple[tuple[float, ...], ...] = (
        (83.0, 19.0, 131.0, 25.0, 158.0, 8.0),
        (103.0, 51.0, 202.0, 63.0, 138.0, 3.0),
        (132.0, 70.0, 395.0, 94.0, 415.0, 29.0),
    )
    """Expected events that each of these is worth."""
    weekend_prior: float = 0.46
    """A day of the weekend, over a working day."""
    week_events: float = 2.8
    """Expected events that this is worth, on each day of the week."""
    win_rate: float = 0.25
    cycle: float = 90.0
    """Median days from creation to close, until history says otherwise."""
    deals_a_month: float = 10.0
    arrival_weeks: float = 2.0
    """Weeks of creation that the answer given at set-up is worth as long as none is seen."""
    arrival_deals: float = 10.0
    """Deals seen that halve this."""
    won_amount: float | None = None
    """What a won deal brings on average, as it was answered at set-up; worth `size_wins` wins, the fewer the more are seen."""
    size_cv: float = 1.0
    """Standard deviation of what a deal brings over its mean, until history says otherwise."""
    size_wins: float = 10.0
    segment_wins: float = 20.0
    ratio_wins: float = 10.0
    shock: float = 0.12
    """Standard deviation of what moves all deals of a period together."""
    shock_periods: float = 6.0
    change: float = 0.5
    """Chance of a change of regime in the days counted, beforehand."""
    level_events: float = 20.0
    """Events by which a level before and after a change is held to 1."""
    evidence_wins: float = 10.0
    prior_stretch: float = 1.25
    periods_for_stretch: int = 9
    periods_for_wide_band: int = 19
    stretch_periods: float = 12.0
    blend: tuple[tuple[str, float], ...] = (("hazard", 0.7), ("moving_average", 0.2), ("seasonal", 0.1))
    blend_periods: float = 4.0
    periods_for_others: int = 8
    few_wins: float = 15.0
    large_share: float = 0.1
    enumerated: int = 8

    @property
    def digest(self) -> str:
        """Twelve hexadecimal digits that change with any number here; what nobody answered is none."""
        numbers = {name: number for name, number in asdict(self).items() if number is not None}
        return hashlib.sha256(json.dumps(numbers, sort_keys=True).encode()).hexdigest()[:12]


DEFAULT: Final = Settings()
