from gateway.auth.tokens import KEY_PREFIX, csrf_token, fingerprint, new_key, new_token, same


def test_the_database_never_holds_what_opens_the_door() -> None:
    token = new_token()
    assert token.encode() not in fingerprint(token)
    assert fingerprint(token) == fingerprint(token)
    assert fingerprint(token) != fingerprint(new_token())


def test_a_leaked_key_can_be_recognised() -> None:
    assert new_key().startswith(KEY_PREFIX)
    assert new_key() != new_key()


def test_the_csrf_token_belongs_to_one_session_and_does_not_reveal_it() -> None:
    mine, other = new_token(), new_token()
    assert csrf_token(mine) == csrf_token(mine)
    assert csrf_token(mine) != csrf_token(other)
    assert mine not in csrf_token(mine)


def test_secrets_are_compared_as_a_whole() -> None:
    assert same("abc", "abc")
    assert not same("abc", "abd")
    assert not same("abc", "abcd")
