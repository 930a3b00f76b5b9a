"""Receivers for benches, in a process of their own: every path is an endpoint with its own secret.

    python -m tests.bench.receiver_process SECRETS [CERTIFICATE]

SECRETS is a JSON file: secrets by path. Each message is verified by the ``standardwebhooks``
library; ``GET /report`` gives the wall-clock time of each receipt by message-id and path, and how
many did not verify. ``/hang/...`` takes a message and never answers."""

from __future__ import annotations

import asyncio
import json
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from standardwebhooks.webhooks import Webhook

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n%s\r\nok"


class Receivers(asyncio.Protocol):
    """One connection. As little as it takes to read requests, since what is measured is the other
    side.
    """

    got: list[tuple[str, str, float]] = []  # noqa: RUF012  of all connections
    refused = 0
    verifiers: dict[str, Webhook] = {}  # noqa: RUF012
    close = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport
        self.buffer = b""

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            line, *lines = self.buffer[:end].decode("latin-1").split("\r\n")
            sent = {
                name.lower(): value for name, _, value in (line.partition(": ") for line in lines)
            }
            size = int(sent.get("content-length", 0))
            if len(self.buffer) < end + 4 + size:
                return
            body, self.buffer = self.buffer[end + 4 : end + 4 + size], self.buffer[end + 4 + size :]
            method, path, _ = line.split(" ")
            if method == "GET":
                report = json.dumps({"got": Receivers.got, "refused": Receivers.refused}).encode()
                head = (
                    f"HTTP/1.1 200 OK\r\nContent-Length: {len(report)}\r\nConnection: close\r\n\r\n"
                )
                self.transport.write(head.encode() + report)
                Receivers.got.clear()
                return
            self.take(path, sent, body)

    def take(self, path: str, sent: dict[str, str], body: bytes) -> None:
        at = time.time()
        if verifier := self.verifiers.get(path):
            try:
                verifier.verify(body, sent)
            except Exception:
                Receivers.refused += 1
            Receivers.got.append((sent["webhook-id"], path, at))
        if not path.startswith("/hang/"):
            self.transport.write(ANSWER % self.close)
            if self.close:
                self.transport.close()


async def serve(secrets: Mapping[str, str], certificate: str) -> None:
    Receivers.verifiers = {path: Webhook(secret) for path, secret in secrets.items()}
    context = None
    if certificate:
        Receivers.close = b"Connection: close\r\n"
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
    server = await asyncio.get_running_loop().create_server(
        Receivers, "127.0.0.1", 0, ssl=context, backlog=2048
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextmanager
def receiving(directory: str, secrets: Mapping[str, str], certificate: str = "") -> Iterator[str]:
    """The base URL of receivers in a process of their own."""
    path = Path(directory) / "secrets.json"
    path.write_text(json.dumps(secrets), "utf-8")
    command = [
        sys.executable,
        "-m",
        "tests.bench.receiver_process",
        str(path),
        *([certificate] if certificate else []),
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    try:
        scheme, host = ("https", "localhost") if certificate else ("http", "127.0.0.1")
        yield f"{scheme}://{host}:{process.stdout.readline().strip()}"
    finally:
        process.kill()
        process.wait()


def report(base: str) -> dict[str, Any]:
    """What came since the last report."""
    with urlopen(f"{base}/report") as answer:
        found: dict[str, Any] = json.load(answer)
        return found


if __name__ == "__main__":
    asyncio.run(
        serve(
            json.loads(Path(sys.argv[1]).read_text("utf-8")),
            sys.argv[2] if len(sys.argv) > 2 else "",
        )
    )
