"""Which processes come to which crash point."""

from deploy.local.books import CONSUMERS
from deploy.local.components import PACKAGES

EVERY = tuple(PACKAGES)

IN_PROCESSES: dict[str, tuple[str, ...]] = {
    "gateway.authenticated_not_stored": ("gateway",),
    "gateway.stored_not_answered": ("gateway",),
    "gateway.committed_not_woken": ("gateway",),
    "gateway.parsed_not_committed": ("gateway",),
    "gateway.fetched_not_committed": ("gateway",),
    "relay.read_not_sent": EVERY,
    "relay.sent_cursor_not_stored": EVERY,
    "consumer.polled_not_applied": CONSUMERS,
    "consumer.applied_not_committed": CONSUMERS,
    "consumer.committed_offset_not_copied": CONSUMERS,
    **{f"{name}.applied_not_committed": (name,) for name in (*CONSUMERS, "gateway")},
    "gateway.written_not_recorded": ("gateway",),
}
IN_THE_IMPORT = ("gateway.import_batch_not_committed", "gateway.import_batch_committed")
