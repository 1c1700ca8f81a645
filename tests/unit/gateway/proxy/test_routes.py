import pytest

from gateway.proxy.routes import FORWARDED_REQUEST_HEADERS, FORWARDED_RESPONSE_HEADERS, OWNER_OF, SERVICES, is_plain


@pytest.mark.parametrize(
    "path", ["deals/../../v1/positions", "deals/./x", "deals//x", "deals/..", "..", "deals\\..\\x", "deals/x/"]
)
def test_a_path_that_a_service_could_read_differently_is_not_passed_on(path: str) -> None:
    assert not is_plain(path)


@pytest.mark.parametrize("path", ["forecast/rollup", "deals", "accounts/0c1d6a8b/notes..txt"])
def test_a_plain_path_is_passed_on(path: str) -> None:
    assert is_plain(path)


def test_neither_cookie_nor_key_of_the_caller_goes_inside() -> None:
    assert not FORWARDED_REQUEST_HEADERS & {"cookie", "authorization", "host", "x-forwarded-for", "x-csrf-token"}
    assert "set-cookie" not in FORWARDED_RESPONSE_HEADERS


def test_preconditions_and_repetition_keys_reach_the_services() -> None:
    assert {"if-match", "idempotency-key", "traceparent"} <= FORWARDED_REQUEST_HEADERS
    assert {"etag", "retry-after"} <= FORWARDED_RESPONSE_HEADERS


def test_every_service_is_reachable_and_nothing_else() -> None:
    assert set(OWNER_OF.values()) == set(SERVICES)
    assert not set(OWNER_OF) & {"positions", "dead-letters"}
