"""Passwords: what an unknown mail is checked against."""

from argon2 import extract_parameters

from gateway.auth import service


def test_an_unknown_mail_is_checked_at_the_cost_of_a_known_one() -> None:
    kept = service._hasher.hash("a long passphrase")
    assert extract_parameters(service._NOBODY) == extract_parameters(kept)
    assert len(service._NOBODY) == len(kept)
    assert not service._matches(service._NOBODY, "a long passphrase")
