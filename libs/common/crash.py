"""Named points at which a process can be made to kill itself, so that tests can prove what survives."""

import os

POINTS: frozenset[str] = frozenset(
    {
        "gateway.authenticated_not_stored",
        "gateway.stored_not_answered",
        "gateway.parsed_not_committed",
        "gateway.fetched_not_committed",
        "gateway.committed_not_woken",
        "gateway.import_batch_not_committed",
        "gateway.import_batch_committed",
        "relay.read_not_sent",
        "relay.sent_cursor_not_stored",
        "consumer.polled_not_applied",
        "consumer.applied_not_committed",
        "consumer.committed_offset_not_copied",
        "deals.applied_not_committed",
        "forecast.applied_not_committed",
        "gateway.applied_not_committed",
        "gateway.written_not_recorded",
        "leads.applied_not_committed",
        "pricing.applied_not_committed",
    }
)
"""Every point there is; a name outside this set is refused at the start of a process."""

_armed: str | None = None


def arm(name: str | None) -> None:
    """Make this process die at `name` (None disarms). Raises ValueError for a name that no code has."""
    global _armed
    if name is not None and name not in POINTS:
        raise ValueError(f"{name!r} is not a crash point; there are: {', '.join(sorted(POINTS))}")
    _armed = name


def point(name: str) -> None:
    """Die here, as by `kill -9`, if armed for `name`; otherwise nothing."""
    if _armed == name:
        os._exit(137)
