"""Start the Slack app of a service: its routes on the listener, and Socket Mode, as the settings
ask.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from aiohttp import web

from monitor.errors import SettingError

if TYPE_CHECKING:
    from monitor.delivery.publisher import Publisher
    from monitor.settings.model import Settings

log = logging.getLogger("lastcall.slack")

Routes = Callable[[web.Application], None]


@asynccontextmanager
async def slack_app(publisher: Publisher, settings: Settings) -> AsyncIterator[Routes]:
    """Yield a function that adds the routes to an application. Socket Mode runs meanwhile.

    The libraries are large: they are imported only if a secret or token is set."""
    signing, token = (
        settings.slack_signing_secret.get_secret_value(),
        settings.slack_app_token.get_secret_value(),
    )
    if not (signing or token or settings.slack_client_id):
        yield lambda _: None
        return
    secret = settings.slack_client_secret.get_secret_value()
    if settings.slack_client_id and not secret:
        raise SettingError(
            "LASTCALL_SLACK_CLIENT_SECRET is not set, and LASTCALL_SLACK_CLIENT_ID is"
        )
    if not settings.listen and not token:
        log.warning(
            "Slack's commands and buttons reach nothing: set LASTCALL_LISTEN, or "
            "LASTCALL_SLACK_APP_TOKEN"
        )
    from monitor.slack_app import http, oauth, socket_mode
    from monitor.slack_app.app import SlackApp

    slack = await publisher.transports.open_slack()
    app = SlackApp(publisher, slack)

    def add(routes: web.Application) -> None:
        if signing:
            http.add_routes(routes, app.bolt, http.RequestGate(signing, publisher.now))
        if settings.slack_client_id:
            http.add_oauth_routes(
                routes, oauth.flow(publisher, slack, settings.slack_client_id, secret)
            )

    async with AsyncExitStack() as stack:
        if token:
            await stack.enter_async_context(socket_mode.connected(app, token))
        yield add
