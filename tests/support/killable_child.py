"""Processes that die at a named step, forked from one that has loaded the program: ``python -m
tests.support.killable_child``.

Reads orders from stdin, a JSON object a line (tests.support.kill_trials.Order), one child at a time. Answers
``started PID``, and ``ended CODE`` once that child is gone, with the negative number of the signal
that ended it.

Failpoints live here, not in the product: ``module:name:before:N`` or ``:after:N`` wraps the
function (or method) of that name, and the process kills itself with SIGKILL at its N-th call, as a
power cut would; ``sql:before:N`` and ``sql:after:N`` do so at the N-th statement that reaches the
database."""

from __future__ import annotations

import asyncio
import functools
import gc
import importlib
import inspect
import itertools
import json
import os
import signal
import sys
from collections.abc import Callable

import apprise  # noqa: F401  what a child would load by itself, and would take longer for than it lives
import bs4  # noqa: F401
import lxml.html  # noqa: F401
import psycopg  # noqa: F401
from cryptography.hazmat.primitives.ciphers import aead  # noqa: F401
from sqlalchemy import Engine, event

from alembic import command  # noqa: F401
from monitor.cli import app as cli
from monitor.cli import webhooks  # noqa: F401
from monitor.delivery import address_guard  # noqa: F401
from monitor.delivery.webhook import send  # noqa: F401
from monitor.service import serve
from monitor.settings import load_settings
from monitor.store import schema, secrets
from monitor.store.db import Store
from sources import load


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def break_in(step: str) -> None:
    """Die at a step, as the module says."""
    place, _, number = step.rpartition(":")
    left = itertools.count(int(number) - 1, -1)

    def reached() -> None:
        if next(left) == 0:
            die()

    if place.startswith("sql:"):
        event.listen(Engine, f"{place.removeprefix('sql:')}_cursor_execute", lambda *_: reached())
        return
    module_name, path, moment = place.split(":")
    *owners, name = path.split(".")
    owner = functools.reduce(getattr, owners, importlib.import_module(module_name))
    whole = getattr(owner, name)

    if inspect.iscoroutinefunction(whole):

        @functools.wraps(whole)
        async def broken(*args, **kwargs):
            if moment == "before":
                reached()
            done = await whole(*args, **kwargs)
            if moment == "after":
                reached()
            return done
    else:

        @functools.wraps(whole)
        def broken(*args, **kwargs):
            if moment == "before":
                reached()
            done = whole(*args, **kwargs)
            if moment == "after" and not (
                name == "claim" and not done
            ):  # a claim of nothing is no step of a delivery
                reached()
            return done

    setattr(owner, name, broken)


def run(store: Store) -> None:
    """The service."""
    settings = load_settings(store.url.render_as_string(hide_password=False))
    watched = {source_id: load()[source_id] for source_id in settings.source_urls}
    asyncio.run(serve(settings, store, lambda: watched))


def rotate(store: Store) -> None:
    """Everything sealed anew, a row a transaction."""
    secrets.BATCH = 1
    vault = secrets.unlock(store, load_settings(store.url.render_as_string(hide_password=False)))
    if not os.environ.get("LASTCALL_SECRET_KEYS"):
        vault.renew()
    secrets.rotate(store, vault)


def rotate_webhook(store: Store) -> None:
    database = store.url.render_as_string(hide_password=False)
    sys.exit(cli(["--db", database, "webhooks", "rotate", "sub_1"], standalone_mode=False))


TASKS: dict[str, Callable[[Store], object]] = {
    "run": run,
    "rotate": rotate,
    "rotate webhook": rotate_webhook,
    "migrate": schema.upgrade,
}


def child(order: dict[str, str]) -> None:
    os.environ.update(json.loads(order["environment"]))
    said = os.open(order["said"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for number in (1, 2):
        os.dup2(said, number)
    if order["step"]:
        break_in(order["step"])
    TASKS[order["task"]](Store(order["database"]))


def ended(order: dict[str, str]) -> int:
    """Do what was ordered; the exit code."""
    try:
        child(order)
    except SystemExit as error:
        return int(error.code or 0)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def main() -> None:
    load()
    gc.freeze()  # what all children share stays where it is
    for line in sys.stdin:
        if pid := os.fork():
            print("started", pid, flush=True)
            print("ended", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
            continue
        os._exit(ended(json.loads(line)))


if __name__ == "__main__":
    main()
