"""What may be connected to."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from monitor.delivery.address_guard import Guard
from monitor.errors import DeliveryFailed
from tests.support.receivers import serving

REFUSED = """
0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.254 127.0.0.1 127.255.255.254 169.254.169.254 172.16.0.1
172.31.255.255 192.0.0.1 192.0.0.170 192.0.2.1 192.88.99.3 192.168.0.1 198.18.0.1 198.19.255.255 198.51.100.1
203.0.113.1 224.0.0.1 239.255.255.250 240.0.0.1 255.255.255.255
:: ::1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::ffff:0:127.0.0.1 64:ff9b::a9fe:a9fe
64:ff9b::7f00:1 64:ff9b:1::1 100::1 2001::1 2001:0:7f00:1:: 2001:db8::1 2001:10::1 2001:20::1 2002:7f00:1::
2002:a9fe:a9fe:: 3fff::1 5f00::1 fc00::1 fd12:3456::1 fe80::1 fe80::1%eth0 febf::1 fec0::1 ff02::1 ff0e::1
"""
PERMITTED = """
1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.1 100.63.255.254 100.128.0.1 172.15.255.255 172.32.0.1 192.0.1.1 192.167.255.255
192.169.0.1 198.17.255.255 198.20.0.1 223.255.255.255 2606:4700:4700::1111 2a00:1450:4001::1 2001:4860:4860::8888
::ffff:8.8.8.8
"""


@pytest.mark.parametrize("address", REFUSED.split())
def test_refused(address):
    assert not Guard().permits(address)


@pytest.mark.parametrize("address", PERMITTED.split())
def test_permitted(address):
    assert Guard().permits(address)


def test_an_allowed_network_opens_only_itself():
    guard = Guard([ip_network("10.1.0.0/16"), ip_network("fd00::/64")])
    assert guard.permits("10.1.2.3")
    assert guard.permits("::ffff:10.1.2.3")
    assert guard.permits("fd00::5")
    assert not guard.permits("10.2.0.1")
    assert not guard.permits("127.0.0.1")
    assert not guard.permits("fd00:0:0:1::5")


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "ftp://example.com/",
        "https://",
        "https:///x",
        "//example.com",
        "example.com/x",
        "https://user:pw@example.com/",
        "https://user@example.com/",
        "https://example.com/#x",
        "https://example.com\\@127.0.0.1/",
        "https://exa mple.com/",
        "https://example.com/\r\nHost: x",
        "https://example.com:80/",
        "https://example.com:99999/",
        "https://[::1/",
        f"https://{'a.' * 130}com/",
    ],
)
def test_urls_refused_without_being_repeated(url):
    with pytest.raises(DeliveryFailed) as caught:
        Guard().url(url)
    assert "example" not in str(caught.value)


def test_urls_permitted():
    assert str(Guard().url("https://example.com:8443/a?b=c")) == "https://example.com:8443/a?b=c"
    assert Guard(allow_http=True).url("http://example.com/").scheme == "http"


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0",
    ],
)
async def test_no_way_to_write_loopback_is_connected_to(host):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        async with aiohttp.ClientSession(connector=Guard(allow_http=True).connector()) as session:
            with pytest.raises((aiohttp.ClientConnectorError, aiohttp.InvalidURL)) as caught:
                await session.get(
                    f"http://{host}:{server.getsockname()[1]}/",
                    timeout=aiohttp.ClientTimeout(total=3),
                )
        with pytest.raises(BlockingIOError):
            server.accept()
    assert "is not public" in str(caught.value) or isinstance(
        caught.value, (aiohttp.InvalidURL, aiohttp.ClientConnectorDNSError)
    )


class Answers:
    """Canned answers of DNS, in turn; nothing else is looked up."""

    def __init__(self, monkeypatch, *answers: str):
        self.left = list(answers)
        self.hosts: list[str] = []
        monkeypatch.setattr(socket, "getaddrinfo", self)

    def __call__(self, host, port, *_kind, **_flags):
        self.hosts.append(host)
        addresses = (self.left.pop(0) if len(self.left) > 1 else self.left[0]).split()
        return [
            (
                socket.AF_INET6 if ":" in address else socket.AF_INET,
                socket.SOCK_STREAM,
                6,
                "",
                (address, port),
            )
            for address in addresses
        ]


async def get(url: str, guard: Guard) -> aiohttp.ClientResponse:
    """One request as a delivery makes it."""
    async with (
        aiohttp.ClientSession(connector=guard.connector()) as session,
        session.get(guard.url(url)) as response,
    ):
        return response


def written(address: str) -> Iterator[str]:
    """Every way to write an address into a URL: as itself, as another number, and hidden behind
    another host.
    """
    plain = address.partition("%")[0]
    yield f"https://{f'[{plain}]' if ':' in plain else plain}/"
    yield f"https://user@{f'[{plain}]' if ':' in plain else plain}/"
    yield f"https://public.example\\@{plain}/"
    yield f"https://public.example@{f'[{plain}]' if ':' in plain else plain}/"
    if ":" in plain:
        yield f"https://[{ip_address(plain).exploded}]/"
        return
    a, b, c, d = map(int, plain.split("."))
    number = int(ip_address(plain))
    yield f"https://{plain}./"
    yield f"https://{number}/"
    yield f"https://0x{number:08x}/"
    yield f"https://{number:#o}/".replace("0o", "0")
    yield f"https://{a:#o}.{b:#o}.{c:#o}.{d:#o}/".replace("0o", "0")
    yield f"https://{a:#x}.{b:#x}.{c:#x}.{d:#x}/"
    yield f"https://{a}.{b}.{c * 256 + d}/"
    yield f"https://{a}.{number & 0xFFFFFF}/"
    yield f"https://[::ffff:{plain}]/"
    yield f"https://[::ffff:{number >> 16:x}:{number & 0xFFFF:x}]/"
    yield f"https://[64:ff9b::{plain}]/"
    yield f"https://[2002:{number >> 16:x}:{number & 0xFFFF:x}::]/"
    yield f"https://[::{plain}]/"
    yield (
        "https://" + plain.translate({ord(char): ord(char) + 0xFEE0 for char in "0123456789"}) + "/"
    )
    yield "https://" + plain.replace(".", "\u3002") + "/"


@pytest.mark.parametrize("address", REFUSED.split())
async def test_no_way_to_write_an_address_is_delivered_to(address, monkeypatch):
    """X1: each vector in each encoding, refused before a name is looked up; and as the answer for a
    name.
    """
    answers = Answers(monkeypatch, address)
    for url in written(address):
        with pytest.raises((DeliveryFailed, aiohttp.ClientConnectorError)) as caught:
            await get(url, Guard(allow_http=True, allow_high_ports=True))
        assert isinstance(caught.value, DeliveryFailed) or "is not public" in str(caught.value), url
        assert answers.hosts == []
    with pytest.raises(aiohttp.ClientConnectorDNSError, match="is not public"):
        await get("https://public.example/", Guard())
    assert answers.hosts == ["public.example"]


@pytest.mark.parametrize("address", REFUSED.split())
def test_an_allowed_address_opens_itself_alone(address):
    """X1: allowing one address of the table opens none of the others (a bypass that GitLab had)."""
    guard = Guard([ip_network(inside(address))])
    assert {inside(refused) for refused in REFUSED.split() if guard.permits(refused)} == {
        inside(address)
    }


def inside(address: str) -> IPv4Address | IPv6Address:
    ip = ip_address(address.partition("%")[0])
    return getattr(ip, "ipv4_mapped", None) or ip


async def test_a_mixed_answer_is_refused_as_a_whole(monkeypatch):
    """R4."""
    Answers(monkeypatch, "93.184.215.14 10.0.0.1")
    with pytest.raises(aiohttp.ClientConnectorDNSError, match=r"10\.0\.0\.1 is not public"):
        await get("https://mixed.example/", Guard())


async def test_a_name_that_moves_inside_is_refused_at_the_next_connection(monkeypatch):
    """R4: DNS rebinding. What was looked up before does not count."""
    answers = Answers(monkeypatch, "127.0.0.1", "127.0.0.2")
    guard, lookups = Guard([ip_network("127.0.0.1/32")], allow_http=True), 0

    async def answer(_request):
        nonlocal lookups
        lookups += 1
        return web.Response(headers={"Connection": "close"})

    async with (
        serving(answer) as base,
        aiohttp.ClientSession(connector=guard.connector()) as session,
    ):
        url = f"http://moves.example:{URL(base).port}/"
        assert (await session.get(guard.url(url))).status == 200
        with pytest.raises(aiohttp.ClientConnectorDNSError, match=r"127\.0\.0\.2 is not public"):
            await session.get(guard.url(url))
    assert (lookups, answers.hosts) == (1, ["moves.example", "moves.example"])


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://public.example:22/", "port 22 is not 443, 8443 or above 1023"),
        ("https://public.example:9000/", "LASTCALL_ALLOW_HIGH_PORTS=true"),
        ("http://public.example/", "LASTCALL_ALLOW_HTTP=true"),
        (
            "http://localhost:8787/",
            "LASTCALL_ALLOW_HTTP=true allows http), and address 127.0.0.1 is not public",
        ),
        ("http://127.0.0.1:8787/", "LASTCALL_ALLOW_NETWORKS=127.0.0.1/32"),
        ("https://[fd00::7]/", "LASTCALL_ALLOW_NETWORKS=fd00::7/128"),
    ],
)
def test_a_refusal_says_what_to_set(url, reason):
    with pytest.raises(DeliveryFailed) as caught:
        Guard().url(url)
    assert reason in str(caught.value)


async def test_ports(monkeypatch):
    """A public address has 443 and 8443; what is above 1023 with a setting; an allowed network has
    every port.
    """
    Guard(allow_high_ports=True).url("https://public.example:9000/")
    guard = Guard([ip_network("10.0.0.0/8")])
    assert guard.refusal("10.1.2.3", 25) == ""
    assert "port 25" in guard.refusal("93.184.215.14", 25)
    Answers(monkeypatch, "93.184.215.14")
    with pytest.raises(
        aiohttp.ClientConnectorDNSError, match="port 9000"
    ):  # the name might have led to 10.0.0.0/8
        await get("https://public.example:9000/", guard)


@pytest.mark.parametrize(
    ("own", "address", "refused"),
    [
        ("127.0.0.1:8080", "127.0.0.1", True),
        ("localhost:8080", "127.0.0.1", True),
        ("0.0.0.0:8080", "127.0.0.1", True),
        ("0.0.0.0:8080", "127.8.8.8", True),
        ("[::]:8080", "127.0.0.1", True),
        ("127.0.0.1:8080", "::ffff:127.0.0.1", True),
        ("127.0.0.1:8080", "127.0.0.2", False),
        ("0.0.0.0:8080", "10.99.98.97", False),
        ("127.0.0.1:8081", "127.0.0.1", False),
    ],
)
def test_its_own_listener_is_never_delivered_to(own, address, refused):
    guard = Guard([ip_network("127.0.0.0/8"), ip_network("10.0.0.0/8")], own=own)
    assert ("Lastcall itself listens" in guard.refusal(address, 8080)) is refused
