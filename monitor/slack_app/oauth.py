"""Workspaces that install the app: bolt's flow, with tokens sealed in our table and a state that is
signed.

The state carries its own end and a signature, so that any process can check it; each is taken once
by a process."""

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

#: What the app asks for. The manifest (deploy/slack-manifest.yaml) says what each is for.
SCOPES = (
    "channels:history",
    "channels:read",
    "chat:write",
    "chat:write.public",
    "commands",
    "groups:history",
    "groups:read",
)
#: How long a person may take from /slack/install to the way back.
STATE = timedelta(minutes=10)


class Installations(AsyncInstallationStore):
    """The workspaces in our table. What is taken back is disabled, never deleted."""

    def __init__(self, publisher: Publisher):
        self.publisher = publisher

    @property
    def logger(self) -> Logger:
        return LOG

    async def async_save(self, installation: Installation) -> None:
        """A workspace that installs the app again may be posted to again: what it is owed is
        tried.
        """
        name = slack_installs.workspace(
            installation.enterprise_id, installation.team_id, installation.is_enterprise_install
        )
        told = {key: _plain(value) for key, value in installation.to_dict().items()}

        def save() -> None:
            now = self.publisher.now()
            with self.publisher.store.write() as session:
                slack_installs.save(session, self.publisher.vault, name, told, now)
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
        found = await self.async_find_installation(
            enterprise_id=enterprise_id,
            team_id=team_id,
            is_enterprise_install=is_enterprise_install,
        )
        return found.to_bot() if found else None

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
                return Installation(**slack_installs.opened(self.publisher.vault, row))

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
    """States that say until when they count, signed with the client's secret."""

    def __init__(self, secret: str, now: Callable[[], datetime]):
        self._key = hashlib.sha256(b"lastcall oauth state" + secret.encode()).digest()
        self._now = now
        self._taken: dict[str, int] = {}

    @property
    def logger(self) -> Logger:
        return LOG

    async def async_issue(self, *args: Any, **kwargs: Any) -> str:
        said = f"{int((self._now() + STATE).timestamp())}.{secrets.token_urlsafe(16)}"
        return f"{said}.{self._signature(said)}"

    async def async_consume(self, state: str) -> bool:
        said, _, signature = state.rpartition(".")
        if not hmac.compare_digest(self._signature(said).encode(), signature.encode()):
            return False
        ends, now = int(said.partition(".")[0]), int(self._now().timestamp())
        self._taken = {one: until for one, until in self._taken.items() if until > now}
        if ends <= now or said in self._taken:
            return False
        self._taken[said] = ends
        return True

    def _signature(self, said: str) -> str:
        return hmac.new(self._key, said.encode(), hashlib.sha256).hexdigest()


def flow(publisher: Publisher, slack: Slack, client_id: str, client_secret: str) -> AsyncOAuthFlow:
    """Bolt's flow over /slack/install and /slack/oauth_redirect."""
    settings = AsyncOAuthSettings(
        client_id=client_id,
        client_secret=client_secret,
        scopes=SCOPES,
        user_scopes=(),
        installation_store=Installations(publisher),
        state_store=States(client_secret, publisher.now),
        state_expiration_seconds=int(STATE.total_seconds()),
        logger=LOG,
    )
    return AsyncOAuthFlow(
        client=web_client(slack.http, None, publisher.settings.slack_base_url),
        logger=LOG,
        settings=settings,
    )


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
