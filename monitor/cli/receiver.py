"""``lastcall webhooks listen``: a receiver on this machine that verifies messages, to try a
webhook.
"""

from __future__ import annotations

import asyncio
import json
import signal
import time
from typing import Any

from aiohttp import web

from monitor.cli import output
from monitor.delivery.webhook import signature

HOST = "127.0.0.1"


class WebhookReceiver:
    """Verifies messages with one secret (or public key) and prints them; answers 401 to others."""

    def __init__(self, secret: str, *, once: bool, as_json: bool):
        self.secret = secret
        self.once = once
        self.as_json = as_json
        self.verified = 0
        self.done = asyncio.Event()

    async def take(self, request: web.Request) -> web.Response:
        """Verify and print one message."""
        body = await request.read()
        try:
            signature.verify(self.secret, request.headers, body, time.time())
            message = json.loads(body)
        except ValueError as error:
            output.say(f"refused: {error}")
            return web.Response(status=401, text=str(error))
        finally:
            if self.once:
                self.done.set()
        self.verified += 1
        if self.as_json:
            print(output.line(message), flush=True)
        else:
            text = f"verified {request.headers['webhook-id']} {_summary(message, request)}"
            print(output.clean(text), flush=True)
        return web.Response(status=204)

    async def consent(self, request: web.Request) -> web.Response:
        """Consent to the handshake of CloudEvents, whoever asks."""
        origin = request.headers.get("WebHook-Request-Origin", "*")
        output.say(f"handshake: {origin} may send")
        return web.Response(headers={"WebHook-Allowed-Origin": origin})


def _summary(message: Any, request: web.Request) -> str:
    """Return type and summary of a message of Standard Webhooks or of CloudEvents."""
    data = message.get("data", message)
    kind = message.get("type") or request.headers.get("ce-type", "")
    events = data.get("events")
    summary = data.get("summary") if events is None else output.counted(len(events), "event")
    return f"{kind} {summary}"


async def listen(port: int, receiver: WebhookReceiver) -> int:
    """Receive until a signal, or until one message came (``once``). Return how many were verified.

    Raise OSError if the port cannot be used."""
    app = web.Application()
    app.router.add_post("/{tail:.*}", receiver.take)
    app.router.add_route("OPTIONS", "/{tail:.*}", receiver.consent)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST, port).start()
        output.say(f"listening on http://{HOST}:{runner.addresses[0][1]}/; Ctrl-C ends it")
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, receiver.done.set)
        await receiver.done.wait()
    finally:
        await runner.cleanup()
    return receiver.verified
