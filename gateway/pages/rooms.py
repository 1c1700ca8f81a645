"""The rooms that the pages stand in, as the bars above every page show them. Pure.

The first bar names the rooms, the second the pages of the room in which one stands; what a page divides itself into
(the tabs of a plan, of the projection) is the page's own matter, as it depends on what is shown.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """One page of a room; it is current below its address and below `also`."""

    href: str
    name: str
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Room:
    name: str
    places: tuple[Place, ...]

    @property
    def href(self) -> str:
        return self.places[0].href


ROOMS = (
    Room(
        "Forecast",
        (
            Place("/call", "Call"),
            Place("/projection", "Projection"),
            Place("/movement", "Movement"),
            Place("/pipeline", "Pipeline"),
        ),
    ),
    Room(
        "Deals",
        (
            Place("/my-deals", "My deals"),
            Place("/deals", "Table"),
            Place("/deals/board", "Board"),
            Place("/deals/quality", "What is missing"),
            Place("/deals/credit", "Credit"),
            Place("/deals/competitors", "Competitors"),
            Place("/focus", "Focus"),
            Place("/signals", "Signals"),
        ),
    ),
    Room("Accounts", (Place("/accounts", "Accounts"), Place("/accounts/whitespace", "White space"))),
    Room(
        "Leads",
        (
            Place("/leads", "Queue"),
            Place("/leads/flow", "Routing and absences"),
            Place("/campaigns", "Campaigns"),
            Place("/leads/calibration", "How right chances were"),
        ),
    ),
    Room(
        "Prices",
        (
            Place("/prices", "Check a price"),
            Place("/prices/quotes", "Quotes and approvals"),
            Place("/prices/promotions", "Promotions"),
            Place("/prices/promises", "Promised in return"),
            Place("/prices/draws", "Drawn prices"),
            Place("/prices/policy", "Policy"),
            Place("/prices/realisation", "What is left of list"),
        ),
    ),
    Room("Plans", (Place("/plans", "Plans"), Place("/reviews", "Reviews"), Place("/scorecard", "Scorecard"))),
    Room(
        "Set up",
        (
            Place("/organisation", "Organisation"),
            Place("/connections", "Connections"),
            Place("/deliveries", "Deliveries"),
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an address stands; nowhere for those of no room (what a buyer opens, the sign-in)."""

    room: Room | None = None
    place: Place | None = None


def standing(path: str) -> Standing:
    """The room and the page of it that an address stands in: the longest address that leads there decides."""
    best: tuple[int, Room, Place] | None = None
    for room in ROOMS:
        for place in room.places:
            for address in (place.href, *place.also):
                inside = path == address or path.startswith(address + "/")
                if inside and (best is None or len(address) > best[0]):
                    best = (len(address), room, place)
    return Standing(best[1], best[2]) if best else Standing()
