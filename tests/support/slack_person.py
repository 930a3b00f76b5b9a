"""A person in a Slack on loopback: types commands, clicks buttons; and Slack itself, which signs
and tells events.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import aiohttp
from aiohttp import web
from pydantic import SecretStr
from slack_sdk.signature import SignatureVerifier

from monitor.delivery.publisher import Publisher
from monitor.settings.model import Settings
from monitor.slack_app.serve import slack_app
from monitor.store.db import Store
from tests.support.receivers import LOOPBACK, Clock
from tests.support.slack_server import SlackServer, texts

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"


class Person:
    """Somebody in a channel. ``team`` is the workspace."""

    def __init__(self, url: str, slack: SlackServer, clock: Clock, http: aiohttp.ClientSession):
        self.url = url
        self.slack = slack
        self.clock = clock
        self.http = http
        self.numbers = itertools.count(1)
        self.team, self.channel, self.channel_name, self.user = (
            "T0000001",
            "C0000001",
            "ml-platform",
            "ann",
        )

    def _where(self) -> dict[str, Any]:
        return {"team_id": self.team, "channel_id": self.channel, "channel_name": self.channel_name}

    async def types(self, text: str, **values: str) -> str:
        """What is answered to ``/lastcall text``, as it is shown."""
        form = self._where() | {
            "command": "/lastcall",
            "text": text,
            "user_id": "U0000001",
            "user_name": self.user,
            "trigger_id": f"1.{next(self.numbers)}",
            "response_url": f"{self.slack.url}/response/1",
        }
        status, answer = await self.sends("/slack/commands", urlencode(form | values))
        assert status == 200, answer
        return spoken(json.loads(answer) if answer else {})

    async def clicks(self, action: str, message: dict[str, Any]) -> None:
        (button,) = [
            part
            for block in message["blocks"]
            if block["type"] == "actions"
            for part in block["elements"]
            if part["action_id"] == action
        ]
        payload = {
            "type": "block_actions",
            "team": {"id": self.team},
            "user": {"id": "U0000001", "username": self.user},
            "channel": {"id": self.channel, "name": self.channel_name},
            "response_url": f"{self.slack.url}/response/1",
            "trigger_id": f"1.{next(self.numbers)}",
            "actions": [button | {"action_ts": "1", "block_id": "b"}],
            "message": {"ts": message["ts"]},
            "container": {"type": "message"},
            "api_app_id": "A1",
            "token": "t",
        }
        status, answer = await self.sends(
            "/slack/interactions", urlencode({"payload": json.dumps(payload)})
        )
        assert (status, answer) == (200, "")

    async def tells(
        self, kind: str, authorizations: Sequence[Mapping[str, Any]] = (), **event: Any
    ) -> int:
        """An event of Slack's Events API; the status that it is answered with."""
        body = {
            "type": "event_callback",
            "team_id": self.team,
            "api_app_id": "A1",
            "event_time": 1,
            "event_id": f"Ev{next(self.numbers)}",
            "event": {"type": kind} | event,
            "authorizations": list(authorizations),
        }
        status, _ = await self.sends(
            "/slack/events", json.dumps(body), content_type="application/json"
        )
        return status

    async def sends(
        self,
        path: str,
        body: str,
        content_type: str = "application/x-www-form-urlencoded",
        **headers: str,
    ) -> tuple[int, str]:
        at = str(int(self.clock().timestamp()))
        signed = {
            "X-Slack-Request-Timestamp": at,
            "Content-Type": content_type,
            "X-Slack-Signature": SignatureVerifier(SECRET).generate_signature(
                timestamp=at, body=body
            )
            or "",
        }
        async with self.http.post(
            self.url + path, data=body.encode(), headers=signed | headers
        ) as answer:
            return answer.status, await answer.text()


def spoken(answer: dict[str, Any]) -> str:
    return "\n".join(text for _, text in texts(answer.get("blocks") or [])) or str(
        answer.get("text", "")
    )


@asynccontextmanager
async def app(
    store: Store, clock: Clock, slack: SlackServer, **settings: Any
) -> AsyncIterator[tuple[Person, Publisher]]:
    """The Slack app as the service runs it, with a person before it."""
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(slack.serving())
        given = {"slack_token": "xoxb-good", "slack_signing_secret": SECRET} | settings
        secret = (
            "slack_token",
            "slack_signing_secret",
            "slack_app_token",
            "slack_client_secret",
            "secret_keys",
            "egress_proxy",
        )
        set_to = Settings(
            listen="127.0.0.1:1",
            slack_base_url=slack.base_url,
            allow_http=True,
            allow_networks=LOOPBACK,
            **{
                name: SecretStr(value) if name in secret else value for name, value in given.items()
            },
        )
        publisher = await stack.enter_async_context(Publisher.configured(store, set_to, now=clock))
        add_routes = await stack.enter_async_context(slack_app(publisher, set_to))
        routes = web.Application()
        add_routes(routes)
        runner = web.AppRunner(routes, access_log=None)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        http = await stack.enter_async_context(aiohttp.ClientSession())
        yield Person(f"http://127.0.0.1:{runner.addresses[0][1]}", slack, clock, http), publisher


async def until(condition: Any) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110  nobody here has an event to wait for
            await asyncio.sleep(0.01)
