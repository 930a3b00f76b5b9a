"""Serve /healthz and /metrics, and send a heartbeat to a monitor outside.

/healthz fails only for trouble that an operator must fix: the database, the disk, a service that
hangs. A source that fails is an event for operators (source.failing), not ill health."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from typing import Protocol

from aiohttp import web
from prometheus_client import generate_latest

from monitor.delivery.address_guard import Guard
from monitor.delivery.http_client import BROKEN, session
from monitor.errors import DeliveryFailed, SettingError, StoreError
from monitor.store import schema
from monitor.store.db import Store
from monitor.web.metrics import Metrics

log = logging.getLogger("lastcall.health")

#: Without a tick for so long the service hangs, in seconds. A tick may wait for the database for
#: half of that.
LATE = 60.0
#: How often the heartbeat is sent, and how long that may take, in seconds.
BEAT = 60.0
BEAT_DEADLINE = 10.0


class Watched(Protocol):
    """The state of a running service that health depends on.

    ``error`` is the trouble with its database, ``ticked`` the end of its last tick by the monotonic
    clock."""

    store: Store
    error: str
    ticked: float
    metrics: Metrics


async def fault(service: Watched) -> str:
    """Return what an operator must fix, in one line; empty if all is well."""
    if error := service.error or service.store.trouble:
        return error
    if (late := time.monotonic() - service.ticked) > LATE:
        return f"no tick for {late:.0f} s: the service hangs; restart it"
    try:
        return await asyncio.to_thread(schema.fault, service.store)
    except StoreError as error:
        return str(error)


def application(service: Watched) -> web.Application:
    """Return the web application of a service. More routes may be added before it is served."""

    async def healthz(_request: web.Request) -> web.Response:
        error = await fault(service)
        return web.json_response(
            {"status": "error" if error else "ok", "error": error}, status=503 if error else 200
        )

    async def metrics(_request: web.Request) -> web.Response:
        text = await asyncio.to_thread(generate_latest, service.metrics.registry)
        return web.Response(
            body=text, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
        )

    app = web.Application()
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/metrics", metrics)
    return app


async def listen(app: web.Application, address: str) -> web.AppRunner:
    """Serve an application on ``host:port``. Raise SettingError if the port cannot be used."""
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    host, _, port = address.rpartition(":")
    try:
        await web.TCPSite(runner, host.strip("[]") or "127.0.0.1", int(port)).start()
    except OSError as error:
        await runner.cleanup()
        raise SettingError(
            f"LASTCALL_LISTEN: cannot listen on {address}: {os.strerror(error.errno or 0)}"
        ) from None
    return runner


async def heartbeat(service: Watched, guard: Guard, url: str) -> None:
    """GET ``url`` once a minute while all is well, behind the guard of webhooks.

    The URL is never logged: it may be a secret."""
    async with session(guard) as http:
        while True:
            if not await fault(service):
                try:
                    async with (
                        asyncio.timeout(BEAT_DEADLINE),
                        http.get(guard.url(url), allow_redirects=False) as answer,
                    ):
                        if answer.status >= 300:
                            log.warning("the heartbeat was answered %d", answer.status)
                except (DeliveryFailed, *BROKEN) as error:
                    log.warning("the heartbeat did not arrive: %s", type(error).__name__)
            await asyncio.sleep(BEAT)
