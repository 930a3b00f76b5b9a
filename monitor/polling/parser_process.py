"""Parse documents in a process of their own, which monitor.polling.parser_pool starts:
``python -m monitor.polling.parser_process MEGABYTES``.

Anybody may have written the bytes that it parses, so it has nothing to lose: no secrets in its
environment, bounded memory and CPU, and a hook that refuses sockets, look-ups, processes and files
opened for writing. The hook stops Python code. Only the limits stop native code.

A request on stdin is a REQUEST, a JSON object that names the adapter (``find_adapter``), and the
document. An answer on stdout is an ANSWER and a JSON object: the digest of the document's focus,
and its facts unless that digest is the accepted one; or an error. There is no pickle: a page that
takes over this process can send facts, and no more than that."""

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

#: Lengths of the adapter's name and of the document, its seconds of CPU, and the digest of the
#: accepted document (or zeros).
REQUEST = struct.Struct("!III64s")
#: Whether the process ends now, and the length of the answer.
ANSWER = struct.Struct("!?I")
#: After this many documents a process is replaced, so that a library's leaks stay small.
MAX_DOCUMENTS = 10_000

#: Audit events that no parser raises, by the beginning of their names.
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
WRITE_FLAGS = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def refuse(event: str, args: tuple[Any, ...]) -> None:
    """Raise PermissionError for a refused audit event (PEP 578). The hook cannot be removed."""
    if event.startswith(REFUSED) or (event == "open" and args[2] & WRITE_FLAGS):
        raise PermissionError(f"an adapter may not do this: {event}")


def confine(megabytes: int) -> None:
    """Bound this process for good. The CPU is bounded anew for each document."""
    limits = [
        # macOS refuses this limit: there the wall clock and the machine bound the memory.
        (resource.RLIMIT_AS, megabytes << 20),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ]
    for limit, value in limits:
        try:
            resource.setrlimit(limit, (value, value))
        except (ValueError, OSError):
            continue
    # These signals are meant for the parent; this process ends when the parent does.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    if sys.platform == "linux":  # elsewhere an orphan ends with its document
        import ctypes  # heavy for the parent, which imports this module for its formats

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    sys.addaudithook(refuse)


def allow_cpu(seconds: int) -> None:
    """Let the next document take this many seconds of CPU; then SIGXCPU ends the process."""
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    soft = math.ceil(time.process_time()) + seconds
    resource.setrlimit(
        resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard)
    )


@functools.cache
def find_adapter(name: bytes) -> Source:
    """Return the source that parser_pool.adapter_name named: its functions, by module and name.

    Raises Unreadable if they cannot be imported."""
    names: Json = json.loads(name)
    adapter = _attribute(names["parse"])
    if isinstance(adapter, Source):  # the declared source has taken its function's name
        return adapter
    focus: Callable[[bytes], bytes] | None = _attribute(names["focus"]) if names["focus"] else None
    return Source(
        names["id"],
        "",
        adapter,
        focus=focus,
        markers=tuple(marker.encode() for marker in names["markers"]),
    )


def _attribute(path: str) -> Any:
    module, _, name = path.partition(":")
    try:
        return functools.reduce(getattr, name.split("."), importlib.import_module(module))
    except (ImportError, AttributeError) as error:
        raise Unreadable(
            f"no adapter {path}, at the top of its module, can be imported: {error}"
        ) from None


def parse(name: bytes, accepted: str, body: bytes) -> Json:
    """Parse a document and return the answer. Raises whatever the adapter raises."""
    source = find_adapter(name)
    digest = source.digest(body)
    if digest == accepted:
        return {"digest": digest}
    return {"digest": digest, "facts": [fact.to_json() for fact in source.read(body)]}


def answer(name: bytes, accepted: str, body: bytes, megabytes: int) -> Json:
    """Return the answer to a request: facts, or an error. Nothing that a document makes a parser
    raise leaves this function.
    """
    try:
        return parse(name, accepted, body)
    except Exception as error:
        if isinstance(error, MemoryError) or isinstance(error.__cause__, MemoryError):
            return {"error": f"reading it took more than {megabytes} MB of memory"}
        if isinstance(error, Unreadable):
            return {"error": str(error)}
        return {"error": f"{type(error).__name__}: {error}"}


def peak_memory() -> int:
    """Return the most memory that this process had at once, in bytes. At its start, that is what
    its parent has.
    """
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def main() -> None:
    megabytes = int(sys.argv[1])
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a library may print: that goes to stderr, not among the answers
    confine(megabytes)
    # A process that once swelled is replaced, since Python seldom gives memory back.
    swollen = max(peak_memory(), (megabytes << 20) // 3)
    for count in range(1, MAX_DOCUMENTS + 1):
        head = requests.read(REQUEST.size)
        if len(head) < REQUEST.size:  # the parent has ended
            return
        name_size, body_size, seconds, accepted = REQUEST.unpack(head)
        allow_cpu(seconds)
        name, body = requests.read(name_size), requests.read(body_size)
        line = json.dumps(answer(name, accepted.strip(b"\0").decode(), body, megabytes)).encode()
        is_last = count == MAX_DOCUMENTS or peak_memory() > swollen
        answers.write(ANSWER.pack(is_last, len(line)) + line)
        answers.flush()
        if is_last:
            return


if __name__ == "__main__":
    main()
