"""``lastcall webhooks`` and ``lastcall deliveries``: keys, forms, asking first, trying out, and
sending again.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from sqlmodel import select

from monitor.delivery import attempt_results, claim, outbox, queue
from monitor.delivery.webhook import signature
from monitor.store.db import Store
from monitor.store.tables import EventRow, SubscriptionRow
from monitor.vault import Vault, parse
from tests.support.cli import NOW, Run, database, run, template, world  # noqa: F401
from tests.support.fixtures import TESTS

URL = "https://hooks.example/x"


def opened(world: Store, column: str) -> str:  # noqa: F811
    from monitor.store import secrets

    key = world.path.with_name(world.path.name + ".key").read_text("utf-8") if world.path else ""
    with world.read() as session:
        row = session.exec(select(SubscriptionRow)).one()
        return getattr(secrets.unseal(Vault(parse(key)), row), column)


def test_an_asymmetric_endpoint_is_given_the_public_key_alone(run: Run, world: Store):  # noqa: F811
    added = run("webhooks", "add", URL, "--asymmetric", "--json").json
    secret = opened(world, "secret")
    assert added["public_key"] == signature.public_key(secret)
    assert "secret" not in added
    assert run("webhooks", "show", URL, "--json").json["public_key"] == added["public_key"]
    assert added["public_key"] in run("webhooks", "show", URL).out
    rotated = run("webhooks", "rotate", URL, "--json").json
    assert rotated["public_key"].startswith("whpk_")
    assert rotated["public_key"] != added["public_key"]


@pytest.mark.parametrize(
    ("grace", "count"), [("24h", 1), ("7d", 1), ("90", 1), ("0", 0), ("0s", 0)]
)
def test_rotation_keeps_the_old_secret_for_its_grace(run: Run, world: Store, grace, count):  # noqa: F811
    first = run("webhooks", "add", URL, "--json").json["secret"]
    second = run("webhooks", "rotate", URL, "--grace", grace, "--json").json["secret"]
    assert opened(world, "secret") == second
    assert [one["secret"] for one in opened(world, "old_secrets")] == [first] * count


@pytest.mark.parametrize("grace", ["8d", "soon", "-1", ""])
def test_a_grace_is_up_to_seven_days(run: Run, grace):  # noqa: F811
    run("webhooks", "add", URL)
    assert "--grace" in run("webhooks", "rotate", URL, f"--grace={grace}", code=2).err


def test_a_form_and_an_order_are_kept(run: Run, world: Store):  # noqa: F811
    run("webhooks", "add", URL, "--format", "cloudevents-binary", "--ordered")
    shown = run("webhooks", "show", URL).out
    assert re.search("format +cloudevents-binary", shown)
    assert re.search("order +one at a time", shown)
    assert (
        "there are json, cloudevents-binary"
        in run("webhooks", "add", f"{URL}/2", "--format", "xml", code=2).err
    )


def test_schemas(run: Run):  # noqa: F811
    assert run("webhooks", "schema", "price.increased").json["title"] == "price.increased"
    assert len(run("webhooks", "schema").json) == 32
    assert "there are model.listed" in run("webhooks", "schema", "price", code=5).err


def test_a_refusal_says_what_to_set(run: Run):  # noqa: F811
    said = " ".join(run("webhooks", "add", "http://127.0.0.1:8787/", code=2).err.split())
    assert "LASTCALL_ALLOW_HTTP=true" in said
    assert "LASTCALL_ALLOW_NETWORKS=127.0.0.1/32" in said
    assert "webhooks add http://127.0.0.1:8787/" in run("webhooks", "listen", code=2).err
    for secret in ("canary", "whsec_canarycanary", "whpk_canary+canary", "whsk_c2hvcnQ="):
        said = run("webhooks", "listen", "--secret", secret, code=2).err
        assert "--secret: a" in said
        assert "canary" not in said


class Listening:
    """``lastcall webhooks listen`` in a process of its own."""

    def __init__(self, secret: str, *options: str):
        command = [sys.executable, "-m", "monitor", "webhooks", "listen", "--port", "0", *options]
        self.process = subprocess.Popen(
            command,
            env=os.environ | {"LASTCALL_WEBHOOK_SECRET": secret},
            cwd=TESTS.parent,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self.process.stderr
        found = re.search(r"http://127\.0\.0\.1:\d+/", self.process.stderr.readline())
        assert found
        self.url = found[0]

    def __enter__(self) -> Listening:
        return self

    def __exit__(self, *_error: object) -> None:
        self.process.kill()
        self.process.communicate()

    def ended(self) -> tuple[int, str]:
        out, _ = self.process.communicate(timeout=30)
        return self.process.returncode, out


@pytest.fixture
def loopback(monkeypatch):
    monkeypatch.setattr(
        "monitor.cli.targets.clock", lambda: datetime.now(UTC)
    )  # the receiver compares it with its own
    monkeypatch.setenv("LASTCALL_ALLOW_HTTP", "true")
    monkeypatch.setenv("LASTCALL_ALLOW_NETWORKS", "127.0.0.1/32")


def test_a_person_tries_it_in_a_minute(run: Run, world: Store, loopback):  # noqa: F811
    """add, listen, test; and a message that does not verify."""
    added = run("webhooks", "add", URL, "--format", "cloudevents-structured", "--json").json
    for secret, code in ((added["secret"], 0), (signature.new_secret(), 1)):
        with Listening(secret, "--once") as listening:
            with world.write() as session:
                session.get_one(SubscriptionRow, added["id"]).address = listening.url
            run("webhooks", "test", added["id"], code=code)
            ended, out = listening.ended()
        assert (ended, "verified evt_test" in out) == (code, not code)


def test_an_endpoint_is_asked_before_it_is_enabled(run: Run, world: Store, loopback):  # noqa: F811
    refused = run(
        "webhooks", "add", "http://127.0.0.1:9/", "--verify", "handshake", "--asymmetric", code=1
    )
    (row,) = run("webhooks", "list", "--json").json
    assert (row["state"], row["reason"]) == (
        "disabled",
        "cannot connect: Connection refused",
    ) or "connect" in row["reason"]
    assert f"webhooks verify {row['id']}" in refused.err
    assert "webhooks verify" in run("webhooks", "enable", row["id"], code=2).err
    with Listening(signature.public_key(opened(world, "secret")), "--json", "--once") as listening:
        with world.write() as session:
            session.get_one(SubscriptionRow, row["id"]).address = listening.url
        assert "verified and enabled" in run("webhooks", "verify", row["id"]).out
        assert run("webhooks", "show", row["id"], "--json").json["state"] == "enabled"
        run("webhooks", "test", row["id"])
        assert json.loads(listening.ended()[1])["type"] == "endpoint.verification"


def enqueue(world: Store, count: int = 2) -> None:  # noqa: F811
    with world.write() as session:
        rows = session.exec(select(EventRow).where(EventRow.baseline == False)).all()  # noqa: E712
        outbox.enqueue(session, rows[:count], NOW)


def test_every_try_at_a_delivery_is_shown(run: Run, world: Store):  # noqa: F811
    run("webhooks", "add", URL)
    enqueue(world)
    with world.write() as session:
        one, _ = claim.claim(session, "me", NOW, 9)
        tried = queue.Attempt(NOW, 31, 503, "HTTP 503", "try later")
        attempt_results.retry_later(session, [one], tried, "me", NOW, lambda: 0.5)
    shown = run("deliveries", "show", str(one.delivery_id), "--json").json
    assert shown["tries"] == [
        {
            "number": 1,
            "at": "2026-11-23T12:00:00Z",
            "ms": 31,
            "status": 503,
            "error": "HTTP 503",
            "answer": "try later",
        }
    ]
    text = run("deliveries", "show", str(one.delivery_id)).out
    assert "try later" in text
    assert "in 5 s" in text
    assert "no delivery 99" in run("deliveries", "show", "99", code=5).err


def test_replay_by_event_and_of_what_is_missing(run: Run, world: Store):  # noqa: F811
    added = run("webhooks", "add", URL, "--json").json
    assert "0 deliveries" in run("deliveries", "replay", "--kind", "price").out
    assert run(
        "deliveries", "replay", "--target", added["id"], "--since", "2026-01-01", "--missing"
    ).out.startswith("3 ")
    assert run("deliveries", "replay", "--kind", "price").out == "1 delivery is due again\n"
    postponed = run("deliveries", "replay", "--model", "gpt-mid", "--kind", "retirement.*")
    assert postponed.out == "1 delivery is due again\n"
    assert (
        "--missing needs" in run("deliveries", "replay", "--missing", "--since", "1d", code=2).err
    )
    run("deliveries", "replay", code=2)


@pytest.mark.parametrize("number", ["99999999999999999999999", "9223372036854775808", "0"])
def test_a_number_that_no_delivery_has(run: Run, number: str):  # noqa: F811
    run("webhooks", "add", URL)
    for command in ("show", "replay", "cancel"):
        assert f"no delivery {number}" in run("deliveries", command, number, code=5).err
    run("deliveries", "list", "--limit", "99999999999999999999", code=2)
