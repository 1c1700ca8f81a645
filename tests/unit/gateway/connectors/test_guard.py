"""A fetch reaches the public internet and nothing inside, however the address is written or resolved."""

import socket

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.connectors.guard import Blocked, GuardedTransport, allowed_hosts, is_public, resolve

PUBLIC = "93.184.216.34"


class _Recorder(httpx.AsyncBaseTransport):
    """Answers everything, and keeps what it was asked; `status` and `headers` of the answer."""

    def __init__(self, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self.asked: list[httpx.Request] = []
        self.status, self.headers = status, headers or {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        return httpx.Response(self.status, headers=self.headers, json={})


def _client(recorder: httpx.AsyncBaseTransport, *addresses: str, allow: str = "") -> httpx.AsyncClient:
    async def known(host: str, port: int) -> list[str]:
        return list(addresses)

    guard = GuardedTransport(
        allow=allowed_hosts(allow), resolve=known if addresses else resolve, transport=lambda: recorder
    )
    return httpx.AsyncClient(transport=guard, follow_redirects=False)


INSIDE = [
    "127.0.0.1",
    "127.8.8.8",
    "10.0.0.1",
    "172.16.5.4",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",  # noqa: S104 - never bound to
    "255.255.255.255",
    "224.0.0.1",
    "240.0.0.1",
    "192.0.2.1",
    "198.18.0.1",
    "::1",
    "::",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "fd00:ec2::254",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "2002:7f00:1::",
    "2002:a00:1::",
    "64:ff9b::7f00:1",
    "64:ff9b::a00:1",
    "2001:db8::1",
    "not an address",
]  # fmt: skip


@pytest.mark.parametrize("address", INSIDE)
async def test_a_name_that_resolves_to_an_address_inside_is_never_asked(address: str) -> None:
    assert not is_public(address)
    recorder = _Recorder()
    for addresses in ([address], [PUBLIC, address], [address, PUBLIC]):
        with pytest.raises(Blocked):
            await _client(recorder, *addresses).get("https://crm.example.com/deals/1")
    assert recorder.asked == []


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "10.0.0.1", "169.254.169.254", "[::1]", "[::ffff:127.0.0.1]", "localhost", "2130706433", "0x7f.1", "127.1"],
)  # fmt: skip
async def test_an_address_inside_is_never_asked_however_it_is_written(host: str) -> None:
    recorder = _Recorder()
    with pytest.raises((Blocked, httpx.ConnectError)):
        await _client(recorder).get(f"https://{host}/deals/1")
    assert recorder.asked == []


@given(st.ip_addresses(v=4))
def test_an_address_is_as_public_inside_an_ipv6_address_as_it_is_itself(address: object) -> None:
    assert is_public(f"::ffff:{address}") == is_public(f"64:ff9b::{address}") == is_public(str(address))


async def test_the_connection_goes_to_the_address_that_was_checked_under_the_name_that_was_meant() -> None:
    recorder = _Recorder()
    asked: list[str] = []

    async def changing(host: str, port: int) -> list[str]:
        asked.append(host)
        return [PUBLIC] if len(asked) == 1 else ["127.0.0.1"]

    guard = GuardedTransport(resolve=changing, transport=lambda: recorder)
    async with httpx.AsyncClient(transport=guard) as http:
        await http.get("https://crm.example.com:8443/deals/1?a=b")
        with pytest.raises(Blocked):
            await http.get("https://crm.example.com:8443/deals/2")
    (request,) = recorder.asked
    assert str(request.url) == f"https://{PUBLIC}:8443/deals/1?a=b"
    assert request.headers["host"] == "crm.example.com:8443"
    assert request.extensions["sni_hostname"] == "crm.example.com"
    assert asked == ["crm.example.com"] * 2, "resolved once for each request"


async def test_two_names_at_one_address_share_no_connection() -> None:
    made: list[_Recorder] = []

    async def known(host: str, port: int) -> list[str]:
        return [PUBLIC]

    def transport() -> _Recorder:
        made.append(_Recorder())
        return made[-1]

    async with httpx.AsyncClient(transport=GuardedTransport(resolve=known, transport=transport)) as http:
        for host in ("a.example", "b.example", "a.example"):
            await http.get(f"https://{host}/")
    assert [len(each.asked) for each in made] == [2, 1]


async def test_a_redirect_to_the_inside_is_not_followed() -> None:
    recorder = _Recorder(302, {"location": "http://169.254.169.254/latest/meta-data"})
    answer = await _client(recorder, PUBLIC).get("https://crm.example.com/deals/1")
    assert answer.status_code == 302
    assert len(recorder.asked) == 1


async def test_a_redirect_that_is_followed_all_the_same_is_checked_again() -> None:
    recorder = _Recorder(302, {"location": "https://169.254.169.254/latest/meta-data"})

    async def known(host: str, port: int) -> list[str]:
        return [PUBLIC if host == "crm.example.com" else host]

    guard = GuardedTransport(resolve=known, transport=lambda: recorder)
    async with httpx.AsyncClient(transport=guard, follow_redirects=True) as http:
        with pytest.raises(Blocked):
            await http.get("https://crm.example.com/deals/1")
    assert len(recorder.asked) == 1


async def test_only_https_unless_the_host_is_allowed() -> None:
    recorder = _Recorder()
    with pytest.raises(Blocked, match="https"):
        await _client(recorder, PUBLIC).get("http://crm.example.com/deals/1")
    await _client(recorder, "127.0.0.1", allow="localhost, crm.example.com").get("http://crm.example.com/deals/1")
    (request,) = recorder.asked
    assert str(request.url) == "http://crm.example.com/deals/1"


async def test_a_name_that_nobody_knows_is_a_failure_that_passes() -> None:
    async def unknown(host: str, port: int) -> list[str]:
        raise socket.gaierror("no such host")

    guard = GuardedTransport(resolve=unknown, transport=_Recorder)
    async with httpx.AsyncClient(transport=guard) as http:
        with pytest.raises(httpx.ConnectError):
            await http.get("https://nowhere.example/")
