"""A small loopback web site for tests, the bench and the pipeline: pages by path, ETags, a request
log, and faults.

async with Site() as site:
    site.pages["/deprecations.md"] = Page(b"...")
    ... site.url("/deprecations.md") ...
    site.faults["/deprecations.md"] = [b"HTTP/1.1 200 OK\\r\\nContent-Length: 9\\r\\n\\r\\nhalf"]
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from types import TracebackType
from typing import Self


@dataclass
class Page:
    """What stands at a path, whatever the query unless that is part of the path.

    ``etag`` is made from the body if it is not given; "" sends none.
    """

    body: bytes = b""
    content_type: str = "text/markdown; charset=utf-8"
    status: int = 200
    etag: str | None = None
    last_modified: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self):
        if self.etag is None:
            self.etag = f'"{hashlib.sha256(self.body).hexdigest()[:16]}"'

    def answer(self, headers: dict[str, str]) -> bytes:
        """The bytes of the response, 304 if the client has this version."""
        asked, since = headers.get("if-none-match"), headers.get("if-modified-since")
        same = asked == self.etag if asked else bool(since) and since == self.last_modified
        status, body = (304, b"") if same and self.status == 200 else (self.status, self.body)
        sent = {"ETag": self.etag, "Last-Modified": self.last_modified}
        if status != 304:
            sent |= {"Content-Type": self.content_type, "Content-Length": str(len(body))}
        lines = [f"{name}: {value}\r\n" for name, value in (sent | self.headers).items() if value]
        return (
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n{''.join(lines)}\r\n".encode() + body
        )


@dataclass(frozen=True)
class Request:
    """A request as it came: ``path`` with its query, headers by lower-case name."""

    path: str
    headers: dict[str, str]


class Site:
    """Serves ``pages`` on 127.0.0.1, and keeps connections open.

    ``faults`` come first: for a path, what is written as it is, and then the connection is closed.
    A number waits that many seconds. The iterable may be endless."""

    def __init__(self):
        self.pages: dict[str, Page] = {}
        self.faults: dict[str, Iterable[bytes | float]] = {}
        self.requests: list[Request] = []
        self.connections = 0
        self.busiest = 0  # the most connections that were open at once
        self._tasks: set[asyncio.Task[None]] = set()

    def url(self, path: str) -> str:
        """The address of a path."""
        return f"http://127.0.0.1:{self.port}{path}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        self.busiest = max(self.busiest, len(self._tasks))
        try:
            while await self._one(reader, writer):
                pass
        except (asyncio.CancelledError, asyncio.IncompleteReadError, ConnectionError):
            pass  # the site closes, or the client left
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answers one request. False if the connection must end."""
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        path = first.split(" ")[1]
        headers = {
            name.lower(): value
            for name, _, value in (line.partition(": ") for line in lines if line)
        }
        self.requests.append(Request(path, headers))
        if path in self.faults:
            for step in self.faults[path]:
                if isinstance(step, bytes):
                    writer.write(step)
                    await writer.drain()
                else:
                    await asyncio.sleep(step)
            return False
        page = self.pages.get(path) or self.pages.get(path.partition("?")[0])
        writer.write(
            page.answer(headers)
            if page
            else Page(b"no such page", "text/plain", 404, "").answer(headers)
        )
        await writer.drain()
        return True
