"""A Slack on loopback, for the real SDK: channels with messages, threads and metadata; OAuth;
Socket Mode; webhooks.

It refuses what Slack refuses: blocks over their limits, channels that are not there, threads and
updates of messages that are gone. ``answers`` are given instead, one a call, by whichever calls
come next; None is the usual answer."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from tests.support.receivers import serving

Json = dict[str, Any]


@dataclass
class Fault:
    """An answer in place of the usual one; ``reset`` cuts the connection, ``after`` what was asked
    was done.
    """

    error: str = ""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    content_type: str = "application/json"
    reset: bool = False
    hangs: bool = False
    after: bool = False

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if self.reset:
            assert request.transport
            request.transport.abort()
        if self.hangs:
            await asyncio.sleep(30)
        text = self.body or json.dumps({"ok": False, "error": self.error})
        return web.Response(
            text=text, status=self.status, headers=self.headers, content_type=self.content_type
        )


class SlackServer:
    """One Slack with one or more workspaces, told apart by their tokens."""

    def __init__(self, *channels: str, history: bool = True):
        self.tokens = {"xoxb-good": "T0000001"}
        self.channels = list(channels) or ["C0000001"]
        self.names = {"#ml-platform": "C0000001"}
        self.history = history
        self.messages: list[Json] = []
        self.calls: list[tuple[str, Json]] = []
        self.answers: list[Fault | None] = []
        self.responses: list[Json] = []
        self.hooks: dict[str, list[Json]] = {"T0/B0/secret": []}
        self.codes = {"code-1": ("T0000002", "xoxb-two")}
        self.sockets: list[web.WebSocketResponse] = []
        self.acked: asyncio.Queue[Json] = asyncio.Queue()
        self.url = ""
        self._ts = itertools.count(1)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[SlackServer]:
        async with serving(self.handle) as self.url:
            yield self

    @property
    def base_url(self) -> str:
        return f"{self.url}/api/"

    def posted(self, channel: str = "", thread: str | None = None) -> list[Json]:
        """Messages of a channel as it shows them: without what is only in a thread, or those of one
        thread.
        """
        found = [one for one in self.messages if channel in ("", one["channel"])]
        if thread is not None:
            return [one for one in found if one["thread_ts"] == thread]
        return [one for one in found if not one["thread_ts"] or one["broadcast"]]

    def said(self, method: str) -> list[Json]:
        return [body for name, body in self.calls if name == method]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await _body(request)
        path = request.path
        if path == "/link":
            return await self._socket(request)
        method = path.removeprefix("/api/") if path.startswith("/api/") else path
        self.calls.append((method, body))
        fault = self.answers.pop(0) if self.answers else None
        if fault and not fault.after:
            return await fault.answer(request)
        if path.startswith("/services/"):
            usual = self._hook(path.removeprefix("/services/"), body)
        elif path.startswith("/response/"):
            self.responses.append(body)
            usual = web.Response(text="ok")
        else:
            usual = web.json_response(
                self._api(method, body, request.headers.get("Authorization", ""))
            )
        return await fault.answer(request) if fault else usual

    def _hook(self, path: str, body: Json) -> web.Response:
        if path not in self.hooks:
            return web.Response(status=404, text="no_service")
        if faults(body):
            return web.Response(status=400, text="invalid_blocks")
        self.hooks[path].append(body)
        return web.Response(text="ok")

    def _api(self, method: str, body: Json, authorization: str) -> Json:
        if method == "oauth.v2.access":
            return self._oauth(body)
        token = authorization.removeprefix("Bearer ") or body.get("token", "")
        if method == "apps.connections.open":
            return {
                "ok": token.startswith("xapp-"),
                "url": self.url.replace("http", "ws", 1) + "/link",
            }
        if token not in self.tokens:
            return {"ok": False, "error": "invalid_auth"}
        call = getattr(self, "_" + method.replace(".", "_"), None)
        if call is None:
            return {"ok": False, "error": "unknown_method"}
        told: Json = call(body, self.tokens[token])
        return told if "error" in told else {"ok": True} | told

    def _auth_test(self, _body: Json, team: str) -> Json:
        return {
            "team_id": team,
            "team": f"Team {team}",
            "user_id": "UBOT",
            "bot_id": "BBOT",
            "user": "lastcall",
            "url": "https://slack.example/",
        }

    def _channel(self, body: Json) -> str:
        named = str(body.get("channel"))
        return self.names.get(named, named)

    def _find(self, channel: str, ts: object) -> Json | None:
        return next(
            (one for one in self.messages if (one["channel"], one["ts"]) == (channel, ts)), None
        )

    def _chat_postMessage(self, body: Json, team: str) -> Json:  # noqa: N802  as Slack calls it
        channel = self._channel(body)
        if channel not in self.channels:
            return {"ok": False, "error": "channel_not_found"}
        if faults(body):
            return {"ok": False, "error": "invalid_blocks"}
        thread = body.get("thread_ts") or ""
        if thread and not self._find(channel, thread):
            return {"ok": False, "error": "thread_not_found"}
        ts = f"1700000000.{next(self._ts):06d}"
        self.messages.append(
            {
                "ts": ts,
                "channel": channel,
                "team": team,
                "text": body.get("text"),
                "blocks": body.get("blocks") or [],
                "thread_ts": thread,
                "broadcast": bool(body.get("reply_broadcast")),
                "metadata": body.get("metadata") or {},
                "edited": 0,
            }
        )
        return {"ts": ts, "channel": channel}

    def _chat_update(self, body: Json, _team: str) -> Json:
        message = self._find(self._channel(body), body.get("ts"))
        if message is None:
            return {"ok": False, "error": "message_not_found"}
        if faults(body):
            return {"ok": False, "error": "invalid_blocks"}
        message |= {
            "text": body.get("text"),
            "blocks": body.get("blocks") or [],
            "edited": message["edited"] + 1,
        }
        return {"ts": message["ts"], "channel": message["channel"]}

    def _conversations_history(self, body: Json, _team: str) -> Json:
        return self._read(
            body, [one for one in self.messages if not one["thread_ts"] or one["broadcast"]]
        )

    def _conversations_replies(self, body: Json, _team: str) -> Json:
        return self._read(
            body, [one for one in self.messages if body.get("ts") in (one["ts"], one["thread_ts"])]
        )

    def _read(self, body: Json, messages: Sequence[Json]) -> Json:
        if not self.history:
            return {"ok": False, "error": "missing_scope"}
        if body.get("channel") not in self.channels:
            return {"ok": False, "error": "channel_not_found"}
        shown = [
            {name: one[name] for name in ("ts", "text", "metadata")}
            | ({"thread_ts": one["thread_ts"]} if one["thread_ts"] else {})
            for one in messages
            if one["channel"] == body["channel"]
        ]
        return {"messages": shown[::-1]}

    def _oauth(self, body: Json) -> Json:
        if body.get("code") not in self.codes:
            return {"ok": False, "error": "invalid_code"}
        team, token = self.codes.pop(str(body["code"]))
        self.tokens[token] = team
        return {
            "ok": True,
            "access_token": token,
            "token_type": "bot",
            "scope": "chat:write,commands",
            "bot_user_id": "UBOT",
            "app_id": "A1",
            "team": {"id": team, "name": "Second team"},
            "enterprise": None,
            "is_enterprise_install": False,
            "authed_user": {"id": "UINSTALLER"},
        }

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.sockets.append(socket)
        await socket.send_json({"type": "hello", "num_connections": 1})
        async for message in socket:
            await self.acked.put(json.loads(message.data))
        return socket


async def _body(request: web.Request) -> Json:
    raw = await request.text()
    if request.content_type == "application/json":
        told: Json = json.loads(raw or "{}")
        return told
    return dict(request.query) | dict(parse_qsl(raw))


def faults(body: Json) -> list[str]:
    """What Slack would not take of a message, by its limits (delivery reference 2.2)."""
    blocks, text = body.get("blocks") or [], body.get("text")
    found = [] if blocks or text else ["no text"]
    shown = list(texts(blocks))
    sizes = {"header": 150, "text": 3000, "field": 2000, "button": 75}
    found += [f"{kind} of {len(part)}" for kind, part in shown if not 0 < len(part) <= sizes[kind]]
    found += ["blocks"] if len(blocks) > 50 else []
    found += ["total"] if sum(len(part) for _, part in shown) > 13_000 else []
    found += ["text"] if text is not None and not 0 < len(text) <= 3000 else []
    for block in blocks:
        parts = block.get("elements", [])
        most = {"actions": 25, "context": 10}.get(block["type"], 0)
        found += [f"{len(parts)} elements"] if len(parts) > most else []
        found += ["fields"] if len(block.get("fields", [])) > 10 else []
        found += [
            f"value of {part['action_id']}" for part in parts if len(part.get("value", "")) > 2000
        ]
    return found


def texts(blocks: Sequence[Json]) -> list[tuple[str, str]]:
    """Every text of blocks, with the kind of limit it has."""
    found = []
    for block in blocks:
        if "text" in block:
            found.append(("header" if block["type"] == "header" else "text", block["text"]["text"]))
        found += [("field", part["text"]) for part in block.get("fields", [])]
        for part in block.get("elements", []):
            found.append(
                ("button", part["text"]["text"])
                if part["type"] == "button"
                else ("text", part["text"])
            )
    return found


def shown(message: Json) -> str:
    """All words of a message's blocks."""
    return "\n".join(text for _, text in texts(message["blocks"]))
