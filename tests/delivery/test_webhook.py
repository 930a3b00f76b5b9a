"""What a webhook is: its signatures by every key, its forms, and how a receiver is asked whether it
wants it.
"""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlmodel import select
from standardwebhooks.webhooks import Webhook

from monitor.delivery.webhook import envelope, signature
from monitor.errors import DeliveryFailed
from monitor.store.tables import DeliveryRow
from tests.support.receivers import (  # noqa: F401
    Clock,
    Receiver,
    enqueue,
    event,
    node_agrees,
    publisher,
    serving,
    target,
)

NOW = datetime(2026, 4, 3, 12, tzinfo=UTC)
#: The vectors of the specification's libraries and of Svix (delivery.md 1.1): one message, two
#: kinds of key.
MESSAGE = ("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
SHARED = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SHARED_SIGNS = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
KEY = (
    "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
)
PUBLIC = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="
KEY_SIGNS = (
    "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="
)

# Keys


@pytest.mark.parametrize(
    ("keys", "signs"),
    [
        ([SHARED], SHARED_SIGNS),
        ([KEY], KEY_SIGNS),
        ([SHARED, KEY], f"{SHARED_SIGNS} {KEY_SIGNS}"),
    ],
)
def test_the_official_vectors_byte_for_byte(keys, signs):
    assert signature.headers(keys, *MESSAGE) == {
        "webhook-id": MESSAGE[0],
        "webhook-timestamp": "1614265330",
        "webhook-signature": signs,
    }


def test_the_public_key_of_the_vector():
    assert signature.public_key(KEY) == PUBLIC
    assert signature.public_key(SHARED) == ""


def test_a_new_key_signs_what_the_library_verifies():
    secret = signature.new_private_key()
    sent = signature.headers([secret], *MESSAGE)["webhook-signature"].removeprefix("v1a,")
    key = Ed25519PublicKey.from_public_bytes(
        base64.b64decode(signature.public_key(secret).removeprefix("whpk_"))
    )
    content = b"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330." + MESSAGE[2]
    key.verify(base64.b64decode(sent), content)
    with pytest.raises(InvalidSignature):
        key.verify(base64.b64decode(sent), content + b" ")


@pytest.mark.parametrize("key", [SHARED, KEY, PUBLIC])
def test_verifying(key):
    sent = signature.headers([SHARED, KEY], *MESSAGE)
    signature.verify(key, sent, MESSAGE[2], MESSAGE[1] + 299)
    for wrong in (
        lambda: signature.verify(key, sent, MESSAGE[2] + b" ", MESSAGE[1]),
        lambda: signature.verify(key, sent, MESSAGE[2], MESSAGE[1] + 301),
        lambda: signature.verify(key, sent, MESSAGE[2], MESSAGE[1] - 301),
        lambda: signature.verify(key, sent | {"webhook-timestamp": "soon"}, MESSAGE[2], MESSAGE[1]),
        lambda: signature.verify(
            key, sent | {"webhook-signature": "v1 v1,a,b v1a,? v1,é"}, MESSAGE[2], MESSAGE[1]
        ),
        lambda: signature.verify(key, {"webhook-id": "x"}, MESSAGE[2], MESSAGE[1]),
    ):
        with pytest.raises(ValueError, match=r"no signature|timestamp|missing"):
            wrong()


@pytest.mark.parametrize("wrong", ["whsk_canary!", "whsk_" + base64.b64encode(b"canary").decode()])
def test_a_broken_key_is_not_repeated(wrong):
    with pytest.raises(ValueError, match=r"key|secret") as caught:
        signature.headers([wrong], *MESSAGE)
    assert "canary" not in str(caught.value)


def test_a_rotated_secret_signs_until_its_grace_is_over():
    old = signature.rotated("first", [], NOW, timedelta(hours=24))
    assert signature.signing("second", old, NOW + timedelta(hours=23)) == ["second", "first"]
    assert signature.signing("second", old, NOW + timedelta(hours=24)) == ["second"]
    both = signature.rotated("second", old, NOW + timedelta(hours=1), timedelta(hours=1))
    assert signature.signing("third", both, NOW + timedelta(hours=1)) == [
        "third",
        "second",
        "first",
    ]
    assert signature.rotated("second", old, NOW + timedelta(days=2), timedelta(0)) == []
    for _ in range(20):
        both = signature.rotated("again", both, NOW, timedelta(days=7))
    assert len(both) == 10


# Forms


def parsed(message: envelope.Envelope):
    """As the SDK of CloudEvents reads it."""
    return from_http_event(HTTPMessage(message.headers, message.body))


@pytest.mark.parametrize("form", ["cloudevents-binary", "cloudevents-structured"])
def test_cloudevents_are_read_by_their_sdk(form):
    row = event(1, NOW, model='modèle %"x"', canonical='openai/modèle %"x"', quote="ü")
    read = parsed(envelope.seal(form, [row]))
    assert read.get_id() == row.id
    assert read.get_source() == "lastcall/openai.deprecations"
    assert read.get_type() == "lastcall.retirement.postponed"
    assert read.get_time() == NOW
    assert read.get_subject() == 'openai/modèle %"x"'
    assert read.get_datacontenttype() == "application/json"
    data = read.get_data()
    assert (data if isinstance(data, dict) else json.loads(data)) == row.to_json()


@pytest.mark.parametrize("form", ["cloudevents-binary", "cloudevents-structured"])
def test_a_digest_as_a_cloudevent(form):
    rows = [event(number, NOW + timedelta(minutes=number)) for number in (2, 1)]
    read = parsed(envelope.seal(form, rows, "msg_1"))
    assert (read.get_id(), read.get_source(), read.get_type()) == (
        "msg_1",
        "lastcall",
        "lastcall.digest",
    )
    assert read.get_time() == NOW + timedelta(minutes=2)
    assert read.get_subject() is None
    data = read.get_data()
    assert [
        form["sequence"]
        for form in (data if isinstance(data, dict) else json.loads(data))["events"]
    ] == [None, None]


def test_a_message_is_made_once():
    envelopes, row = envelope.Envelopes(size=2), event(1, NOW)
    first = envelopes.seal("", [row])
    assert envelopes.seal("", [row]) is first
    assert envelopes.seal("cloudevents-binary", [row]) is not first
    envelopes.seal("", [event(2, NOW)])
    assert envelopes.seal("", [row]) is not first
    assert envelopes.seal("", [row]) == first


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.mark.parametrize("form", ["cloudevents-binary", "cloudevents-structured"])
async def test_a_delivery_as_cloudevent_is_signed_as_any(store, clock, form):
    receiver = Receiver()
    async with serving(receiver.handle) as url:
        enqueue(
            store, clock, [target("a", clock(), address=url, secret=receiver.secret, format=form)]
        )
        async with publisher(store, clock) as sender:
            await sender.drain_once()
    ((message_id, body),) = receiver.got
    assert from_http_event(HTTPMessage(receiver.requests[0], body)).get_id() == message_id


async def test_rotation_with_overlap(store, clock):
    """R11: both sign within the grace, and either verifies; after it only the new one."""
    old, new, verified = signature.new_secret(), signature.new_secret(), []

    async def answer(request):
        body, sent = (
            await request.read(),
            {name.lower(): value for name, value in request.headers.items()},
        )
        fine = []
        for secret in (old, new):
            try:
                Webhook(secret).verify(body, sent)
                fine.append(secret)
            except Exception:  # the library's own, and others where there is one signature less
                continue
        verified.append(fine)
        return web.Response()

    async with serving(answer) as url:
        old_secrets = signature.rotated(old, [], clock(), timedelta(minutes=4))
        enqueue(
            store,
            clock,
            [target("a", clock(), address=url, secret=new, old_secrets=old_secrets)],
            2,
        )
        async with publisher(store, clock) as sender:
            for delivery in await sender.claim(9):
                await sender.deliver([delivery])
                clock.pass_(timedelta(minutes=4))
    assert verified == [[old, new], [new]]


# Asking first


@pytest.mark.parametrize(
    ("status", "allowed", "consents"),
    [
        (200, "lastcall", True),
        (200, "*", True),
        (204, "other, LASTCALL", True),
        (200, "other", False),
        (200, None, False),
        (405, "*", False),
        (302, "*", False),
    ],
)
@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_handshake(store, clock, status, allowed, consents):
    requests = []

    async def answer(request):
        requests.append((request.method, request.headers.get("WebHook-Request-Origin")))
        return web.Response(
            status=status, headers={"WebHook-Allowed-Origin": allowed} if allowed else {}
        )

    async with serving(answer) as url, publisher(store, clock) as sender:
        row = target("a", clock(), address=url, verify="handshake")
        if consents:
            await sender.handshake(row)
        else:
            with pytest.raises(DeliveryFailed, match=f"HTTP {status}"):
                await sender.handshake(row)
    assert requests == [("OPTIONS", "lastcall")]


@pytest.mark.parametrize("verify", ["", "handshake"])
async def test_who_consented_is_told_who_sends(store, clock, verify):
    receiver = Receiver()
    async with serving(receiver.handle) as url:
        enqueue(
            store, clock, [target("a", clock(), address=url, secret=receiver.secret, verify=verify)]
        )
        async with publisher(store, clock) as sender:
            await sender.drain_once()
    assert receiver.requests[0].get("WebHook-Request-Origin") == ("lastcall" if verify else None)
    with store.read() as session:
        assert session.exec(select(DeliveryRow)).one().state == "delivered"
