"""Guard addresses: deliveries go to public addresses only, unless the operator allowed a network.

The guard checks the IP address at connect time, so that neither a name that changes its answer nor
an unusual way to write an address gets past it. ``ipaddress.is_global`` is not enough for this: it
lets through addresses that carry another one (NAT64, 6to4, ``::127.0.0.1``) and, in some versions
of Python, multicast and more."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

from aiohttp import (
    ClientConnectorError,
    ClientHttpProxyError,
    ClientOSError,
    ClientProxyConnectionError,
    ClientRequest,
    ClientResponseError,
    ClientTimeout,
    ServerDisconnectedError,
    TCPConnector,
)
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.connector import AddrInfoType, Connection
from yarl import URL

from monitor.errors import DeliveryFailed

Networks = Sequence[IPv4Network | IPv6Network]

#: IANA's special-purpose registries, multicast, and every range whose addresses carry an IPv4
#: address inside.
BLOCKED: Networks = [
    ip_network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
]
#: In IPv6 only global unicast is public, without these networks.
GLOBAL_V6 = IPv6Network("2000::/3")
BLOCKED_V6: Networks = [
    ip_network(text)
    for text in (
        "2001::/23",
        "2001:db8::/32",
        "2002::/16",
        "2620:4f:8000::/48",
        "3fff::/20",
    )
]

#: Ports that a public address may be delivered to; http has its own, where http is allowed at all.
PORTS, HTTP_PORT, HIGH_PORTS = (443, 8443), 80, range(1024, 65536)

#: Names that are looked up at the same time.
LOOKUPS = 16

ALLOW_HTTP = "LASTCALL_ALLOW_HTTP=true"
ALLOW_NETWORKS = "LASTCALL_ALLOW_NETWORKS"
ALLOW_HIGH_PORTS = "LASTCALL_ALLOW_HIGH_PORTS=true"


class Guard:
    """Decides which URLs and addresses may be delivered to.

    ``allowed`` networks win over the blocked ones, at every port: the operator named them. ``own``
    is the address (``host:port``) that this process listens on; it is never delivered to. An egress
    ``proxy`` (a URL) resolves names itself, and guards where they lead."""

    def __init__(
        self,
        allowed: Networks = (),
        *,
        allow_http: bool = False,
        allow_high_ports: bool = False,
        own: str = "",
        proxy: str = "",
    ):
        self.allowed = allowed
        self.allow_http = allow_http
        self.allow_high_ports = allow_high_ports
        self.proxy = proxy
        host, _, port = own.rpartition(":")
        self.own = (host.strip("[]") or "127.0.0.1", int(port)) if own else None
        self.url = lru_cache(maxsize=4096)(self._url)

    def permits(self, address: str) -> bool:
        """Return whether an address is public, or in an allowed network."""
        ip = _plain(address)
        if self._is_allowed(ip):
            return True
        if isinstance(ip, IPv6Address):
            return ip in GLOBAL_V6 and not any(ip in network for network in BLOCKED_V6)
        return not any(ip in network for network in BLOCKED)

    def refusal(self, address: str, port: int) -> str:
        """Return why an address and port may not be connected to, and what would allow it; empty if
        they may.
        """
        if not self.permits(address):
            ip = _plain(address)
            return (
                f"address {ip} is not public ({ALLOW_NETWORKS}={ip}/{ip.max_prefixlen} allows it)"
            )
        if self._is_own(address, port):
            return f"{address} port {port} is where Lastcall itself listens"
        # Only http has HTTP_PORT (_url).
        if self._is_allowed(_plain(address)) or port in PORTS or port == HTTP_PORT:
            return ""
        if port not in HIGH_PORTS:
            return f"port {port} is not 443, 8443 or above 1023"
        if self.allow_high_ports:
            return ""
        return f"port {port} is not 443 or 8443 ({ALLOW_HIGH_PORTS} allows it)"

    def _is_allowed(self, ip: IPv4Address | IPv6Address) -> bool:
        return any(ip in network for network in self.allowed)

    def _is_own(self, address: str, port: int) -> bool:
        if self.own is None or port != self.own[1]:
            return False
        ip, mine = _plain(address), _plain(_literal(self.own[0]) or "127.0.0.1")
        return ip == mine or (mine.is_unspecified and _is_local(str(ip)))

    def _url(self, text: str) -> URL:
        """Return the URL if it may be delivered to.

        Raise DeliveryFailed with all that would have to be allowed, and without the URL, which may
        hold a secret. A name is checked again when it is resolved."""
        if "\\" in text or any(char.isspace() or not char.isprintable() for char in text):
            raise DeliveryFailed("the URL has a backslash, space or control character")
        try:
            url = URL(text)
            host, port = url.host, url.port
        except ValueError:
            raise DeliveryFailed("the URL cannot be read") from None
        if url.scheme not in ("https", "http"):
            raise DeliveryFailed("the URL is not https")
        if not host or not port or len(host) > 253:
            raise DeliveryFailed("the URL has no host, or too long a one")
        if url.scheme == "https" and port == HTTP_PORT:
            raise DeliveryFailed("the URL is https on the port of http")
        if url.user is not None or url.password is not None or url.fragment:
            raise DeliveryFailed("the URL has a user, password or fragment")
        against = (
            []
            if url.scheme == "https" or self.allow_http
            else [f"it is not https ({ALLOW_HTTP} allows http)"]
        )
        against += filter(None, [self._early(host, port)])
        if against:
            raise DeliveryFailed(f"the URL is refused: {', and '.join(against)}")
        return url

    def _early(self, host: str, port: int) -> str:
        """Return why a host is refused before it is resolved; empty if it may be resolved.

        ``localhost`` never leads anywhere else (RFC 6761)."""
        name = host.rstrip(".").casefold()
        literal = (
            "127.0.0.1" if name == "localhost" or name.endswith(".localhost") else _literal(name)
        )
        if literal:
            return self.refusal(literal, port)
        # A name may lead into an allowed network.
        return "" if self.allowed else self.refusal("1.1.1.1", port)

    def socket(self, address: AddrInfoType) -> socket.socket:
        """Return a socket for an address, literal or resolved; aiohttp calls this right before it
        connects.
        """
        family, kind, protocol, _, target = address
        if against := self.refusal(str(target[0]), int(target[1])):
            raise OSError(errno.EACCES, against)
        return socket.socket(family, kind, protocol)

    def connector(self) -> TCPConnector:
        """Return a connector behind this guard, or to the egress proxy.

        It has no limit of its own: the publisher has one. DNS answers are not cached: each new
        connection goes where the name leads then."""
        if self.proxy:
            return _Tunnels(limit=0)
        return TCPConnector(
            socket_factory=self.socket, resolver=_WholeAnswers(self), limit=0, use_dns_cache=False
        )


@lru_cache(maxsize=4096)
def _plain(address: str) -> IPv4Address | IPv6Address:
    """Return an address, or the IPv4 address inside one that is mapped into IPv6."""
    ip = ip_address(address.partition("%")[0])
    return (ip.ipv4_mapped or ip) if isinstance(ip, IPv6Address) else ip


def _literal(host: str) -> str:
    """Return the address that a host is, in any way to write one (decimal, octal, hex, shortened);
    empty for a name.
    """
    try:
        return str(ip_address(host.partition("%")[0]))
    except ValueError:
        pass
    try:
        return socket.inet_ntoa(socket.inet_aton(host))
    except OSError:
        return ""


def _is_local(address: str) -> bool:
    """Return whether an address is one of this machine: only such an address can be bound to."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True


class _Tunnels(TCPConnector):
    """Connects through the egress proxy, and reports failures before the tunnel as the proxy's.

    aiohttp reports a proxy that hangs up on CONNECT like a receiver that hangs up on a POST."""

    async def connect(
        self,
        req: ClientRequest,
        traces: list[Any],
        timeout: ClientTimeout,  # noqa: ASYNC109  its signature
    ) -> Connection:
        try:
            return await super().connect(req, traces, timeout)
        except (ClientConnectorError, ClientHttpProxyError):  # these name the proxy
            raise
        except (ClientOSError, ServerDisconnectedError, ClientResponseError):
            raise ClientProxyConnectionError(
                req.connection_key,
                OSError(errno.ECONNRESET, "the connection was closed in CONNECT"),
            ) from None


class _WholeAnswers(AbstractResolver):
    """Refuses a name if any of its addresses is refused: a mixed answer is an attack or a mistake.

    It has threads of its own: a name server that does not answer must not take those of the
    database."""

    def __init__(self, guard: Guard):
        self.guard = guard
        self.threads = ThreadPoolExecutor(LOOKUPS, "lastcall-dns")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        ask = partial(
            socket.getaddrinfo, host, port, family, socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG
        )
        answers = await asyncio.get_running_loop().run_in_executor(self.threads, ask)
        for *_, target in answers:
            if against := self.guard.refusal(str(target[0]), port):
                raise OSError(errno.EACCES, against)
        return [
            {
                "hostname": host,
                "host": str(target[0]),
                "port": port,
                "family": kind,
                "proto": protocol,
                "flags": socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            }
            for kind, _, protocol, _, target in answers
        ]

    async def close(self) -> None:
        self.threads.shutdown(wait=False, cancel_futures=True)
