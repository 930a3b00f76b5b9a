"""Who reads a document: a warm child process with limits (``Sandbox``), or this one
(``InProcess``).

A document is answered with its digest, and with its facts if it is not the one that was accepted
last. A page that is too much for a parser ends its child and is Unreadable; the other sources have
other children."""

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

#: What a child's environment may hold. Everything else may be a secret.
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
#: The longest answer that is believed, in bytes: twenty times that of the largest price list.
LONGEST = 100_000_000
#: What no page is longer than, in bytes; a feed with whole articles may be.
USUAL = 10_000_000
#: An answer that is this long is taken apart in a thread.
LARGE = 10_000


@dataclass(frozen=True)
class Look:
    """One look at a document: the digest of its focus, and its facts unless it is the accepted one
    again.
    """

    digest: str
    facts: list[Fact] | None = None


class Reader(Protocol):
    """What a poll needs to read a document. ``seen`` is the digest of the one that was accepted
    last, ``kept`` the SHA-256 of the last one whose bytes were kept."""

    async def read(self, source: Source, body: bytes, seen: str = "", kept: str = "") -> Look:
        """Raises Unreadable."""
        ...


class InProcess:
    """Reads in a thread of this process, without limits: for archives, and for adapters that no
    name leads to.
    """

    def __init__(self) -> None:
        self._turn = (
            asyncio.Lock()
        )  # one page in memory at a time: two at once are no faster under one GIL

    async def read(self, source: Source, body: bytes, seen: str = "", kept: str = "") -> Look:
        digest = source.digest(body)
        if digest == seen:
            return Look(digest)
        async with self._turn:
            return Look(digest, await asyncio.to_thread(source.read, body))


class Sandbox:
    """Reads in child processes, started when first needed and kept.

    ``size`` of them read at once, beside up to as many that take longer than ``patience``
    (seconds): a page that is too much for its child holds up no other. ``megabytes`` bounds the
    address space of each, ``seconds`` its CPU for one document, ``deadline`` (seconds) how long one
    is waited for; a source that declares documents longer than USUAL has as many times more of
    both. To be used as an async context manager."""

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
        self.killed = (
            0  #: children that were ended, or ended themselves, in the middle of a document
        )
        self._room = asyncio.Semaphore(2 * size)
        self._turns = asyncio.Semaphore(size)
        self._children: set[Child] = set()
        self._idle: list[Child] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await asyncio.gather(*(child.end() for child in self._children))

    @property
    def pids(self) -> list[int]:
        """The children that run."""
        return [child.process.pid for child in self._children if child.process.returncode is None]

    async def read(self, source: Source, body: bytes, seen: str = "", kept: str = "") -> Look:
        if seen and is_known(source, body, seen, kept):
            return Look(seen)
        name = named(source)
        times = max(1, source.max_bytes // USUAL)
        request = REQUEST.pack(len(name), len(body), self.seconds * times, seen.encode()) + name
        try:
            async with self._turn():
                answer = await self._ask(request, body, times)
            if len(answer) < LARGE:
                return understood(source, answer)
            return await asyncio.to_thread(understood, source, answer)
        except Unreadable as error:
            text = str(error).removeprefix(f"{source.id}: ")
            raise Unreadable(f"{source.id}: {text}") from None

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """One's turn to have a child. Who takes long gives it to the next, and keeps the child."""
        async with self._room:
            await self._turns.acquire()
            held = [self._turns]

            def give() -> None:
                while held:
                    held.pop().release()

            slow = asyncio.get_running_loop().call_later(self.patience, give)
            try:
                yield
            finally:
                slow.cancel()
                give()

    async def _ask(self, request: bytes, body: bytes, times: int) -> bytes:
        """The answer of a child, which is kept for the next document unless it ends."""
        child = None
        try:
            async with asyncio.timeout(self.deadline * times):
                child = await self._child()
                last, answer = await child.ask(request, body)
        except TimeoutError:
            self.killed += 1
            raise Unreadable(
                f"reading it took more than {self.deadline * times:g} seconds"
            ) from None
        except (asyncio.IncompleteReadError, ConnectionError):
            self.killed += 1
            raise Unreadable(
                why(await child.code() if child else None, self.seconds * times)
            ) from None
        except OSError as error:
            raise Unreadable(
                f"no process to read it could be started: {error.strerror or error}"
            ) from None
        else:
            if not last:
                self._idle.append(child)
                child = None
            return answer
        finally:
            if child:
                self._children.discard(child)
                await child.end()

    async def _child(self) -> Child:
        """A child that waits for a document: the one that worked last, whose memory is warm, or a
        new one.
        """
        while self._idle:
            child = self._idle.pop()
            if child.process.returncode is None:
                return child
            self._children.discard(child)
        child = await Child.start(self.megabytes)
        self._children.add(child)
        return child


@dataclass(frozen=True, eq=False)
class Child:
    """A process that runs monitor.polling.parser_process."""

    process: Process
    asked: asyncio.StreamWriter
    told: asyncio.StreamReader

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

    async def ask(self, request: bytes, body: bytes) -> tuple[bool, bytes]:
        """Send a document; return whether the process ends now, and the answer."""
        self.asked.write(request)
        self.asked.write(body)
        last, size = ANSWER.unpack(await self.told.readexactly(ANSWER.size))
        if size > LONGEST:
            raise Unreadable(f"its facts take {size} bytes")
        return last, await self.told.readexactly(size)

    async def code(self) -> int | None:
        """The exit code, or minus the signal; None if it has closed its output and does not end."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.process.wait(), 1.0)
        return self.process.returncode

    async def end(self) -> None:
        """Kill it, and wait until it is gone."""
        with suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()


def is_known(source: Source, body: bytes, seen: str, kept: str) -> bool:
    """Whether a document is the accepted one, told without a child: by a cut that no bytes can make
    long, or from bytes that were read before, which have done to ``focus`` what they can."""
    safe = source.focus in (None, tables_and_headings) or hashlib.sha256(body).hexdigest() == kept
    return safe and source.digest(body) == seen


def why(code: int | None, seconds: int) -> str:
    """What ended a child that did not answer, by its exit code and the CPU it was given."""
    if code == -signal.SIGXCPU:
        return f"reading it took more than {seconds} seconds of CPU"
    if code is not None and code < 0:
        return f"the process that read it was ended by {signal.Signals(-code).name}"
    return f"the process that read it ended without an answer (exit code {code})"


def environment() -> dict[str, str]:
    """What a child is told: where Python's modules are, and nothing that could be a secret."""
    kept = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
    return kept | {"PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path)}


def named(source: Source) -> bytes:
    """The source by the names under which a child finds its functions, as JSON."""
    asked = {
        "id": source.id,
        "parse": _path(source.parse),
        "focus": _path(source.focus) if source.focus else "",
        "markers": [mark.decode() for mark in source.markers],
    }
    return json.dumps(asked).encode()


def _path(function: Callable[..., bytes | Iterable[Fact]]) -> str:
    return f"{function.__module__}:{function.__qualname__}"


def understood(source: Source, answer: bytes) -> Look:
    """The look that an answer describes. Whoever took a child over may say anything: it is
    Unreadable, or facts.
    """
    try:
        told: Json = json.loads(answer)
        if "error" in told:
            raise Unreadable(str(told["error"]))
        facts = [from_json(fact) for fact in told["facts"]] if "facts" in told else None
        look = Look(str(told["digest"]), facts)
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
    return look
