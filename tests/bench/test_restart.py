"""The measurement of a restart measures, and nothing that was taken is lost by it. No limit: this machine is shared."""

import os

from deploy.local import restarting


def test_after_kill_9_of_everything_the_pages_are_ready_again_with_all_that_was_taken() -> None:
    said: list[str] = []
    figures = restarting.run(broker=os.environ.get("FORETELL_TEST_BROKER", "embedded"), brokers=1, say=said.append)
    assert figures["deals"] == 2 * restarting.CHANGES
    assert 0 < figures["gateway_ms"] <= figures["pages_ms"]
    assert figures["gateway_ms"] <= figures["all_ms"]
