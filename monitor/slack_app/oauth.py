"""Install the app in a workspace: bolt's flow, with sealed tokens and a signed state.

The state carries its own end and a signature, so that any process can check it. A process takes
each once."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from logging import Logger
from typing import TYPE_CHECKING, Any

from slack_bolt.oauth.async_oauth_flow import AsyncOAuthFlow
from slack_bolt.oauth.async_oauth_settings import AsyncOAuthSettings
from slack_sdk.oauth.installation_store import Bot, Installation
from slack_sdk.oauth.installation_store.async_installation_store import AsyncInstallationStore
from slack_sdk.oauth.state_store.async_state_store import AsyncOAuthStateStore

from monitor.delivery.slack import pausing
from monitor.delivery.slack.client import web_client
from monitor.delivery.slack.send import Slack
from monitor.slack_app.app import LOG
from monitor.store import slack_installs

if TYPE_CHECKING:
    from monitor.delivery.publisher import Publisher

#: The scopes of the app. The manifest (deploy/slack-manifest.yaml) says what each is for.
SCOPES = (
    "channels:history",
    "channels:read",
    "chat:write",
    "chat:write.public",
    "commands",
    "groups:history",
    "groups:read",
)
#: How long a person may take from /slack/install to /slack/oauth_redirect.
STATE_LASTS = timedelta(minutes=10)


class Installations(AsyncInstallationStore):
    """The workspaces in our table. An installation that ends is disabled, never deleted."""

    def __init__(self, publisher: Publisher):
        self.publisher = publisher

    @property
    def logger(self) -> Logger:
        return LOG

    async def async_save(self, installation: Installation) -> None:
        """Save an installation, and try the paused channels of a workspace that installs again."""
        name = slack_installs.workspace(
            installation.enterprise_id, installation.team_id, installation.is_enterprise_install
        )
        installed = {key: _plain(value) for key, value in installation.to_dict().items()}

        def save() -> None:
            now = self.publisher.now()
            with self.publisher.store.write() as session:
                slack_installs.save(session, self.publisher.vault, name, installed, now)
                pausing.try_paused(session, name, None, now)

        await asyncio.to_thread(save)
        self.publisher.wake()

    async def async_find_bot(
        self,
        *,
        enterprise_id: str | None,
        team_id: str | None,
        is_enterprise_install: bool | None = False,
    ) -> Bot | None:
        installation = await self.async_find_installation(
            enterprise_id=enterprise_id,
            team_id=team_id,
            is_enterprise_install=is_enterprise_install,
        )
        return installation.to_bot() if installation else None

    async def async_find_installation(
        self,
        *,
        enterprise_id: str | None,
        team_id: str | None,
        user_id: str | None = None,
        is_enterprise_install: bool | None = False,
    ) -> Installation | None:
        name = slack_installs.workspace(enterprise_id, team_id, is_enterprise_install)

        def find() -> Installation | None:
            with self.publisher.store.read() as session:
                row = slack_installs.find(session, name)
                if row is None or row.state != "enabled":
                    return None
                return Installation(**slack_installs.unseal(self.publisher.vault, row))

        return await asyncio.to_thread(find)

    async def async_delete_installation(
        self, *, enterprise_id: str | None, team_id: str | None, user_id: str | None = None
    ) -> None:
        name = slack_installs.workspace(enterprise_id, team_id, not team_id)

        def disable() -> None:
            with self.publisher.store.write() as session:
                slack_installs.disable(session, name, "slack: uninstalled")

        await asyncio.to_thread(disable)

    async def async_delete_bot(self, *, enterprise_id: str | None, team_id: str | None) -> None:
        await self.async_delete_installation(enterprise_id=enterprise_id, team_id=team_id)


class States(AsyncOAuthStateStore):
    """States that carry their end, signed with the client's secret."""

    def __init__(self, secret: str, now: Callable[[], datetime]):
        self._key = hashlib.sha256(b"lastcall oauth state" + secret.encode()).digest()
        self._now = now
        self._taken: dict[str, int] = {}

    @property
    def logger(self) -> Logger:
        return LOG

    async def async_issue(self, *args: Any, **kwargs: Any) -> str:
        text = f"{int((self._now() + STATE_LASTS).timestamp())}.{secrets.token_urlsafe(16)}"
        return f"{text}.{self._signature(text)}"

    async def async_consume(self, state: str) -> bool:
        text, _, signature = state.rpartition(".")
        if not hmac.compare_digest(self._signature(text).encode(), signature.encode()):
            return False
        ends, now = int(text.partition(".")[0]), int(self._now().timestamp())
        self._taken = {taken: until for taken, until in self._taken.items() if until > now}
        if ends <= now or text in self._taken:
            return False
        self._taken[text] = ends
        return True

    def _signature(self, text: str) -> str:
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()


def flow(publisher: Publisher, slack: Slack, client_id: str, client_secret: str) -> AsyncOAuthFlow:
    """Return bolt's flow over /slack/install and /slack/oauth_redirect."""
    settings = AsyncOAuthSettings(
        client_id=client_id,
        client_secret=client_secret,
        scopes=SCOPES,
        user_scopes=(),
        installation_store=Installations(publisher),
        state_store=States(client_secret, publisher.now),
        state_expiration_seconds=int(STATE_LASTS.total_seconds()),
        logger=LOG,
    )
    return AsyncOAuthFlow(
        client=web_client(slack.http, None, publisher.settings.slack_base_url),
        logger=LOG,
        settings=settings,
    )


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
