from gateway.auth.limits import AttemptLimit


def test_the_next_guess_after_a_full_window_is_refused_until_the_window_has_moved_on() -> None:
    limit = AttemptLimit(attempts=3, window_s=60)
    assert [limit.allows("10.0.0.1", at=at) for at in (0, 1, 2, 3)] == [True, True, True, False]
    assert limit.wait_s("10.0.0.1", at=3) == 57
    assert limit.allows("10.0.0.1", at=60.0)
    assert not limit.allows("10.0.0.1", at=60.5)


def test_one_guesser_does_not_lock_out_another() -> None:
    limit = AttemptLimit(attempts=1, window_s=60)
    assert limit.allows("a", at=0)
    assert not limit.allows("a", at=1)
    assert limit.allows("b", at=1)


def test_many_names_do_not_fill_the_memory() -> None:
    limit = AttemptLimit(attempts=1, window_s=60, names=100)
    for number in range(1000):
        limit.allows(f"name {number}", at=number / 1000)
    assert len(limit._seen) <= 100
