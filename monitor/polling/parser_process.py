"""The process in which documents are read: ``python -m monitor.polling.parser_process MEGABYTES``,
started by monitor.polling.parser_pool.

It reads bytes that anybody may have written, so it has nothing to lose: no secrets in its
environment, bounded memory and CPU, and a hook that refuses sockets, look-ups, processes and files
opened for writing. The hook stops what Python code does, not native code gone wrong; that meets the
limits alone.

A request on stdin is a REQUEST, a JSON object that names the adapter (``resolve``), and the
document. An answer on stdout is an ANSWER and a JSON object: the digest of the document's focus,
and its facts if that is not the digest which is known already; or what is wrong with the document.
No pickle: whoever takes this process over can send facts, and no more than that."""

from __future__ import annotations

import functools
import importlib
import json
import math
import os
import resource
import signal
import struct
import sys
import time
from collections.abc import Callable
from typing import Any

from monitor.core.facts import Json
from monitor.errors import Unreadable
from monitor.reading.source import Source

#: Lengths of the adapter's name and of the document, its seconds of CPU, and the digest known
#: already (or zeros).
REQUEST = struct.Struct("!III64s")
#: Whether the process ends now, and the length of the answer.
ANSWER = struct.Struct("!?I")
#: After so many documents a process is replaced, so that what a library leaks stays small.
DOCUMENTS = 10_000

#: Audit events, by what their names begin with, that no parser raises.
REFUSED = (
    "socket.",
    "subprocess.",
    "os.exec",
    "os.fork",
    "os.posix_spawn",
    "os.spawn",
    "os.system",
    "os.kill",
    "pty.",
    "ctypes.",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.mkdir",
    "os.link",
    "os.symlink",
    "os.truncate",
    "os.ch",
)
PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def refuse(event: str, args: tuple[Any, ...]) -> None:
    """The audit hook (PEP 578). It cannot be removed."""
    if event.startswith(REFUSED) or (event == "open" and args[2] & WRITING):
        raise PermissionError(f"an adapter may not do this: {event}")


def confine(megabytes: int) -> None:
    """Bound this process for good. The CPU is bounded anew for each document."""
    bounds = [
        (
            resource.RLIMIT_AS,
            megabytes << 20,
        ),  # macOS refuses it: there the wall clock and the machine bound memory
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ]
    for which, bound in bounds:
        try:
            resource.setrlimit(which, (bound, bound))
        except (ValueError, OSError):
            continue
    for number in (signal.SIGINT, signal.SIGTERM):  # meant for the parent; when that ends, so do we
        signal.signal(number, signal.SIG_IGN)
    if sys.platform == "linux":  # elsewhere an orphan ends with its document
        import ctypes  # heavy for the parent, which imports this module for its formats

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    sys.addaudithook(refuse)


def allow(seconds: int) -> None:
    """Let the next document take so much CPU; SIGXCPU ends the process then."""
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    soft = math.ceil(time.process_time()) + seconds
    resource.setrlimit(
        resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard)
    )


@functools.cache
def resolve(name: bytes) -> Source:
    """The source that ``monitor.polling.parser_pool.named`` named: an adapter and its focus, by
    module and name in it."""
    asked: Json = json.loads(name)
    found = _attribute(asked["parse"])
    if isinstance(found, Source):  # its declaration took the function's name
        return found
    focus: Callable[[bytes], bytes] | None = _attribute(asked["focus"]) if asked["focus"] else None
    return Source(
        asked["id"],
        "",
        found,
        focus=focus,
        markers=tuple(mark.encode() for mark in asked["markers"]),
    )


def _attribute(path: str) -> Any:
    module, _, name = path.partition(":")
    try:
        return functools.reduce(getattr, name.split("."), importlib.import_module(module))
    except (ImportError, AttributeError) as error:
        raise Unreadable(
            f"no adapter {path}, at the top of its module, can be imported: {error}"
        ) from None


def look(name: bytes, seen: str, body: bytes) -> Json:
    """What a document says, as the answer to a request."""
    source = resolve(name)
    digest = source.digest(body)
    if digest == seen:
        return {"digest": digest}
    return {"digest": digest, "facts": [fact.to_json() for fact in source.read(body)]}


def answer(name: bytes, seen: str, body: bytes, megabytes: int) -> Json:
    """The same, or what is wrong with the document. Nothing that it does to a parser leaves this
    function.
    """
    try:
        return look(name, seen, body)
    except Exception as error:
        if isinstance(error, MemoryError) or isinstance(error.__cause__, MemoryError):
            return {"error": f"reading it took more than {megabytes} MB of memory"}
        return {
            "error": str(error)
            if isinstance(error, Unreadable)
            else f"{type(error).__name__}: {error}"
        }


def most_memory() -> int:
    """The most memory that this process had at once, in bytes; at its start, what the one that
    started it has.
    """
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def main() -> None:
    megabytes = int(sys.argv[1])
    asked, told = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    confine(megabytes)
    swollen = max(most_memory(), (megabytes << 20) // 3)
    for count in range(1, DOCUMENTS + 1):
        head = asked.read(REQUEST.size)
        if len(head) < REQUEST.size:  # the parent has ended
            return
        name, size, seconds, seen = REQUEST.unpack(head)
        allow(seconds)
        said = answer(asked.read(name), seen.strip(b"\0").decode(), asked.read(size), megabytes)
        line = json.dumps(said).encode()
        last = count == DOCUMENTS or most_memory() > swollen
        told.write(ANSWER.pack(last, len(line)) + line)
        told.flush()
        if last:
            return


if __name__ == "__main__":
    main()
