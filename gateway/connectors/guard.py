"""Keeps fetches from addresses inside: every address of a host is checked, and the connection goes to the one checked."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

import httpx

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Awaitable[list[str]]]

_TRANSLATED = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))


class Blocked(httpx.RequestError):
    """The address is not one that a connection may fetch from."""


async def resolve(host: str, port: int) -> list[str]:
    """All addresses of a host, as the system resolves it."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def is_public(written: str) -> bool:
    """Whether an address is of the public internet, also inside an IPv6 address that stands for an IPv4 address."""
    try:
        address: Address = ip_address(written)
    except ValueError:
        return False
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and any(address in network for network in _TRANSLATED):
            inner = IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return address.is_global and not (
        address.is_private
        or address.is_loopback
        or address.is_link_local
        or address.is_multicast
        or address.is_reserved
        or address.is_unspecified
    )


def allowed_hosts(written: str) -> frozenset[str]:
    """The hosts that the settings name, separated by commas."""
    return frozenset(each.strip().strip("[]").lower() for each in written.split(",") if each.strip())


class GuardedTransport(httpx.AsyncBaseTransport):
    """Sends to public addresses by https only, and to the hosts in `allow` as they are. Raises Blocked.

    A name is resolved once per request; all of its addresses must be public, and the connection goes to the first, so that
    a name that changes its mind in between changes nothing. The certificate is still checked against the name. Each host
    has connections of its own: what one host's certificate has proven is never used for another at the same address.
    """

    def __init__(
        self,
        *,
        allow: Iterable[str] = (),
        resolve: Resolve = resolve,
        transport: Callable[[], httpx.AsyncBaseTransport] = httpx.AsyncHTTPTransport,
    ) -> None:
        self._allow = frozenset(allow)
        self._resolve = resolve
        self._transport = transport
        self._by_host: dict[str, httpx.AsyncBaseTransport] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        host = request.url.host.lower()
        if host not in self._allow:
            request = await self._pinned(request, host)
        if host not in self._by_host:
            self._by_host[host] = self._transport()
        return await self._by_host[host].handle_async_request(request)

    async def _pinned(self, request: httpx.Request, host: str) -> httpx.Request:
        if request.url.scheme != "https":
            raise Blocked(f"{host} is only asked by https", request=request)
        try:
            addresses = await self._resolve(host, request.url.port or 443)
        except OSError as error:
            raise httpx.ConnectError(f"{host} cannot be resolved: {error}", request=request) from None
        if not addresses or not all(is_public(each) for each in addresses):
            raise Blocked(
                f"{host} is no host of the public internet; FORETELL_FETCH_ALLOW can allow it", request=request
            )
        return httpx.Request(
            request.method,
            request.url.copy_with(host=addresses[0]),
            headers=request.headers,
            stream=request.stream,
            extensions=request.extensions | {"sni_hostname": host},
        )

    async def aclose(self) -> None:
        for each in self._by_host.values():
            await each.aclose()
