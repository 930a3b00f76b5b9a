"""The loopback side of the demo: a site that serves the providers' pages, a webhook receiver and a
Slack.
"""

from __future__ import annotations

import hashlib
import json

from aiohttp import web

from monitor.delivery.webhook import signature


class Site:
    """Serves one page for each source id, with an ETag, as it stands today."""

    def __init__(self) -> None:
        self.pages: dict[str, bytes] = {}
        self.asked = self.unchanged = 0

    async def page(self, request: web.Request) -> web.Response:
        body = self.pages[request.match_info["source"]]
        etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        self.asked += 1
        if request.headers.get("If-None-Match") == etag:
            self.unchanged += 1
            return web.Response(status=304, headers={"ETag": etag})
        kind = "text/html" if body.lstrip().startswith(b"<") else "text/markdown"
        return web.Response(body=body, content_type=kind, headers={"ETag": etag})


class Receiver:
    """Takes webhooks as a subscriber would: no delivery counts whose signature does not verify."""

    def __init__(self, secret: str):
        self.secret = secret
        self.verified = 0
        self.refused = 0

    async def hook(self, request: web.Request) -> web.Response:
        body = await request.read()
        try:  # the clock is that of the recorded year
            signature.verify(
                self.secret, request.headers, body, float(request.headers["webhook-timestamp"])
            )
        except ValueError:
            self.refused += 1
            return web.Response(status=401)
        self.verified += 1
        return web.Response(status=204)


class Slack:
    """An incoming webhook of Slack, and what was posted to it."""

    def __init__(self) -> None:
        self.posts: list[str] = []

    async def hook(self, request: web.Request) -> web.Response:
        self.posts.append(json.loads(await request.read())["text"])
        return web.Response(text="ok")


class Loopback:
    """One server on 127.0.0.1 for all three; ``async with`` gives it a port."""

    def __init__(self, site: Site, receiver: Receiver, slack: Slack):
        app = web.Application()
        app.router.add_get("/pages/{source}", site.page)
        app.router.add_post("/hook", receiver.hook)
        app.router.add_post("/services/T0/B0/demo", slack.hook)
        self._runner = web.AppRunner(app, access_log=None)
        self.base = ""

    async def __aenter__(self) -> Loopback:
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.base = f"http://{host}:{port}"
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._runner.cleanup()
