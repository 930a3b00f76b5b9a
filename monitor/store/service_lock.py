"""One service to an SQLite file: a lock that ends with the process that holds it, however that
ends.

PostgreSQL needs none: there a lease on each source's row decides (sources.claim).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from monitor.errors import StoreError
from monitor.store.db import Store


@contextmanager
def alone(store: Store) -> Iterator[None]:
    """Hold the lock of a database. Raises StoreError with the pid of the process that has it.

    The file ``<database>.lock`` stays when the lock is given back: deleting it would let two
    processes hold one each."""
    if not store.path:
        yield
        return
    import fcntl  # not on every platform, and needed only here

    path = _path(store.path)
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise StoreError(
            f"cannot open {path}: {error.strerror}; `lastcall run` must be able to write there"
        ) from None
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreError(
                f"{store}: process {_pid(path)} runs the service on it; stop that one first"
            ) from None
        os.ftruncate(file, 0)
        os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(file)


def holder(store: Store) -> str:
    """The pid of the process that runs the service on an SQLite file; empty if none does."""
    if not store.path or not _path(store.path).exists():
        return ""
    import fcntl

    path = _path(store.path)
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _pid(path)
    return ""


def _path(database: Path) -> Path:
    return database.with_name(f"{database.name}.lock")


def _pid(path: Path) -> str:
    return path.read_text("ascii", "replace").strip() or "of unknown number"
