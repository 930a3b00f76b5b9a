"""What may be connected to."""

from __future__ import annotations

import socket
from ipaddress import ip_network

import aiohttp
import pytest

from monitor.errors import DeliveryFailed
from monitor.publish.guard import Guard

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
        "http://example.com/", "ftp://example.com/", "https://", "https:///x", "//example.com", "example.com/x",
        "https://user:pw@example.com/", "https://user@example.com/", "https://example.com/#x",
        "https://example.com\\@127.0.0.1/", "https://exa mple.com/", "https://example.com/\r\nHost: x",
        "https://example.com:99999/", "https://[::1/", f"https://{'a.' * 130}com/",
    ],
)  # fmt: skip
def test_urls_refused_without_being_repeated(url):
    with pytest.raises(DeliveryFailed) as caught:
        Guard().url(url)
    assert "example" not in str(caught.value)


def test_urls_permitted():
    assert str(Guard().url("https://example.com:8443/a?b=c")) == "https://example.com:8443/a?b=c"
    assert Guard(allow_http=True).url("http://example.com/").scheme == "http"


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "[::1]", "[::ffff:127.0.0.1]", "0"],
)
async def test_no_way_to_write_loopback_is_connected_to(host):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        async with aiohttp.ClientSession(connector=Guard(allow_http=True).connector()) as session:
            with pytest.raises((aiohttp.ClientConnectorError, aiohttp.InvalidURL)) as caught:
                await session.get(f"http://{host}:{server.getsockname()[1]}/", timeout=aiohttp.ClientTimeout(total=3))
        with pytest.raises(BlockingIOError):
            server.accept()
    assert "is not public" in str(caught.value) or isinstance(
        caught.value, (aiohttp.InvalidURL, aiohttp.ClientConnectorDNSError)
    )


async def test_a_mixed_answer_is_refused(monkeypatch):
    from aiohttp.resolver import ThreadedResolver

    async def mixed(self, host, port=0, family=socket.AF_UNSPEC):
        one = {"hostname": host, "port": port, "family": socket.AF_INET, "proto": 0, "flags": 0}
        return [one | {"host": "93.184.215.14"}, one | {"host": "10.0.0.1"}]

    monkeypatch.setattr(ThreadedResolver, "resolve", mixed)
    async with aiohttp.ClientSession(connector=Guard().connector()) as session:
        with pytest.raises(aiohttp.ClientConnectorDNSError, match=r"10\.0\.0\.1 is not public"):
            await session.get("https://mixed.example/")
