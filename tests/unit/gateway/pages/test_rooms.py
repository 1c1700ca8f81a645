"""Every page stands in one place of one room, and every place leads to a page."""

import pytest
from fastapi.routing import iter_route_contexts

from gateway.pages.endpoints import router
from gateway.pages.rooms import ROOMS, standing

ELSEWHERE = (
    "/",
    "/events",
    "/sign-in",
    "/sign-out",
    "/shared-plan",
)  # no room: the start, nudges, and who is not signed in


def _addresses() -> list[str]:
    found = {each.path for each in iter_route_contexts(router.routes) if "GET" in (each.methods or ())}
    return sorted(path for path in found if path and f"/{path.split('/')[1]}" not in ELSEWHERE)


@pytest.mark.parametrize("path", _addresses())
def test_every_page_stands_in_a_room(path: str) -> None:
    assert standing(path).room is not None


@pytest.mark.parametrize("place", [place.href for room in ROOMS for place in room.places])
def test_every_place_of_a_room_leads_to_a_page_and_stands_there_itself(place: str) -> None:
    assert place in _addresses()
    found = standing(place).place
    assert found is not None
    assert found.href == place


def test_the_longest_address_decides() -> None:
    found = standing("/deals/board").place
    assert found is not None
    assert found.name == "Board"
    below = standing("/deals/018f/close-plan").place
    assert below is not None
    assert below.name == "Table"


def test_what_a_buyer_opens_stands_in_no_room() -> None:
    assert standing("/shared-plan/abc").room is None
    assert standing("/callers").room is None
