"""Take Slack's requests over Socket Mode: the service opens the connection, and needs no public
address.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler

from monitor.delivery.slack.client import session, web_client
from monitor.slack_app.app import LOG, SlackApp

if TYPE_CHECKING:
    from slack_sdk.socket_mode.aiohttp import SocketModeClient


@asynccontextmanager
async def connected(app: SlackApp, app_token: str) -> AsyncIterator[SocketModeClient]:
    """Keep a connection while the block runs. The SDK connects again whenever it breaks."""
    http = web_client(app.slack.http, None, app.publisher.settings.slack_base_url)
    handler = AsyncSocketModeHandler(app.bolt, app_token, logger=LOG, web_client=http)
    # The SDK's own session would connect past the guard and its proxy.
    await handler.client.aiohttp_client_session.close()
    handler.client.aiohttp_client_session = session(app.slack.guard)
    handler.client.proxy = None  # the SDK takes one from the environment
    connecting = asyncio.create_task(handler.connect_async())  # type: ignore[no-untyped-call]
    try:
        yield handler.client
    finally:
        connecting.cancel()
        await handler.close_async()  # type: ignore[no-untyped-call]
