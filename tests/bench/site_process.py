"""A loopback site for benches, in a process of its own so that its CPU is not counted.

``/same/N`` is a page of 60 KB with an ETag, ``/plain/N`` the same page without one; ``/frame/N``
has the same tables in a frame that differs on every request."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

SIZE = 60_000
_COUNT = itertools.count()


def page(number: int, nonce: int = 0) -> bytes:
    """A deprecations page of 60 KB: forty rows of facts in a frame of scripts and prose."""
    rows = "".join(
        f"<tr><td>2030-01-{1 + row % 28:02}</td><td><code>model-{number}-{row}</code></td>"
        f"<td><code>next-{row}</code></td></tr>"
        for row in range(40)
    )
    table = (
        "<h2>Deprecations</h2><table><thead><tr><th>Shutdown date</th><th>Model</th>"
        f"<th>Replacement</th></tr></thead><tbody>{rows}</tbody></table>"
    )
    head = f'<!doctype html><html><head><script nonce="{nonce:x}">window.build="{nonce}"</script></head><body>'
    fill = "<p>" + "lorem ipsum " * ((SIZE - len(head) - len(table) - 30) // 12) + "</p>"
    return f"{head}{fill}{table}</body></html>".encode()


async def serve() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                request = (await reader.readuntil(b"\r\n\r\n")).decode()
                path = request.split(" ", 2)[1]
                number = int(path.rpartition("/")[2])
                if path.startswith("/frame/"):
                    body, etag = page(number, next(_COUNT)), ""
                else:
                    body = page(number)
                    etag = (
                        f'"{hashlib.sha256(body).hexdigest()[:16]}"'
                        if path.startswith("/same/")
                        else ""
                    )
                if etag and etag in request:
                    writer.write(f"HTTP/1.1 304 Not Modified\r\nETag: {etag}\r\n\r\n".encode())
                else:
                    tag = f"ETag: {etag}\r\n" if etag else ""
                    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n{tag}Content-Length: {len(body)}\r\n\r\n"
                    writer.write(head.encode() + body)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextmanager
def running() -> Iterator[str]:
    """The base URL of a server in a process of its own."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.site_process"], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    try:
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    asyncio.run(serve())
