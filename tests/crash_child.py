"""The service in a process of its own that dies at a named step: ``python -m tests.crash_child DATABASE STEP``.

Failpoints live here, not in the product: STEP is ``module:name:before`` or ``:after``, and the function (or method)
of that name is wrapped. The process kills itself with SIGKILL, as a power cut would.
"""

from __future__ import annotations

import asyncio
import functools
import importlib
import inspect
import os
import signal
import sys
from datetime import timedelta

from monitor.publish import outbox
from monitor.service import serve
from monitor.settings import load_settings
from monitor.store.db import Store
from sources import load


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def break_in(step: str) -> None:
    """Wrap the function that a step names."""
    module_name, path, moment = step.split(":")
    *owners, name = path.split(".")
    owner = functools.reduce(getattr, owners, importlib.import_module(module_name))
    whole = getattr(owner, name)

    if inspect.iscoroutinefunction(whole):

        @functools.wraps(whole)
        async def broken(*args, **kwargs):
            if moment == "before":
                die()
            await whole(*args, **kwargs)
            die()
    else:

        @functools.wraps(whole)
        def broken(*args, **kwargs):
            if moment == "before":
                die()
            done = whole(*args, **kwargs)
            if not (name == "claim" and not done):  # a claim of nothing is no step of a delivery
                die()
            return done

    setattr(owner, name, broken)


def main() -> None:
    database, step = sys.argv[1], sys.argv[2]
    outbox.LEASE = timedelta(seconds=1)  # the default of a minute would make every test that long
    if step != "none":
        break_in(step)
    settings = load_settings(database)
    watched = {source_id: load()[source_id] for source_id in settings.source_urls}
    asyncio.run(serve(settings, Store(settings.database_url), lambda: watched))


if __name__ == "__main__":
    main()
