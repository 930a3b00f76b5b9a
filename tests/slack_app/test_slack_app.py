"""The Slack app through the real bolt: commands, buttons, events and OAuth, signed and on
loopback.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import socket
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

import aiohttp
import pytest
from pydantic import SecretStr
from sqlmodel import select

from monitor.delivery import admin
from monitor.service import serve
from monitor.settings.model import Settings
from monitor.slack_app.http import RequestGate
from monitor.slack_app.parse_command import Command, parse_command
from monitor.store import slack_installs
from monitor.store.tables import AcknowledgementRow, InstallationRow, SubscriptionRow
from monitor.vault import Vault, parse
from tests.delivery.test_slack_delivery import (
    CHANNEL,
    drain,
    enqueue,
    retirement_event,
    subscribe,
    subscription,
)
from tests.support.cli import fill
from tests.support.receivers import LOOPBACK, Clock, Proxy
from tests.support.slack_person import SECRET, Person, app, until
from tests.support.slack_server import Fault, SlackServer, shown

NOW = datetime(2026, 4, 3, 12, tzinfo=UTC)


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


@pytest.fixture(autouse=True)
def _patience(monkeypatch):
    """However busy the machine is, an answer comes with the acknowledgement unless a test says
    otherwise.
    """
    monkeypatch.setattr("monitor.slack_app.app.ACKNOWLEDGE_WITHIN", 60.0)


def rows(store) -> list[SubscriptionRow]:
    with store.read() as session:
        return list(session.exec(select(SubscriptionRow)))


# Parsing


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Command("help")),
        ("list", Command("list")),
        ("Subscribe openai/* */gpt-4o*", Command("subscribe", ("openai/*", "*/gpt-4o*"))),
        (
            "subscribe openai/* kinds:retirement,price",
            Command("subscribe", ("openai/*",), {"kinds": "retirement,price"}),
        ),
        (
            "subscribe --kinds price openai/*",
            Command("subscribe", ("openai/*",), {"kinds": "price"}),
        ),
        (
            "subscribe —min-change=5% openai/*",
            Command("subscribe", ("openai/*",), {"min_change": "5%"}),
        ),
        ("subscribe digest:daily 17:00", Command("subscribe", (), {"digest": "daily 17:00"})),
        (
            "subscribe digest:“daily 17:00” x/*",
            Command("subscribe", ("x/*",), {"digest": "daily 17:00"}),
        ),
        ("subscribe quiet:22:00-07:00", Command("subscribe", (), {"quiet": "22:00-07:00"})),
        (
            "subscribe openrouter/m:free bedrock/a.b-v1:0",
            Command("subscribe", ("openrouter/m:free", "bedrock/a.b-v1:0")),
        ),
        ("show a&amp;b", Command("show", ("a&b",))),
    ],
)
def test_a_command_is_parsed_as_people_type_it(text, expected):
    assert parse_command(text) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("subscrbe openai/*", "no command `subscrbe`; did you mean `subscribe`?"),
        ("subscribe kind:price", "no option `kind`; did you mean `kinds`?"),
        ("subscribe --loud openai/*", "no option `loud`"),
        ("subscribe openai/* kinds:", "`kinds` has no value"),
    ],
)
def test_a_wrong_command_is_named_with_a_suggestion(text, reason):
    with pytest.raises(ValueError, match=r"There is|The option") as caught:
        parse_command(text)
    assert reason in str(caught.value)


# Commands


async def test_subscribe_list_and_unsubscribe(store, clock):
    async with app(store, clock, SlackServer()) as (ann, _):
        answer = await ann.types("")
        assert "/lastcall subscribe openai/gpt-4*" in answer
        assert "This channel is not subscribed." in answer

        answer = await ann.types(
            "subscribe openai/gpt-4* kinds:retirement,price within:90d threads:all"
        )
        assert answer.startswith("✅ *Subscribed*: this channel hears of openai/gpt-4*")
        (row,) = rows(store)
        assert (row.address, row.name, row.threads, row.within) == (
            CHANNEL,
            "#ml-platform",
            "all",
            90,
        )
        assert row.kinds == ["retirement", "price"]

        answer = await ann.types("subscribe anthropic/*")
        assert answer.startswith("✅ *Updated*")
        (again,) = rows(store)
        assert (again.id, again.filters, again.kinds, again.within) == (
            row.id,
            ["anthropic/*"],
            [],
            None,
        )

        answer = await ann.types("list")
        assert "anthropic/*" in answer
        assert "nothing sent yet, 0 messages waiting" in answer

        await ann.types("subscribe openai/* anthropic/*")
        assert "has no filter `gemini/*`" in await ann.types("unsubscribe gemini/*")
        assert "Updated" in await ann.types("unsubscribe OpenAI/*")
        assert rows(store)[0].filters == ["anthropic/*"]
        assert "Unsubscribed" in await ann.types("unsubscribe")
        assert rows(store) == []
        assert "not subscribed" in await ann.types("mute 3d")


async def test_what_the_command_line_made_is_the_same_subscription(store, clock):
    subscribe(store, clock, "cli", "#ml-platform", filters=["openai/*"])
    async with app(store, clock, SlackServer()) as (ann, _):
        assert "openai/*" in await ann.types("list")
        assert "Updated" in await ann.types("subscribe anthropic/*")
        assert [(row.id, row.address) for row in rows(store)] == [("cli", CHANNEL)]
        assert (
            await ann.tells("channel_id_changed", old_channel_id=CHANNEL, new_channel_id="C0000009")
            == 200
        )
        await until(lambda: rows(store)[0].address == "C0000009")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("subscribe open ai/", "ai/"),
        ("subscribe openai/* severity:loud", "loud"),
        ("subscribe openai/* quiet:late", "late"),
        ("subscribe openai/* min-change:1e999999", "1e999999"),
        ("subscribe kinds:retirements", "retirements"),
        ("mute forever", "forever"),
        ("upcoming soon", "No retirement"),
        ("show", "Name one model"),
        ("show gpt-nonsense", "gpt-nonsense"),
        ("dance", "dance"),
    ],
)
async def test_a_wrong_command_is_answered_and_changes_nothing(sqlite, clock, text, reason):
    subscribe(sqlite, clock)
    before = subscription(sqlite)
    async with app(sqlite, clock, SlackServer()) as (ann, _):
        assert reason in await ann.types(text)
    assert subscription(sqlite) == before


async def test_a_filter_that_matches_nothing_is_named(sqlite, clock):
    fill(sqlite)
    async with app(sqlite, clock, SlackServer()) as (ann, _):
        answer = await ann.types("subscribe openai/gpt-* opnai/*")
        assert "matches `opnai/*`" in answer
        assert "`openai/gpt-*`" not in answer
        assert "🔒" in await ann.types("subscribe openai/*", channel_name="privategroup")


async def test_upcoming_and_show(sqlite, clock):
    fill(sqlite)
    async with app(sqlite, clock, SlackServer()) as (ann, _):
        answer = await ann.types("upcoming")
        assert "• `openai/gpt-mid` retires on 20 Dec 2026 (in 261 days)" in answer
        assert "gpt-old" not in answer, "it is over"
        assert "gpt-floor" not in answer, "a floor is no date"
        assert "gpt-mid" not in await ann.types("upcoming 30d")
        assert "gpt-mid" not in await ann.types("upcoming anthropic")
        await ann.types("subscribe anthropic/*")
        assert "of what this channel follows is ahead" in await ann.types("upcoming")
        assert "gpt-mid" in await ann.types("upcoming all")
        answer = await ann.types("show gpt-mid")
        assert "use instead: `gpt-new`" in answer
        assert "input 1.50 USD per 1M tokens" in answer
        assert "retires on 20 Dec 2026" in answer


async def test_mute_keeps_all_but_what_is_critical(store, clock):
    async with app(store, clock, SlackServer()) as (ann, publisher):
        await ann.types("subscribe all")
        assert "Muted until 10 Apr 2026" in await ann.types("mute")
        enqueue(
            store,
            clock,
            retirement_event(1, clock),
            retirement_event(2, clock, severity="critical", kind="retirement.completed"),
        )
        await drain(publisher, clock)
        assert len(ann.slack.messages) == 1
        assert "muted until" in await ann.types("list")
        assert "Not muted" in await ann.types("mute off")
        await drain(publisher, clock)
    assert len(ann.slack.messages) == 2


async def test_the_test_message(sqlite, clock):
    async with app(sqlite, clock, SlackServer()) as (ann, _):
        assert "was posted" in await ann.types("test")
        assert len(ann.slack.messages) == 1
        ann.slack.channels.clear()
        assert "channel_not_found" in await ann.types("test")
    assert rows(sqlite) == []


async def test_what_takes_longer_is_answered_later(sqlite, clock, monkeypatch):
    monkeypatch.setattr("monitor.slack_app.app.ACKNOWLEDGE_WITHIN", 0.0)
    async with app(sqlite, clock, SlackServer()) as (ann, _):
        assert await ann.types("list") == ""
        await until(lambda: ann.slack.responses)
    assert "not subscribed" in json.dumps(ann.slack.responses)


async def test_an_operators_channel_is_not_for_everybody(sqlite, clock):
    subscribe(sqlite, clock, operator=True)
    async with app(sqlite, clock, SlackServer()) as (ann, _):
        for text in ("subscribe openai/*", "unsubscribe", "mute 7d"):
            assert "on the command line only" in await ann.types(text)
    assert rows(sqlite)[0].operator


async def test_subscribe_wakes_a_paused_channel_with_one_message(store, clock):
    async with app(store, clock, SlackServer()) as (ann, publisher):
        await ann.types("subscribe openai/*")
        ann.slack.answers = [Fault("not_in_channel")]
        enqueue(store, clock, retirement_event(1, clock))
        await publisher.drain_once()
        enqueue(
            store,
            clock,
            *(retirement_event(number, clock, model=f"gpt-{number}") for number in range(2, 30)),
        )
        answer = await ann.types("list")
        assert "⛔ paused: slack: not_in_channel" in answer
        assert "29 messages waiting" in answer
        await ann.types("subscribe openai/*")
        await drain(publisher, clock)
        assert len(ann.slack.messages) == 1
        assert "last message" in await ann.types("list")


# Buttons


async def test_acknowledge_shows_who_and_lasts_until_the_date_changes(store, clock):
    async with app(store, clock, SlackServer()) as (ann, publisher):
        await ann.types("subscribe openai/*")
        enqueue(store, clock, retirement_event(1, clock))
        await drain(publisher, clock)
        (message,) = ann.slack.messages
        await ann.clicks("acknowledge", message)
        await until(lambda: "✅ Acknowledged by *ann*" in shown(message))
        with store.read() as session:
            (acknowledgement,) = session.exec(select(AcknowledgementRow)).all()
        assert (acknowledgement.retires, acknowledgement.by, acknowledgement.until) == (
            "2026-09-01",
            "ann",
            None,
        )
        assert ann.slack.responses == []

        from dataclasses import replace

        from monitor.core.facts import When
        from tests.delivery.test_slack_delivery import FACT

        enqueue(
            store,
            clock,
            retirement_event(2, clock, replace(FACT, retires=When("2026-11-01")), FACT),
        )
        await drain(publisher, clock)
        assert "Acknowledged" not in shown(message), "it counts for the date that was seen"
        await ann.clicks("snooze", message)
        await until(lambda: "💤 Snoozed by *ann*: no reminders until 10 Apr 2026" in shown(message))
        await ann.clicks("history", message)
        await until(lambda: ann.slack.responses)
        (history,) = ann.slack.responses
        assert history["response_type"] == "ephemeral"
        assert json.dumps(history).count("openai/gpt-old: retires") >= 2


# Events


async def test_slack_says_when_a_channel_is_back_and_when_the_app_is_gone(store, clock):
    async with app(store, clock, SlackServer()) as (ann, publisher):
        await ann.types("subscribe openai/*")
        ann.slack.answers = [Fault("is_archived")]
        enqueue(store, clock, retirement_event(1, clock))
        await publisher.drain_once()
        assert subscription(store, rows(store)[0].id).state == "paused"
        assert await ann.tells("channel_unarchive", channel=CHANNEL, user="U1") == 200
        await until(lambda: rows(store)[0].state == "enabled")
        await drain(publisher, clock)
        assert len(ann.slack.messages) == 1
        assert await ann.tells("tokens_revoked", tokens={"oauth": ["U0000001"]}) == 200
        await drain(publisher, clock)
        assert rows(store)[0].state == "enabled", "that was a token of a person"
        assert await ann.tells("tokens_revoked", tokens={"bot": ["UBOT"]}) == 200
        await until(lambda: rows(store)[0].state == "paused")
        assert (
            await ann.tells("member_joined_channel", channel=CHANNEL, user="UBOT", channel_type="C")
            == 200
        )
        await until(lambda: rows(store)[0].state == "enabled")


async def test_an_event_of_a_shared_channel_is_of_the_workspace_that_installed_the_app(
    sqlite, clock
):
    with sqlite.write() as session:
        slack_installs.save(
            session, Vault(parse(KEY)), "T0000002", {"bot_token": "xoxb-two"}, clock()
        )
    subscribe(sqlite, clock, "s", f"T0000002/{CHANNEL}", state="paused")
    async with app(sqlite, clock, SlackServer(), secret_keys=KEY) as (ann, _):
        ann.team = "T0000009"  # where it happened
        authorization = {
            "team_id": "T0000002",
            "enterprise_id": None,
            "is_enterprise_install": False,
        }
        await ann.tells(
            "channel_unarchive", authorizations=[authorization], channel=CHANNEL, user="U1"
        )
        await until(lambda: rows(sqlite)[0].state == "enabled")


# X2: only what Slack signed, once


async def test_x2_forged_old_and_repeated_requests(sqlite, clock):
    async with app(sqlite, clock, SlackServer()) as (ann, _):
        form = {
            "command": "/lastcall",
            "text": "subscribe openai/*",
            "channel_id": CHANNEL,
            "team_id": "T0000001",
        }
        body = urlencode(form | {"user_name": "eve"})
        at = int(clock().timestamp())
        wrong = [
            {"X-Slack-Signature": "v0=" + "0" * 64},
            {"X-Slack-Signature": ""},
            {"X-Slack-Signature": "v0=ä"},
            {"X-Slack-Request-Timestamp": str(at + 1)},
            {"X-Slack-Request-Timestamp": "soon"},
            {"X-Slack-Request-Timestamp": ""},
            {"X-Slack-Request-Timestamp": "1.5"},
            {"X-Slack-Request-Timestamp": "9" * 400},
            {"X-Slack-Request-Timestamp": "nan"},
        ]
        for headers in wrong:
            for path in ("/slack/commands", "/slack/interactions", "/slack/events"):
                assert (await ann.sends(path, body, **headers))[0] == 401, headers
        assert rows(sqlite) == []
        clock.pass_(timedelta(seconds=301))
        from slack_sdk.signature import SignatureVerifier

        old = SignatureVerifier(SECRET).generate_signature(timestamp=str(at), body=body) or ""
        signed = {"X-Slack-Request-Timestamp": str(at), "X-Slack-Signature": old}
        assert (await ann.sends("/slack/commands", body, **signed))[0] == 401
        assert rows(sqlite) == []
        assert (await ann.sends("/slack/commands", body))[0] == 200
        assert len(rows(sqlite)) == 1
        with sqlite.write() as session:
            admin.remove_target(session, rows(sqlite)[0].id)
        assert (await ann.sends("/slack/commands", body))[0] == 401, "the same request again"
        assert rows(sqlite) == []
        assert (await ann.sends("/slack/commands", "ÿ", content_type="text/plain"))[0] in (
            401,
            200,
            404,
        )


def test_slacks_own_signature_vector():
    body = (
        "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
        "&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
        "&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
        "&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    headers = {
        "X-Slack-Request-Timestamp": "1531420618",
        "X-Slack-Signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
    }
    gate = RequestGate(SECRET, lambda: datetime.fromtimestamp(1531420618, UTC))
    assert gate.admits(headers, body.encode())
    assert not gate.admits(headers, body.encode())
    assert not RequestGate(SECRET, lambda: NOW).admits(headers, body.encode())


# OAuth


async def consents(ann) -> str:
    """The state with which Slack sends somebody back who agreed to install the app."""
    async with ann.http.get(ann.url + "/slack/install") as page:
        html = await page.text()
    (link,) = [part for part in html.split('"') if "oauth/v2/authorize" in part]
    return parse_qs(urlsplit(link.replace("&amp;", "&")).query)["state"][0]


async def returns(ann, state: str, code: str = "code-1") -> int:
    cookie = {"Cookie": f"slack-app-oauth-state={state}"}
    query = urlencode({"code": code, "state": state})
    async with ann.http.get(f"{ann.url}/slack/oauth_redirect?{query}", headers=cookie) as page:
        return page.status


@pytest.mark.filterwarnings(
    "ignore:BasicAuth is deprecated"
)  # how the SDK sends the client's secret
async def test_a_second_workspace_installs_the_app(store, clock):
    slack = SlackServer()
    settings = {
        "slack_client_id": "1.2",
        "slack_client_secret": "client-secret",
        "slack_token": "",
        "secret_keys": KEY,
    }
    async with app(store, clock, slack, **settings) as (ann, publisher):
        state = await consents(ann)
        assert await returns(ann, state[:-1] + "x") in (400, 401)
        assert await returns(ann, state, "code-forged") == 401
        assert await returns(ann, state) == 401, "a state is taken once"
        state = await consents(ann)
        clock.pass_(timedelta(minutes=11))
        assert await returns(ann, state) == 401, "it is too old"
        assert await returns(ann, await consents(ann)) == 200
        with store.read() as session:
            (row,) = session.exec(select(InstallationRow)).all()
        assert (row.team, row.name, row.state) == ("T0000002", "Second team", "enabled")
        assert "xoxb-two" not in row.sealed

        ann.team = "T0000002"
        assert "Subscribed" in await ann.types("subscribe openai/*")
        assert rows(store)[0].address == "T0000002/C0000001"
        enqueue(store, clock, retirement_event(1, clock))
        await drain(publisher, clock)
        assert [message["team"] for message in slack.messages] == ["T0000002"]
        await ann.tells("app_uninstalled")
        await until(lambda: rows(store)[0].state == "paused")
        with store.read() as session:
            assert session.exec(select(InstallationRow)).one().state == "disabled", (
                "kept, and not used"
            )
        slack.codes["code-2"] = ("T0000002", "xoxb-two")
        assert await returns(ann, await consents(ann), "code-2") == 200
        assert rows(store)[0].state == "enabled", "who subscribed was not forgotten"
        ann.team = "T0000003"
        await ann.types("list")
        await until(lambda: "not installed in this workspace" in json.dumps(slack.responses))


async def test_a_workspace_that_took_its_token_back_is_not_served_with_another(sqlite, clock):
    with sqlite.write() as session:
        slack_installs.save(
            session, Vault(parse(KEY)), "T0000002", {"bot_token": "xoxb-two"}, clock()
        )
        session.flush()
        slack_installs.disable(session, "T0000002", "slack: app_uninstalled")
    async with app(sqlite, clock, SlackServer(), secret_keys=KEY) as (ann, _):
        ann.team = "T0000002"
        await ann.types("test")
        await until(lambda: "not installed in this workspace" in json.dumps(ann.slack.responses))
        assert not ann.slack.messages


KEY = "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s="


# The service


async def test_the_service_serves_the_app(sqlite):
    """`lastcall run` with a listener and a signing secret: one port for health, commands and the
    rest.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    slack, clock = SlackServer(), Clock()
    async with slack.serving(), aiohttp.ClientSession() as http:
        settings = Settings(
            listen=f"127.0.0.1:{port}",
            slack_token=SecretStr("xoxb-good"),
            slack_signing_secret=SecretStr(SECRET),
            slack_base_url=slack.base_url,
            allow_http=True,
            allow_networks=LOOPBACK,
        )
        running = asyncio.create_task(serve(settings, sqlite, dict))
        ann = Person(f"http://127.0.0.1:{port}", slack, clock, http)
        await until(lambda: running.done() or listens(port))
        assert "Subscribed" in await ann.types("subscribe openai/*")
        async with http.get(f"http://127.0.0.1:{port}/healthz") as health:
            assert health.status == 200
        assert (await ann.sends("/slack/commands", "x", **{"X-Slack-Signature": "v0=0"}))[0] == 401
        enqueue(sqlite, clock, retirement_event(1, clock))
        await until(lambda: slack.messages)
        assert slack.messages[0]["blocks"][-1]["elements"][0]["action_id"] == "acknowledge"
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(running, 30)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


# Secrets


@pytest.mark.filterwarnings("ignore:BasicAuth is deprecated")
async def test_secrets_are_in_no_log_and_no_row(sqlite, clock, caplog):
    """Of the settings, of an installation, and of addresses that Slack wants answers at, at any
    level of logging.
    """
    caplog.set_level(logging.DEBUG)
    slack = SlackServer()
    slack.codes = {"code-1": ("T0000002", "xoxb-canary-two")}
    settings = {
        "slack_client_id": "1.2",
        "slack_client_secret": "canary-client",
        "slack_token": "xoxb-canary-one",
        "slack_app_token": "xapp-canary",
        "secret_keys": KEY,
    }
    async with app(sqlite, clock, slack, **settings) as (ann, publisher):
        await until(lambda: slack.sockets)
        assert await returns(ann, await consents(ann)) == 200
        ann.team = "T0000002"
        await ann.types("subscribe openai/*", response_url=f"{slack.url}/response/canary")
        slack.answers = [Fault("invalid_auth", body='{"ok": false, "error": "xoxb-canary-two"}')]
        enqueue(sqlite, clock, retirement_event(1, clock))
        await publisher.drain_once()
        slack.answers = [Fault(status=500)]
        await ann.types("test", response_url="http://127.0.0.1:9/canary")
    with sqlite.read() as session:
        tables = ("installation", "subscription", "attempt", "event")
        recorded = [
            str(line)
            for name in tables
            for line in session.connection().exec_driver_sql(f"SELECT * FROM {name}")
        ]
    logged = [
        record.getMessage() + str(record.exc_text)
        for record in caplog.records
        if record.name.startswith(("lastcall", "slack"))
    ]
    assert [line for line in recorded + logged if "canary" in line] == []
    assert SECRET not in "".join(recorded + logged)


# The whole of it


async def test_the_transcript_in_the_documentation_is_what_happens(sqlite):
    """After a change of words, ``python -m tests.support.slack_transcript`` writes it anew."""
    from tests.support import slack_transcript

    page, _ = await slack_transcript.run(sqlite)
    assert slack_transcript.PAGE.read_text("utf-8") == page


# Socket Mode


async def test_commands_over_socket_mode(sqlite, clock):
    slack = SlackServer()
    async with app(sqlite, clock, slack, slack_app_token="xapp-1", slack_signing_secret="") as (
        ann,
        _,
    ):
        await until(lambda: slack.sockets)
        payload = {
            "command": "/lastcall",
            "text": "subscribe openai/*",
            "team_id": "T0000001",
            "channel_id": CHANNEL,
            "channel_name": "ml-platform",
            "user_id": "U1",
            "user_name": "ann",
            "trigger_id": "1",
            "response_url": f"{slack.url}/response/1",
        }
        envelope = {
            "type": "slash_commands",
            "envelope_id": "e1",
            "payload": payload,
            "accepts_response_payload": True,
        }
        await slack.sockets[0].send_json(envelope)
        acked = await slack.acked.get()
        assert acked["envelope_id"] == "e1"
        assert "Subscribed" in json.dumps(acked["payload"])
        async with ann.http.post(ann.url + "/slack/commands") as answer:
            assert answer.status == 404, "without a signing secret there is no way over HTTP"
    assert len(rows(sqlite)) == 1


async def test_the_socket_goes_through_the_egress_proxy_too(sqlite, clock):
    slack = SlackServer()
    async with slack.serving():
        proxy = Proxy(port=int(slack.url.rpartition(":")[2]))
        async with proxy.serving() as url:
            settings = {
                "slack_app_token": "xapp-1",
                "slack_signing_secret": "",
                "egress_proxy": url,
            }
            async with app(sqlite, clock, slack, **settings):
                await until(lambda: slack.sockets)
    assert [request.rpartition("/")[2] for request in proxy.asked] == [
        "apps.connections.open",
        "link",
    ]
