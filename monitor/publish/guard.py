"""The address guard: what is delivered goes to public addresses, unless the operator allowed a network.

It looks at the address that is connected to, when it is connected to, so that neither a name that changes its answer
nor an unusual way to write an address gets past it. ``ipaddress.is_global`` is not enough for this: it lets through
addresses that carry another one (NAT64, 6to4, ``::127.0.0.1``) and, by version of Python, multicast and more.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from aiohttp import TCPConnector
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.connector import AddrInfoType
from aiohttp.resolver import ThreadedResolver
from yarl import URL

from monitor.errors import DeliveryFailed

Networks = Sequence[IPv4Network | IPv6Network]

#: IANA's special-purpose registries, multicast, and every range whose addresses carry an IPv4 address inside.
BLOCKED: Networks = [ip_network(text) for text in (
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
    "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24",
    "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
)]  # fmt: skip
#: Of IPv6 only what is handed out as global unicast is public, without these.
GLOBAL_V6 = IPv6Network("2000::/3")
BLOCKED_V6: Networks = [ip_network(text) for text in (
    "2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20",
)]  # fmt: skip


class Guard:
    """Which URLs and addresses may be delivered to. ``allowed`` networks win over the blocked ones."""

    def __init__(self, allowed: Networks = (), *, allow_http: bool = False):
        self.allowed = allowed
        self.allow_http = allow_http

    def permits(self, address: str) -> bool:
        ip = ip_address(address.partition("%")[0])
        if isinstance(ip, IPv6Address) and ip.ipv4_mapped:
            ip = ip.ipv4_mapped
        if any(ip in network for network in self.allowed):
            return True
        if isinstance(ip, IPv6Address):
            return ip in GLOBAL_V6 and not any(ip in network for network in BLOCKED_V6)
        return not any(ip in network for network in BLOCKED)

    def url(self, text: str) -> URL:
        """The URL, if its form is one to deliver to. The message does not repeat it: it may hold a secret."""
        if "\\" in text or any(char.isspace() or not char.isprintable() for char in text):
            raise DeliveryFailed("the URL has a backslash, space or control character")
        try:
            url = URL(text)
            host, _port = url.host, url.port
        except ValueError:
            raise DeliveryFailed("the URL cannot be read") from None
        if url.scheme != "https" and not (url.scheme == "http" and self.allow_http):
            raise DeliveryFailed("the URL is not https (LASTCALL_ALLOW_HTTP=true allows http)")
        if not host or len(host) > 253:
            raise DeliveryFailed("the URL has no host, or too long a one")
        if url.user is not None or url.password is not None or url.fragment:
            raise DeliveryFailed("the URL has a user, password or fragment")
        return url

    def socket(self, address: AddrInfoType) -> socket.socket:
        """aiohttp's socket factory: called with every address, literal or resolved, right before connecting."""
        family, kind, protocol, _, target = address
        if not self.permits(str(target[0])):
            raise _refused(str(target[0]))
        return socket.socket(family, kind, protocol)

    def connector(self) -> TCPConnector:
        """A connector behind this guard. ``limit`` is the publisher's business."""
        return TCPConnector(socket_factory=self.socket, resolver=_WholeAnswers(self), limit=0)


class _WholeAnswers(AbstractResolver):
    """Refuses a name if any of its addresses is refused: a mixed answer is an attack or a mistake."""

    def __init__(self, guard: Guard):
        self.guard = guard
        self.resolver = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        answers = await self.resolver.resolve(host, port, family)
        for answer in answers:
            if not self.guard.permits(answer["host"]):
                raise _refused(answer["host"])
        return answers

    async def close(self) -> None:
        await self.resolver.close()


def _refused(address: str) -> OSError:
    return OSError(errno.EACCES, f"address {address} is not public (LASTCALL_ALLOW_NETWORKS allows networks)")
