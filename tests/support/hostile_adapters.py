"""Adapters that misbehave, for a child process to be given: each reads a document that says how it
goes wrong.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from monitor.core.facts import Fact, Listing
from monitor.reading.source import Source


def spin() -> None:
    while True:
        pass


def eat() -> None:
    eaten = []
    while True:
        eaten.append(bytes(1 << 20))


def fork() -> None:
    if os.fork() == 0:
        os._exit(0)


def wait() -> None:
    time.sleep(60)


DEEDS: dict[bytes, Callable[[], object]] = {
    b"spin": spin,
    b"eat": eat,
    b"wait": wait,
    b"swell": lambda: b"x" * (400 << 20),
    b"crash": lambda: signal.raise_signal(signal.SIGSEGV),
    b"exit": lambda: os._exit(0),
    b"print": lambda: print("| this | is | no | answer |", flush=True),
    b"connect": lambda: socket.create_connection(("127.0.0.1", 9)),
    b"listen": lambda: socket.socket(),
    b"resolve": lambda: socket.getaddrinfo("localhost", 80),
    b"run": lambda: subprocess.run(["true"], check=True),
    b"system": lambda: os.system("true"),
    b"fork": fork,
    b"kill": lambda: os.kill(os.getppid(), 0),
    b"write": lambda: Path("/tmp/written-by-an-adapter").write_text("x"),
    b"open": lambda: os.open("/tmp/written-by-an-adapter", os.O_CREAT | os.O_WRONLY),
    b"remove": lambda: Path("/tmp/written-by-an-adapter").unlink(),
}


def parse(body: bytes) -> Iterator[Fact]:
    """Do what the document says; then tell the environment, one fact a variable."""
    if deed := DEEDS.get(body):
        deed()
    yield Listing(model="read")
    if body == b"environment":
        yield from (Listing(model=f"{name}={value}") for name, value in os.environ.items())


def focus(body: bytes) -> bytes:
    """The document without its frame, of which what is told to is done as well."""
    frame, _, rest = body.rpartition(b"\n")
    if deed := DEEDS.get(frame):
        deed()
    return rest


ACME = Source("acme.models", "https://acme.example/models.md", parse)
FRAMED = Source("acme.framed", "https://acme.example/framed.md", parse, focus=focus)
NAMELESS = Source(
    "acme.nameless", "https://acme.example/nameless.md", lambda body: [Listing(model="read")]
)
