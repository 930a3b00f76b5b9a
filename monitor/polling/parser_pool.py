"""Parse documents: in warm child processes with limits (``ParserPool``), or in this process.

A parser returns the document's digest, and its facts if it is not the document that was accepted
last. A page that is too much for its parser process ends that process and is Unreadable; other
sources have other processes."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self, cast

from monitor.core.facts import Fact, Json, from_json
from monitor.errors import Unreadable
from monitor.polling.parser_process import ANSWER, REQUEST
from monitor.reading.focus import tables_and_headings
from monitor.reading.source import Source

#: The environment variables that a parser process gets. Any other may be a secret.
ENVIRONMENT = (
    "PATH",
    "PYTHONHOME",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TMPDIR",
)
#: The longest answer that is accepted, in bytes: twenty times that of the largest price list.
MAX_ANSWER_BYTES = 100_000_000
#: The size up to which a document gets the usual limits, in bytes. No page is longer; a feed with
#: whole articles may be.
USUAL_BYTES = 10_000_000
#: An answer of this many bytes or more is decoded in a thread.
LARGE_ANSWER_BYTES = 10_000


@dataclass(frozen=True)
class ParsedPage:
    """A document as a parser returns it: the digest of its focus, and its facts.

    ``facts`` is None where the document is the one that was accepted last.
    """

    digest: str
    facts: list[Fact] | None = None


class Parser(Protocol):
    """Parse documents for a poll.

    ``accepted`` is the digest of the document that was accepted last, ``stored`` the SHA-256 of the
    last one whose bytes were stored."""

    async def parse(
        self, source: Source, body: bytes, accepted: str = "", stored: str = ""
    ) -> ParsedPage:
        """Parse one document. Raises Unreadable."""
        ...


class InProcessParser:
    """Parse in a thread of this process, without limits: for archives, and for adapters that
    cannot be imported by name.
    """

    def __init__(self) -> None:
        # One page in memory at a time: two at once are no faster under one GIL.
        self._lock = asyncio.Lock()

    async def parse(
        self, source: Source, body: bytes, accepted: str = "", stored: str = ""
    ) -> ParsedPage:
        digest = source.digest(body)
        if digest == accepted:
            return ParsedPage(digest)
        async with self._lock:
            return ParsedPage(digest, await asyncio.to_thread(source.read, body))


class ParserPool:
    """Parse in child processes, which are started when first needed and kept.

    ``size`` processes parse at once, beside up to as many that take longer than ``patience``
    (seconds): a page that is too much for its process holds up no other page. ``megabytes`` bounds
    the address space of each process, ``seconds`` its CPU for one document, ``deadline`` (seconds)
    the wait for one document. A source that declares documents longer than USUAL_BYTES gets as many
    times more CPU and waiting. Use it as an async context manager."""

    def __init__(
        self,
        *,
        size: int = 2,
        patience: float = 1.0,
        megabytes: int = 512,
        seconds: int = 10,
        deadline: float = 15.0,
    ):
        self.patience = patience
        self.megabytes = megabytes
        self.seconds = seconds
        self.deadline = deadline
        #: How many processes were ended, or ended themselves, in the middle of a document.
        self.killed = 0
        self._slots = asyncio.Semaphore(2 * size)
        self._fast_slots = asyncio.Semaphore(size)
        self._processes: set[ParserProcess] = set()
        self._idle: list[ParserProcess] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await asyncio.gather(*(process.end() for process in self._processes))

    @property
    def pids(self) -> list[int]:
        """Return the ids of the processes that run."""
        return [parser.process.pid for parser in self._processes if parser.is_running]

    async def parse(
        self, source: Source, body: bytes, accepted: str = "", stored: str = ""
    ) -> ParsedPage:
        if accepted and is_accepted(source, body, accepted, stored):
            return ParsedPage(accepted)
        name = adapter_name(source)
        factor = max(1, source.max_bytes // USUAL_BYTES)
        request = REQUEST.pack(len(name), len(body), self.seconds * factor, accepted.encode())
        try:
            async with self._slot():
                answer = await self._exchange(request + name, body, factor)
            if len(answer) < LARGE_ANSWER_BYTES:
                return decode_answer(source, answer)
            return await asyncio.to_thread(decode_answer, source, answer)
        except Unreadable as error:
            text = str(error).removeprefix(f"{source.id}: ")
            raise Unreadable(f"{source.id}: {text}") from None

    @asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        """Wait for a free parser process. A slow document gives up its slot but keeps its
        process.
        """
        async with self._slots:
            await self._fast_slots.acquire()
            acquired = [self._fast_slots]

            def release() -> None:
                while acquired:
                    acquired.pop().release()

            slow = asyncio.get_running_loop().call_later(self.patience, release)
            try:
                yield
            finally:
                slow.cancel()
                release()

    async def _exchange(self, request: bytes, body: bytes, factor: int) -> bytes:
        """Return a process's answer; the process is kept for the next document unless it ends."""
        parser = None
        deadline, seconds = self.deadline * factor, self.seconds * factor
        try:
            async with asyncio.timeout(deadline):
                parser = await self._acquire()
                is_last, answer = await parser.exchange(request, body)
        except TimeoutError:
            self.killed += 1
            raise Unreadable(f"reading it took more than {deadline:g} seconds") from None
        except (asyncio.IncompleteReadError, ConnectionError):
            self.killed += 1
            code = await parser.exit_code() if parser else None
            raise Unreadable(describe_exit(code, seconds)) from None
        except OSError as error:
            raise Unreadable(
                f"no process to read it could be started: {error.strerror or error}"
            ) from None
        else:
            if not is_last:
                self._idle.append(parser)
                parser = None
            return answer
        finally:
            if parser:
                self._processes.discard(parser)
                await parser.end()

    async def _acquire(self) -> ParserProcess:
        """Return the idle process that worked last, whose memory is warm, or start a new one."""
        while self._idle:
            parser = self._idle.pop()
            if parser.is_running:
                return parser
            self._processes.discard(parser)
        parser = await ParserProcess.start(self.megabytes)
        self._processes.add(parser)
        return parser


@dataclass(frozen=True, eq=False)
class ParserProcess:
    """A process that runs monitor.polling.parser_process."""

    process: Process
    requests: asyncio.StreamWriter
    answers: asyncio.StreamReader

    @classmethod
    async def start(cls, megabytes: int) -> Self:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-B",
            "-m",
            "monitor.polling.parser_process",
            str(megabytes),
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            env=environment(),
            start_new_session=True,
        )
        return cls(
            process,
            cast(asyncio.StreamWriter, process.stdin),
            cast(asyncio.StreamReader, process.stdout),
        )

    @property
    def is_running(self) -> bool:
        return self.process.returncode is None

    async def exchange(self, request: bytes, body: bytes) -> tuple[bool, bytes]:
        """Send a document; return whether the process ends now, and its answer."""
        self.requests.write(request)
        self.requests.write(body)
        is_last, size = ANSWER.unpack(await self.answers.readexactly(ANSWER.size))
        if size > MAX_ANSWER_BYTES:
            raise Unreadable(f"its facts take {size} bytes")
        return is_last, await self.answers.readexactly(size)

    async def exit_code(self) -> int | None:
        """Return the exit code, or minus the signal; None if the process closed its output and
        does not end.
        """
        with suppress(TimeoutError):
            await asyncio.wait_for(self.process.wait(), 1.0)
        return self.process.returncode

    async def end(self) -> None:
        """Kill the process, and wait until it is gone."""
        with suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()


def is_accepted(source: Source, body: bytes, accepted: str, stored: str) -> bool:
    """Return whether a document is the accepted one, decided without a parser process.

    That is safe for a focus that no bytes can make slow, and for bytes that were parsed before:
    they have done to ``focus`` what they can."""
    is_safe = (
        source.focus in (None, tables_and_headings) or hashlib.sha256(body).hexdigest() == stored
    )
    return is_safe and source.digest(body) == accepted


def describe_exit(code: int | None, seconds: int) -> str:
    """Say why a process ended without an answer, by its exit code and its seconds of CPU."""
    if code == -signal.SIGXCPU:
        return f"reading it took more than {seconds} seconds of CPU"
    if code is not None and code < 0:
        return f"the process that read it was ended by {signal.Signals(-code).name}"
    return f"the process that read it ended without an answer (exit code {code})"


def environment() -> dict[str, str]:
    """Return the environment of a parser process: where Python's modules are, and no secret."""
    variables = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
    return variables | {"PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path)}


def adapter_name(source: Source) -> bytes:
    """Return the names under which a parser process imports the adapter's functions, as JSON."""
    names = {
        "id": source.id,
        "parse": _path(source.parse),
        "focus": _path(source.focus) if source.focus else "",
        "markers": [marker.decode() for marker in source.markers],
    }
    return json.dumps(names).encode()


def _path(function: Callable[..., bytes | Iterable[Fact]]) -> str:
    return f"{function.__module__}:{function.__qualname__}"


def decode_answer(source: Source, answer: bytes) -> ParsedPage:
    """Return the page that an answer describes.

    A page that took over its parser process can send any bytes: they are facts of this provider, or
    Unreadable is raised."""
    try:
        data: Json = json.loads(answer)
        if "error" in data:
            raise Unreadable(str(data["error"]))
        facts = [from_json(fact) for fact in data["facts"]] if "facts" in data else None
        page = ParsedPage(str(data["digest"]), facts)
    except (
        ValueError,
        TypeError,
        LookupError,
        AttributeError,
        ArithmeticError,
        RecursionError,
    ) as error:
        raise Unreadable(f"an answer that is none: {type(error).__name__}") from None
    if any(fact.provider != source.provider for fact in facts or ()):
        raise Unreadable("an answer about another provider")
    return page
