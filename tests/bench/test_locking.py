"""`make bench-locks`, small: the product's own job freezes locks, and a process that begins again finds what another kept."""

from deploy.local import locking


def test_a_process_that_begins_again_freezes_a_lock_without_learning_the_past_anew() -> None:
    said: list[str] = []
    figures = locking.run(deals=6_000, say=said.append)

    assert 300 < figures["open"] < 900
    assert 0 < figures["next_s"] < figures["first_s"]
    assert 0 < figures["restarted_s"] < figures["first_s"]
    assert figures["sayings"] == 20
