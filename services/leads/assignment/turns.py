"""Whose turn it is. Pure."""

from collections.abc import Collection, Iterable
from uuid import UUID


def next_in_turn(people: Iterable[UUID], *, last: UUID | None, able: Collection[UUID]) -> UUID | None:
    """The first of those who are able after the one who had the last turn, going round in the order of ids.

    The order does not depend on who is there, so of any two who are able all along, each gets a turn between two turns of
    the other, whoever comes, leaves or is passed over meanwhile. None where nobody is able.
    """
    ring = sorted(set(people) & set(able))
    if not ring:
        return None
    return next((each for each in ring if last is not None and each > last), ring[0])
