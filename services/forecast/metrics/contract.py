"""What a metric promises, and the words that many contracts share. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from services.forecast.metrics.formulas.figures import Figure, Unit
from services.forecast.metrics.formulas.items import Items, Part
from services.forecast.metrics.formulas.scene import Scene

Slot = Literal["stage", "warning"]

GRAIN: Final = (
    "One deal, once. It belongs to the organisation, owner, region and so on in which it stands at as_of; what happened to it "
    "before counts there. Removed and absorbed deals are in nothing."
)
BY_BOOKING: Final = (
    "The booking day (a local date) decides on the period, but for wins that became known after finance had closed their month: they "
    "count where finance decided, until then on the day they became known. State, booking day, closings and decisions are those valid "
    "at as_of as known at known_at."
)
BY_STEPS: Final = (
    "valid_from decides when a step happened, to the instant, in the organisation's time zone; what is known at known_at decides "
    "which steps there are."
)
BY_CREATION: Final = "The CRM's creation time as a local date decides on the period; what became of the deal is as valid at as_of, known at known_at."
AT_AS_OF: Final = "As valid at as_of, as known at known_at; the period plays no part."
CONSTANT: Final = (
    "Amounts at as_of, in the reading's currency at the rate set known at known_at, a year's own rate by booking or close date; "
    "rounded per deal. Amounts on different value bases are refused, not added."
)
CONSTANT_THEN: Final = (
    "Amounts as they were at the opening instant, in the reading's currency at today's rate set (no rate effect), rounded per deal. "
    "Amounts on different value bases are refused, not added."
)
NO_MONEY: Final = "Counts deals or days; no currency."
CONVERTIBLE: Final = (
    "Deals without amount, currency or rate, or with an amount below 0, are left out and counted as unknown."
)

NOT_JUDGED: Final = (
    "With by=warning deals that cannot be judged are left out of the share and counted as unknown: those whose CRM does not tell "
    "activities or next steps, or did not yet; stages in which too few won deals have stood; economic buyers while the company has "
    "recorded none. Of the whole they are without that warning. A warning without any deal that can be judged, and one for which "
    "the forecast lacks the facts, is null with the reason."
)


@dataclass(frozen=True, kw_only=True)
class Contract:
    """What a metric promises. `name-version` is what every answer returns."""

    name: str
    title: str
    version: int = 1
    formula: str
    grain: str = GRAIN
    clock: str
    currency: str = NO_MONEY
    unknown: str
    unit: Unit
    numerator: Unit | None = "count"
    denominator: Unit | None = "count"
    slot: Slot | None = None
    """What else than the properties of deals it is cut by."""
    leaves_out_renewals: bool = False
    takes_target: bool = False
    find: Callable[[Scene], Items]
    find_by_slot: Callable[[Scene], Items] | None = None
    """The items by slot, where they are others: a deal under each of its warnings."""
    figure: Callable[[Part, Scene], Figure]
    untold: Mapping[str, str] = field(default_factory=dict)
    """Why a slot says nothing where no deal of it can be judged."""

    @property
    def label(self) -> str:
        return f"{self.name}-{self.version}"
