"""Internal tokens are signed and verified once, and hold no longer for being remembered."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from joserfc import jwt
from joserfc.jwk import OKPKey
from pydantic import SecretStr

from libs.common.config import CommonSettings
from libs.common.ids import ROOT_UNIT, new_id
from libs.common.web import auth
from libs.common.web.auth import LEEWAY_S, TTL_S, Principal, TokenSigner, TokenVerifier
from libs.common.web.errors import Unauthorised

KEYS = {kid: OKPKey.generate_key("Ed25519", parameters={"kid": kid}) for kid in ("old", "new")}
SELLER = Principal("mia", frozenset({"seller"}), (ROOT_UNIT,))
NOW = 1_790_000_000


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Sets the time, in seconds after NOW."""

    def turn(seconds: float) -> None:
        monkeypatch.setattr(auth.time, "time", lambda: NOW + seconds)
        monkeypatch.setattr(jwt.JWTClaimsRegistry, "now", property(lambda _: int(NOW + seconds)))

    turn(0)
    return turn


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tokens whose signature was looked at."""
    seen: list[str] = []
    decode = jwt.decode

    def noted(token: str, *given: Any, **named: Any) -> Any:
        seen.append(token)
        return decode(token, *given, **named)

    monkeypatch.setattr(auth.jwt, "decode", noted)
    return seen


def settings(*kids: str, signing: str = "old") -> CommonSettings:
    return CommonSettings(
        database_url=SecretStr("postgresql+asyncpg://none"),
        internal_signing_key=SecretStr(orjson.dumps(KEYS[signing].as_dict(private=True)).decode()),
        internal_verify_keys=orjson.dumps({"keys": [KEYS[kid].as_dict(private=False) for kid in kids]}).decode(),
    )


def test_a_token_is_verified_once_and_refused_the_second_it_expires(
    at: Callable[[float], None], decoded: list[str]
) -> None:
    verifier = TokenVerifier(settings("old"))
    token = TokenSigner(settings("old")).sign(SELLER)
    for second in (0, 1, TTL_S, TTL_S + LEEWAY_S - 1):
        at(second)
        assert verifier.verify(token) == SELLER
    assert len(decoded) == 1
    at(TTL_S + LEEWAY_S)
    with pytest.raises(Unauthorised):
        verifier.verify(token)


def test_whatever_differs_from_a_remembered_token_is_verified_for_itself(at: Callable[[float], None]) -> None:
    verifier = TokenVerifier(settings("old"))
    token = TokenSigner(settings("old")).sign(SELLER)
    verifier.verify(token)
    header, claims, signature = token.split(".")
    other = TokenSigner(settings("old")).sign(Principal("mia", frozenset({"admin"}), (ROOT_UNIT,))).split(".")
    for forged in (f"{header}.{other[1]}.{signature}", f"{header}.{claims}.{other[2]}", f"{header}.{claims}.", ""):
        with pytest.raises(Unauthorised):
            verifier.verify(forged)


def test_a_key_that_is_taken_away_verifies_nothing_more(at: Callable[[float], None]) -> None:
    token = TokenSigner(settings("old")).sign(SELLER)
    assert TokenVerifier(settings("old", "new")).verify(token) == SELLER
    with pytest.raises(Unauthorised):
        TokenVerifier(settings("new")).verify(token)


@pytest.mark.parametrize("claim", [{"aud": "another"}, {"iss": "another"}, {"exp": NOW - LEEWAY_S}])
def test_a_token_that_is_not_for_us_is_never_remembered(at: Callable[[float], None], claim: dict[str, Any]) -> None:
    meant = {"iss": "foretell", "aud": "foretell-internal", "sub": "mia", "roles": [], "scope": [], "exp": NOW + 60}
    token = jwt.encode({"alg": "Ed25519", "kid": "old"}, meant | claim, KEYS["old"], algorithms=["Ed25519"])
    verifier = TokenVerifier(settings("old"))
    for _ in range(2):
        with pytest.raises(Unauthorised):
            verifier.verify(token)


def test_a_principals_token_serves_again_for_half_of_its_life_and_no_other_principal(
    at: Callable[[float], None],
) -> None:
    signer = TokenSigner(settings("old"))
    first = signer.sign(SELLER)
    at(TTL_S / 2)
    assert signer.sign(SELLER) == first
    at(TTL_S / 2 + 1)
    assert signer.sign(SELLER) != first
    others = [Principal("mia", frozenset({"viewer"}), SELLER.scope), Principal("mia", SELLER.roles, (new_id(),))]
    assert len({signer.sign(each) for each in (SELLER, *others)}) == 3


def test_no_more_tokens_are_remembered_than_there_is_room_for(
    at: Callable[[float], None], decoded: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "MOST_REMEMBERED", 2)
    signer, verifier = TokenSigner(settings("old")), TokenVerifier(settings("old"))
    tokens = [signer.sign(Principal(name, SELLER.roles, SELLER.scope)) for name in ("a", "b", "c")]
    for token in (*tokens, tokens[2], tokens[0]):
        verifier.verify(token)
    assert decoded == [*tokens, tokens[0]]
